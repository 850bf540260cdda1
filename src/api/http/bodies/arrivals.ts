import { GatewayError } from "../../../errors.ts";
import { fairTurns } from "../connections/fair-turns.ts";

/** The most memory for all bodies and messages together, in bytes: 64 of the largest, or thousands of usual ones. */
const MAX_MEMORY_BYTES = 64 * 1024 ** 2;
/** The most bytes that all uploads together take in the temporary directory: two of the largest forms. */
const MAX_DISK_BYTES = 2 * 1024 ** 3;
/** How often everything that is arriving is checked. */
export const SWEEP_MS = 5_000;
/** After this many checks (5 to 10 seconds) an arrival is cut off if others need its room. */
const REPLACEABLE_AFTER_SWEEPS = 2;
const FULL_RETRY_SECONDS = 5;

export type Store = "memory" | "disk";

/** A body or a message that is arriving. */
export interface Arrival {
  /** How often it was checked. */
  readonly sweeps: number;
  /** How much of the room it holds, in bytes. */
  held(store: Store): number;
  /**
   * Checks what has come since the last check.
   *
   * @returns whether to check it again
   */
  sweep(): boolean;
  /** Gives back its room and cuts it off. */
  refuse(error: GatewayError): void;
}

/** A connection or request whose reading can be paused. */
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

/** Tracks everything that clients are sending to this process, and the memory and disk space that it shares. */
export class Arrivals {
  readonly #free: Record<Store, number>;
  /** In the order in which they began. */
  readonly #arriving = new Set<Arrival>();
  #timer: NodeJS.Timeout | undefined;

  constructor({ maxMemoryBytes = MAX_MEMORY_BYTES, maxDiskBytes = MAX_DISK_BYTES }: ArrivalsOptions = {}) {
    this.#free = { memory: maxMemoryBytes, disk: maxDiskBytes };
  }

  /** Checks the arrival every {@link SWEEP_MS} from now on. */
  add(arrival: Arrival): void {
    this.#arriving.add(arrival);
    this.#timer ??= setInterval(() => this.#sweep(), SWEEP_MS).unref();
  }

  /** Stops checking the arrival: it has arrived, or it will not arrive. */
  forget(arrival: Arrival): void {
    this.#arriving.delete(arrival);
  }

  /**
   * Takes room. When there is too little, the arrivals that have taken longest are cut off.
   *
   * @param bytes how much to take; negative to give some back
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
   * Stops reading a connection until others have had their turn. Otherwise many fast clients could block all others for
   * seconds.
   */
  waitForTurn(connection: Pausable): void {
    connection.pause();
    fairTurns.wait(connection, () => connection.resume());
  }

  #sweep(): void {
    for (const arrival of this.#arriving) if (!arrival.sweep()) this.#arriving.delete(arrival);
    if (this.#arriving.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}

function canMakeWay(arrival: Arrival, store: Store): boolean {
  return arrival.sweeps >= REPLACEABLE_AFTER_SWEEPS && arrival.held(store) > 0;
}

function overloaded(): GatewayError {
  const message = "this gateway is receiving too much data at once; send the request again later";
  return new GatewayError("OVERLOADED", message, { retryAfterSeconds: FULL_RETRY_SECONDS });
}
