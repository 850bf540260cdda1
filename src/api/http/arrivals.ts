import { GatewayError } from "../../errors.ts";

/** The most memory that all bodies and messages together may hold, in bytes: 64 of the largest, thousands of usual ones. */
const MAX_MEMORY_BYTES = 64 * 1024 ** 2;
/** The most bytes of all uploads together in the temporary directory: two of the largest forms. */
const MAX_DISK_BYTES = 2 * 1024 ** 3;
/** How many may go on in one turn, of those that wait for others to have theirs. */
const TURNS_AT_ONCE = 2;
/** How often everything that is arriving is looked at. */
export const SWEEP_MS = 5_000;
/** What has been arriving for five to ten seconds makes way for others when there is no room. */
const MAKES_WAY_AFTER_SWEEPS = 2;
const FULL_RETRY_SECONDS = 5;

export type Store = "memory" | "disk";

/** A body or a message that is arriving. */
export interface Arrival {
  /** How often it was looked at. */
  readonly sweeps: number;
  /** How much of the room it holds, in bytes. */
  held(store: Store): number;
  /** Looks at what has come since the last time. Answers whether there is more to look at. */
  sweep(): boolean;
  /** Gives its room back and ends it. */
  refuse(error: GatewayError): void;
}

/** What can be kept from reading for a while. */
export interface Pausable {
  pause(): void;
  resume(): void;
}

export interface ArrivalsOptions {
  /** @defaultValue 64 MiB */
  readonly maxMemoryBytes?: number;
  /** @defaultValue 2 GiB */
  readonly maxDiskBytes?: number;
}

/** Everything that clients are sending to this process, and the room that it shares. */
export class Arrivals {
  readonly #free: Record<Store, number>;
  /** In the order they began. */
  readonly #arriving = new Set<Arrival>();
  #timer: NodeJS.Timeout | undefined;
  #waiting: Pausable[] = [];

  constructor({ maxMemoryBytes = MAX_MEMORY_BYTES, maxDiskBytes = MAX_DISK_BYTES }: ArrivalsOptions = {}) {
    this.#free = { memory: maxMemoryBytes, disk: maxDiskBytes };
  }

  /** Looks at it from now on, every five seconds. */
  add(arrival: Arrival): void {
    this.#arriving.add(arrival);
    this.#timer ??= setInterval(() => this.#sweep(), SWEEP_MS).unref();
  }

  /** It has arrived, or will not. */
  forget(arrival: Arrival): void {
    this.#arriving.delete(arrival);
  }

  /**
   * Takes room. When there is none, what has been arriving for longest makes way.
   *
   * @param bytes may be negative
   * @throws OVERLOADED when there is no room
   */
  take(store: Store, bytes: number, taker: Arrival): void {
    while (this.#free[store] < bytes) {
      const oldest = [...this.#arriving].find((arrival) => arrival !== taker && canMakeWay(arrival, store));
      if (!oldest) throw overloaded();
      oldest.refuse(overloaded());
    }
    this.#free[store] -= bytes;
  }

  giveBack(store: Store, bytes: number): void {
    this.#free[store] += bytes;
  }

  /**
   * Reads nothing more of a connection until others had their turn. Many fast clients at once would keep everyone else
   * waiting for seconds.
   */
  waitForTurn(connection: Pausable): void {
    connection.pause();
    if (this.#waiting.push(connection) === 1) setImmediate(() => this.#takeTurns());
  }

  #takeTurns(): void {
    for (const connection of this.#waiting.splice(0, TURNS_AT_ONCE)) connection.resume();
    if (this.#waiting.length > 0) setImmediate(() => this.#takeTurns());
  }

  #sweep(): void {
    for (const arrival of this.#arriving) if (!arrival.sweep()) this.#arriving.delete(arrival);
    if (this.#arriving.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}

function canMakeWay(arrival: Arrival, store: Store): boolean {
  return arrival.sweeps >= MAKES_WAY_AFTER_SWEEPS && arrival.held(store) > 0;
}

function overloaded(): GatewayError {
  const message = "too much is being sent to this gateway at once; send the request again later";
  return new GatewayError("OVERLOADED", message, { retryAfterSeconds: FULL_RETRY_SECONDS });
}
