import type { Request, Response } from "express";
import { GatewayError } from "../../../errors.ts";
import type { Step } from "../steps.ts";
import { type Arrival, type Arrivals, type Store, SWEEP_MS } from "./arrivals.ts";

/** The rate of a body is measured over this many sweeps: 30 seconds. */
const WINDOW_SWEEPS = 6;
/** A client that is slower than this is cut off. */
const MIN_BYTES_PER_SECOND = 1024;
const MIN_WINDOW_BYTES = (MIN_BYTES_PER_SECOND * WINDOW_SWEEPS * SWEEP_MS) / 1000;
/** For how many sweeps the rest of a body may arrive after its request was answered. It is dropped as it arrives. */
const LINGER_SWEEPS = 6;

/** The error of a body that came too slowly. It is answered with 408, and the connection is closed. */
export class SlowBodyError extends GatewayError {
  constructor() {
    super("BAD_USER_INPUT", `the body came too slowly; send at least ${MIN_BYTES_PER_SECOND} bytes a second`, {
      field: "body",
    });
  }
}

const BODY = Symbol("body");

/**
 * Watches the body of each request until it has arrived. A client that sends less than 1 KiB a second over 30 seconds
 * is cut off, even if no route reads the body.
 */
export function watchBodies(arrivals: Arrivals): Step {
  return (request, response) => {
    const { headers } = request;
    if (headers["content-length"] === undefined && headers["transfer-encoding"] === undefined) return undefined;
    const body = new IncomingBody(arrivals, request, response);
    Object.assign(request, { [BODY]: body });
    arrivals.add(body);
    return () => body.end();
  };
}

/** Returns the body of a request; `undefined` when it has none. */
export function incomingBodyOf(request: Request): IncomingBody | undefined {
  return (request as { [BODY]?: IncomingBody })[BODY];
}

/** The body of one request, from its first byte until it is no longer needed. */
export class IncomingBody implements Arrival {
  readonly #arrivals: Arrivals;
  readonly #request: Request;
  readonly #response: Response;
  readonly #held: Record<Store, number> = { memory: 0, disk: 0 };
  #listener: ((error: GatewayError) => void) | undefined;
  #isRefused = false;
  /** How many still need the body: the response, and each call of {@link keepFor}. */
  #users = 1;
  #sweeps = 0;
  #sweepsSinceAnswer = 0;
  /** The bytes received over the connection by the time of each of the last sweeps. */
  readonly #received: number[] = [];

  constructor(arrivals: Arrivals, request: Request, response: Response) {
    this.#arrivals = arrivals;
    this.#request = request;
    this.#response = response;
  }

  /** Stops using the body for its request, which is over. */
  end(): void {
    this.#stopUsing();
    // Node would read the rest of the body only to drop it. That can be slow: a chunk of one byte takes as long as one of
    // 64 KiB.
    const isUnread = this.#listener === undefined && !this.#request.complete;
    if (isUnread && this.#request.headers["transfer-encoding"] !== undefined) this.#request.destroy();
  }

  get sweeps(): number {
    return this.#sweeps;
  }

  held(store: Store): number {
    return this.#held[store];
  }

  /** Sets the function to call when the body is refused: it is too slow, or others need its room. */
  onRefused(listener: (error: GatewayError) => void): void {
    this.#listener = listener;
  }

  /** Keeps counting the body's memory until `work` has settled, even if the client disconnects first. */
  async keepFor<Result>(work: Promise<Result>): Promise<Result> {
    this.#users++;
    try {
      return await work;
    } finally {
      this.#stopUsing();
    }
  }

  /**
   * Takes room for bytes of the body; call it before you store them. Memory is given back when the request is answered.
   * Disk space must be given back with {@link release}.
   *
   * @param bytes how much to take; negative to give some back
   * @throws OVERLOADED when there is no room
   */
  hold(store: Store, bytes: number): void {
    if (this.#users === 0 || this.#isRefused) throw new Error("the body is no longer needed");
    this.#arrivals.take(store, bytes, this);
    this.#held[store] += bytes;
  }

  /** Gives back room, at most as much as the body holds. */
  release(store: Store, bytes: number): void {
    const released = Math.min(bytes, this.#held[store]);
    this.#held[store] -= released;
    this.#arrivals.giveBack(store, released);
  }

  #stopUsing(): void {
    this.#users--;
    if (this.#users === 0) this.release("memory", this.#held.memory);
  }

  /** Stops reading the body until other connections have had their turn. */
  waitForTurn(): void {
    this.#arrivals.waitForTurn(this.#request);
  }

  /** Stops watching the body: it has arrived. */
  arrived(): void {
    this.#arrivals.forget(this);
  }

  /**
   * Gives back all room and stops the reader of the body, which then answers the request. Without a reader, cuts the
   * connection.
   */
  refuse(error: GatewayError): void {
    this.release("memory", this.#held.memory);
    this.release("disk", this.#held.disk);
    if (this.#isRefused || !this.#listener) {
      this.#request.destroy();
      return;
    }
    this.#isRefused = true;
    this.#listener(error);
  }

  /** Drops the rest of the body, which is no longer needed. */
  stop(): void {
    if (!this.#isRefused) this.refuse(new GatewayError("BAD_USER_INPUT", "the request was answered before its end"));
  }

  sweep(): boolean {
    this.#sweeps++;
    if (this.#request.complete || this.#request.destroyed) return false;
    if (this.#response.writableFinished && ++this.#sweepsSinceAnswer > LINGER_SWEEPS) this.#request.destroy();
    else if (this.#isTooSlow()) this.refuse(new SlowBodyError());
    return !this.#request.destroyed;
  }

  #isTooSlow(): boolean {
    const { bytesRead } = this.#request.socket;
    // While bytes wait to be read, the gateway is slow, not the client.
    if (this.#request.readableLength > 0) this.#received.length = 0;
    this.#received.push(bytesRead);
    if (this.#received.length <= WINDOW_SWEEPS) return false;
    const before = this.#received.shift() ?? bytesRead;
    return bytesRead - before < MIN_WINDOW_BYTES;
  }
}
