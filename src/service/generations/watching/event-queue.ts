type Step<Event> = IteratorResult<Event, undefined>;

/**
 * The events of one viewer, in order. Holds either the events that the viewer has not requested yet, or its unanswered
 * requests.
 */
export class EventQueue<Event> implements AsyncIterableIterator<Event, undefined> {
  readonly #leave: () => void;
  readonly #queued: Event[] = [];
  readonly #waiting: ((step: Step<Event>) => void)[] = [];
  #isOver = false;

  /** @param leave is called once, when the iteration ends */
  constructor(leave: () => void) {
    this.#leave = leave;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** The number of events that the viewer has not requested yet. */
  get length(): number {
    return this.#queued.length;
  }

  next(): Promise<Step<Event>> {
    const event = this.#queued.shift();
    if (event) return Promise.resolve({ done: false, value: event });
    if (this.#isOver) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  async return(): Promise<Step<Event>> {
    this.#queued.length = 0;
    this.end();
    return { done: true, value: undefined };
  }

  push(event: Event): void {
    const answer = this.#waiting.shift();
    if (answer) answer({ done: false, value: event });
    else this.#queued.push(event);
  }

  /** Ends the iteration after the events that are queued. */
  end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#leave();
    for (const answer of this.#waiting.splice(0)) answer({ done: true, value: undefined });
  }
}
