import type { Duplex } from "node:stream";
import { badInput, GatewayError } from "../../../errors.ts";
import type { Arrival, Arrivals, Pausable, Store } from "../../http/bodies/arrivals.ts";
import { memoryOf } from "../../http/bodies/json-body.ts";
import { MessageFrames } from "./message-frames.ts";

/** A chunk of this many bytes is followed by more; other connections have their turn first. */
const TURN_BYTES = 16 * 1024;
/** Frames in one chunk, which has at most 64 KiB. Answering a message takes far longer than sending it. */
const MAX_FRAMES_AT_ONCE = 1_000;
/**
 * How many times its size an unfinished message takes in memory: the chunks that came, the copy that joins the chunks of
 * a frame, and the chunk that Node reads ahead while the connection waits for its turn.
 */
const COPIES = 3;
/** A message may arrive for this many sweeps: one minute. */
const MAX_SWEEPS = 12;

/**
 * Counts the memory that the messages of one connection use, in the budget that all request bodies share. A message
 * counts while it arrives and while its operation runs. One that takes longer than a minute to arrive is refused, even
 * if the client sends pings meanwhile.
 */
export class IncomingMessages implements Arrival {
  readonly #arrivals: Arrivals;
  readonly #socket: Pausable;
  readonly #end: (error: GatewayError) => void;
  readonly #frames = new MessageFrames();
  #heldBytes = 0;
  #sweeps = 0;
  #isRefused = false;

  /**
   * @param connection carries the messages
   * @param socket the WebSocket on that connection
   * @param end closes the connection immediately
   */
  constructor(arrivals: Arrivals, connection: Duplex, socket: Pausable, end: (error: GatewayError) => void) {
    this.#arrivals = arrivals;
    this.#socket = socket;
    this.#end = end;
    // Runs before the listeners that read messages, so that a message is counted before its operation begins.
    connection.prependListener("data", (chunk: Buffer) => this.#take(chunk));
    connection.once("close", () => this.#settle());
  }

  get sweeps(): number {
    return this.#sweeps;
  }

  held(store: Store): number {
    return store === "memory" ? this.#heldBytes : 0;
  }

  /**
   * Counts a message that has arrived.
   *
   * @returns a function that stops counting it
   *
   * @throws OVERLOADED when there is no room
   */
  hold(message: unknown): () => void {
    const bytes = memoryOf(message);
    this.#arrivals.take("memory", bytes, this);
    return () => this.#arrivals.giveBack("memory", bytes);
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    if (!this.#isRefused) this.#socket.resume();
  }

  #take(chunk: Buffer): void {
    if (this.#isRefused) return;
    if (chunk.length >= TURN_BYTES) this.#arrivals.waitForTurn(this);
    try {
      this.#count(chunk);
    } catch (error) {
      this.refuse(error as GatewayError);
    }
  }

  #count(chunk: Buffer): void {
    if (this.#frames.write(chunk)) this.#settle();
    const { unfinishedBytes, endedFrames } = this.#frames;
    if (endedFrames > MAX_FRAMES_AT_ONCE)
      throw badInput("body", "too many messages arrived at once; send fewer at a time");
    if (unfinishedBytes === 0) return;
    if (this.#heldBytes === 0) this.#arrivals.add(this);
    this.#arrivals.take("memory", COPIES * unfinishedBytes - this.#heldBytes, this);
    this.#heldBytes = COPIES * unfinishedBytes;
  }

  /** Stops counting the unfinished message: it has ended, or it will not end. */
  #settle(): void {
    this.#arrivals.giveBack("memory", this.#heldBytes);
    this.#arrivals.forget(this);
    this.#heldBytes = 0;
    this.#sweeps = 0;
  }

  sweep(): boolean {
    this.#sweeps++;
    if (this.#sweeps > MAX_SWEEPS)
      this.refuse(
        new GatewayError("BAD_USER_INPUT", "the message arrived too slowly; send it faster or in a smaller operation"),
      );
    return this.#heldBytes > 0;
  }

  refuse(error: GatewayError): void {
    this.#isRefused = true;
    this.#settle();
    this.#end(error);
  }
}
