import { GatewayError } from "../../../errors.ts";

const MINUTE_MS = 60_000;
/** The most networks that are counted separately in one minute, about 10 MB. All others share one count. */
export const MAX_ADDRESSES = 100_000;
const FURTHER_ADDRESSES = "further";

/** Counts the requests of each network in the current minute of the clock. */
export class MinuteCounts {
  readonly #max: number | undefined;
  readonly #now: () => Date;
  #minute = 0;
  #counts = new Map<string, number>();

  constructor(max: number | undefined, now: () => Date) {
    this.#max = max;
    this.#now = now;
  }

  /** Counts one request. @throws RATE_LIMITED when the network exceeds its limit */
  add(network: string): void {
    if (this.#max === undefined) return;
    const nowMs = this.#now().getTime();
    const minute = Math.floor(nowMs / MINUTE_MS);
    if (minute !== this.#minute) this.#counts = new Map();
    this.#minute = minute;
    const isKnown = this.#counts.has(network) || this.#counts.size < MAX_ADDRESSES;
    const key = isKnown ? network : FURTHER_ADDRESSES;
    const count = (this.#counts.get(key) ?? 0) + 1;
    this.#counts.set(key, count);
    if (count <= this.#max) return;
    const retryAfterSeconds = Math.ceil((MINUTE_MS - (nowMs % MINUTE_MS)) / 1000);
    const message = `this address may send ${this.#max} requests a minute; wait ${retryAfterSeconds} seconds`;
    throw new GatewayError("RATE_LIMITED", message, { retryAfterSeconds });
  }
}

/** Counts the open connections or uploads of each network. There are never more entries than connections. */
export class OpenCounts {
  readonly #max: number | undefined;
  readonly #noun: string;
  readonly #counts = new Map<string, number>();

  /** @param noun what is counted, in the plural, for the error */
  constructor(max: number | undefined, noun: string) {
    this.#max = max;
    this.#noun = noun;
  }

  /**
   * Counts one more.
   *
   * @returns a function that stops counting it; further calls do nothing
   * @throws RATE_LIMITED when the network has reached its limit
   */
  enter(network: string): () => void {
    const count = this.#counts.get(network) ?? 0;
    if (this.#max !== undefined && count >= this.#max) {
      throw new GatewayError("RATE_LIMITED", `this address may have ${this.#max} ${this.#noun} at once; end one first`);
    }
    this.#counts.set(network, count + 1);
    let isOpen = true;
    return () => {
      if (!isOpen) return;
      isOpen = false;
      const left = (this.#counts.get(network) ?? 1) - 1;
      if (left > 0) this.#counts.set(network, left);
      else this.#counts.delete(network);
    };
  }
}
