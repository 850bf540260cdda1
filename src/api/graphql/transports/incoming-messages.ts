import type { Duplex } from "node:stream";
import { GatewayError } from "../../../errors.ts";
import type { Arrival, Arrivals, Store } from "../../http/arrivals.ts";
import { memoryOf } from "../../http/json-body.ts";
import { MessageFrames } from "./message-frames.ts";

/** A message may arrive for this many sweeps: one minute. */
const MAX_SWEEPS = 12;

/**
 * Counts the memory that the messages of one connection use, in the budget that all request bodies share. A message counts
 * while it arrives and while its operation runs. One that takes longer than a minute to arrive is refused, even if the
 * client sends pings meanwhile.
 */
export class IncomingMessages implements Arrival {
  readonly #arrivals: Arrivals;
  readonly #end: (error: GatewayError) => void;
  readonly #frames = new MessageFrames();
  #arrivingBytes = 0;
  #sweeps = 0;
  #isRefused = false;

  /**
   * @param connection carries the messages
   * @param end closes the connection immediately
   */
  constructor(arrivals: Arrivals, connection: Duplex, end: (error: GatewayError) => void) {
    this.#arrivals = arrivals;
    this.#end = end;
    // Runs before the listeners that read messages, so that a message is counted before its operation begins.
    connection.prependListener("data", (chunk: Buffer) => this.#take(chunk));
    connection.once("close", () => this.#settle());
  }

  get sweeps(): number {
    return this.#sweeps;
  }

  held(store: Store): number {
    return store === "memory" ? this.#arrivingBytes : 0;
  }

  /**
   * Counts a message that has arrived.
   *
   * @returns a function that stops counting it   *
   * @throws OVERLOADED when there is no room
   */
  hold(message: unknown): () => void {
    const bytes = memoryOf(message);
    this.#arrivals.take("memory", bytes, this);
    return () => this.#arrivals.giveBack("memory", bytes);
  }

  #take(chunk: Buffer): void {
    if (this.#isRefused) return;
    if (this.#frames.write(chunk)) this.#settle();
    const { unfinishedBytes } = this.#frames;
    if (unfinishedBytes === 0) return;
    if (this.#arrivingBytes === 0) this.#arrivals.add(this);
    try {
      this.#arrivals.take("memory", unfinishedBytes - this.#arrivingBytes, this);
      this.#arrivingBytes = unfinishedBytes;
    } catch (error) {
      this.refuse(error as GatewayError);
    }
  }

  /** Stops counting the unfinished message: it has ended, or it will not end. */
  #settle(): void {
    this.#arrivals.giveBack("memory", this.#arrivingBytes);
    this.#arrivals.forget(this);
    this.#arrivingBytes = 0;
    this.#sweeps = 0;
  }

  sweep(): boolean {
    this.#sweeps++;
    if (this.#sweeps > MAX_SWEEPS) this.refuse(new GatewayError("BAD_USER_INPUT", "the message came too slowly"));
    return this.#arrivingBytes > 0;
  }

  refuse(error: GatewayError): void {
    this.#isRefused = true;
    this.#settle();
    this.#end(error);
  }
}
