/** The longest time without a byte of a stream. A gateway sends a comment every 12 s while nothing happens. */
const MAX_SILENCE_MS = 60_000;

/** Gives a stream up after a minute without a byte. */
export class Silence implements Disposable {
  readonly #controller = new AbortController();
  #timer: NodeJS.Timeout;

  constructor() {
    this.#timer = this.#wait();
  }

  /** Aborts when the silence is too long, and when the stream is no longer used. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Starts anew, because a byte came. */
  break(): void {
    clearTimeout(this.#timer);
    this.#timer = this.#wait();
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#controller.abort();
  }

  #wait(): NodeJS.Timeout {
    return setTimeout(() => this.#controller.abort(), MAX_SILENCE_MS);
  }
}
