import type { Duplex } from "node:stream";
import { GatewayError } from "../../../errors.ts";
import type { Arrival, Arrivals, Store } from "../../http/arrivals.ts";
import { memoryOf } from "../../http/json-body.ts";
import { MessageFrames } from "./message-frames.ts";

/** How long a message may take from its first byte to its last: a minute. */
const MAX_SWEEPS = 12;

/**
 * The messages of one connection, which share the room of all bodies: while one is arriving, and while the operation
 * runs that it asked for. A message that takes longer than a minute is refused; pings give it no more time.
 */
export class IncomingMessages implements Arrival {
  readonly #arrivals: Arrivals;
  readonly #end: (error: GatewayError) => void;
  readonly #frames = new MessageFrames();
  #arrivingBytes = 0;
  #sweeps = 0;
  #isRefused = false;

  /**
   * @param connection what the messages come over
   * @param end closes the connection, at once
   */
  constructor(arrivals: Arrivals, connection: Duplex, end: (error: GatewayError) => void) {
    this.#arrivals = arrivals;
    this.#end = end;
    // Before those who read the messages: what they begin then finds what has arrived counted.
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
   * Counts a message that has arrived until the function is called that this returns.
   *
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

  /** Nothing is unfinished any more. */
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
