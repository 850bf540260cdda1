import type { Request, RequestHandler, Response } from "express";
import { GatewayError } from "../../errors.ts";
import { type Arrival, type Arrivals, type Store, SWEEP_MS } from "./arrivals.ts";

/** A body is judged by what arrived in the last 30 seconds. */
const WINDOW_SWEEPS = 6;
/** A slower client than this is cut off. */
const MIN_BYTES_PER_SECOND = 1024;
const MIN_WINDOW_BYTES = (MIN_BYTES_PER_SECOND * WINDOW_SWEEPS * SWEEP_MS) / 1000;
/** How long the rest of a body may go on arriving after its request was answered; it is dropped as it comes. */
const LINGER_SWEEPS = 6;

/** A body that came too slowly. It is answered with 408, and its connection is closed. */
export class SlowBodyError extends GatewayError {
  constructor() {
    super("BAD_USER_INPUT", `the body came too slowly; send at least ${MIN_BYTES_PER_SECOND} bytes a second`, {
      field: "body",
    });
  }
}

const BODY = Symbol("body");

/**
 * Watches the body of each request until it has arrived. A client that sends less than 1 KiB a second for 30 seconds is
 * cut off, also where nobody reads the body.
 */
export function watchBodies(arrivals: Arrivals): RequestHandler {
  return (request, response, next) => {
    const { headers } = request;
    if (headers["content-length"] !== undefined || headers["transfer-encoding"] !== undefined) {
      const body = new IncomingBody(arrivals, request, response);
      Object.assign(request, { [BODY]: body });
      arrivals.add(body);
    }
    next();
  };
}

/** The body of a request; `undefined` when it has none. */
export function incomingBodyOf(request: Request): IncomingBody | undefined {
  return (request as { [BODY]?: IncomingBody })[BODY];
}

/** The body of one request, from its first byte until nobody needs it any more. */
export class IncomingBody implements Arrival {
  readonly #arrivals: Arrivals;
  readonly #request: Request;
  readonly #response: Response;
  readonly #held: Record<Store, number> = { memory: 0, disk: 0 };
  #listener: ((error: GatewayError) => void) | undefined;
  #isRefused = false;
  /** The response, and whoever else needs the body. */
  #users = 1;
  #sweeps = 0;
  #sweepsSinceAnswer = 0;
  /** How many bytes had come over the connection, at each of the last sweeps. */
  readonly #received: number[] = [];

  constructor(arrivals: Arrivals, request: Request, response: Response) {
    this.#arrivals = arrivals;
    this.#request = request;
    this.#response = response;
    // Sending an image takes ten listeners, after which Node would warn.
    response.setMaxListeners(response.getMaxListeners() + 1).once("close", () => {
      this.#leave();
      // Node drops a body that nobody reads, at any cost: each chunk of one byte takes as long as one of 64 KiB.
      const isUnread = this.#listener === undefined && !request.complete;
      if (isUnread && request.headers["transfer-encoding"] !== undefined) request.destroy();
    });
  }

  get sweeps(): number {
    return this.#sweeps;
  }

  held(store: Store): number {
    return this.#held[store];
  }

  /** Calls `listener` when the body must not go on arriving: it is too slow, or has to make way for others. */
  onRefused(listener: (error: GatewayError) => void): void {
    this.#listener = listener;
  }

  /** Keeps the body's memory counted until `work` has settled, also when the client leaves before. */
  async keepFor<Result>(work: Promise<Result>): Promise<Result> {
    this.#users++;
    try {
      return await work;
    } finally {
      this.#leave();
    }
  }

  /**
   * Takes room for bytes of the body, before they are kept. Memory is free again when the request is answered; who keeps
   * bytes on disk releases them.
   *
   * @param bytes may be negative
   * @throws OVERLOADED when there is no room
   */
  hold(store: Store, bytes: number): void {
    if (this.#users === 0 || this.#isRefused) throw new Error("the body is not needed any more");
    this.#arrivals.take(store, bytes, this);
    this.#held[store] += bytes;
  }

  release(store: Store, bytes: number): void {
    const released = Math.min(bytes, this.#held[store]);
    this.#held[store] -= released;
    this.#arrivals.giveBack(store, released);
  }

  #leave(): void {
    this.#users--;
    if (this.#users === 0) this.release("memory", this.#held.memory);
  }

  /** Reads nothing more of it until others had their turn. */
  waitForTurn(): void {
    this.#arrivals.waitForTurn(this.#request);
  }

  /** The body is here, and is not watched any more. */
  arrived(): void {
    this.#arrivals.forget(this);
  }

  /** Gives all room back and stops whoever reads the body, who then answers the request. */
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

  /** Drops what still comes of the body: nobody needs it any more. */
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
    // Unread bytes wait for the gateway: the client is not the one who is slow.
    if (this.#request.readableLength > 0) this.#received.length = 0;
    this.#received.push(bytesRead);
    if (this.#received.length <= WINDOW_SWEEPS) return false;
    const before = this.#received.shift() ?? bytesRead;
    return bytesRead - before < MIN_WINDOW_BYTES;
  }
}
