import type { Pool, PoolClient } from "pg";

/** The most operations that wait for a connection at once. More are refused immediately. */
export const MAX_WAITING = 5_000;

interface Waiter {
  resolve(): void;
  reject(error: unknown): void;
}

/**
 * Gives out the connections of a pool, first come, first served. The pool itself ends a wait after the time limit for
 * connecting, and so would refuse part of a rush that the database can serve. Here the number of waiting operations is
 * limited, not their time. When the database cannot be reached, none of them waits any longer.
 */
export class PostgresTurns {
  readonly #pool: Pool;
  readonly #waiting: Waiter[] = [];
  /** The number of operations with a turn, and how many of them have a connection. */
  #turns = 0;
  #connected = 0;

  constructor(pool: Pool) {
    this.#pool = pool;
  }

  /**
   * Resolves with a connection, which must be given back. @throws if there is none, or too many operations wait for one
   */
  async take(): Promise<PoolClient> {
    await this.#waitForTurn();
    try {
      const client = await this.#pool.connect();
      this.#connected++;
      return client;
    } catch (error) {
      if (this.#connected === 0) for (const waiter of this.#waiting.splice(0)) waiter.reject(error);
      this.#endTurn();
      throw error;
    }
  }

  giveBack(client: PoolClient): void {
    this.#connected--;
    client.release();
    this.#endTurn();
  }

  async #waitForTurn(): Promise<void> {
    if (this.#turns < this.#pool.options.max) {
      this.#turns++;
      return;
    }
    if (this.#waiting.length >= MAX_WAITING) throw new Error("too many operations wait for a connection");
    await new Promise<void>((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  #endTurn(): void {
    const next = this.#waiting.shift();
    // The turn passes to the next operation, so that no later one overtakes it.
    if (next) next.resolve();
    else this.#turns--;
  }
}
