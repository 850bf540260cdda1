/** Work that waits. Connections take turns, so one that has much work does not delay those that have little. */
export class RoundRobin {
  /** The work of each connection in its order; first the connection whose turn is next. */
  readonly #workOf = new Map<object, (() => void)[]>();
  #count = 0;

  /** How many pieces of work wait on all connections. */
  get count(): number {
    return this.#count;
  }

  /** Whether work of this connection waits. */
  has(connection: object): boolean {
    return this.#workOf.has(connection);
  }

  add(connection: object, work: () => void): void {
    const queue = this.#workOf.get(connection);
    if (queue) queue.push(work);
    else this.#workOf.set(connection, [work]);
    this.#count++;
  }

  /** Removes the next piece of work and does it. */
  doNext(): void {
    const [next] = this.#workOf;
    if (!next) return;
    const [connection, queue] = next;
    const work = queue.shift();
    this.#workOf.delete(connection);
    if (queue.length > 0) this.#workOf.set(connection, queue);
    this.#count--;
    work?.();
  }
}
