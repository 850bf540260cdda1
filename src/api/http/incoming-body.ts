import type { Request, RequestHandler, Response } from "express";
import { GatewayError } from "../../errors.ts";

/** The most memory that all bodies together may hold, in bytes: 64 of the largest ones, or thousands of usual ones. */
const MAX_MEMORY_BYTES = 64 * 1024 ** 2;
/** The most bytes of all uploads together in the temporary directory: two of the largest forms. */
const MAX_DISK_BYTES = 2 * 1024 ** 3;
/** How often the bodies that are arriving are looked at. */
const SWEEP_MS = 5_000;
/** A body is judged by what arrived in the last 30 seconds. */
const WINDOW_SWEEPS = 6;
/** A slower client than this is cut off. */
const MIN_BYTES_PER_SECOND = 1024;
const MIN_WINDOW_BYTES = (MIN_BYTES_PER_SECOND * WINDOW_SWEEPS * SWEEP_MS) / 1000;
/** How long the rest of a body may go on arriving after its request was answered; it is dropped as it comes. */
const LINGER_SWEEPS = 6;
/** A body that has been arriving for five to ten seconds makes way for others when there is no room. */
const MAKES_WAY_AFTER_SWEEPS = 2;
const FULL_RETRY_SECONDS = 5;

export interface IncomingBodiesOptions {
  /** @defaultValue 64 MiB */
  readonly maxMemoryBytes?: number;
  /** @defaultValue 2 GiB */
  readonly maxDiskBytes?: number;
}

/** A body that came too slowly. It is answered with 408, and its connection is closed. */
export class SlowBodyError extends GatewayError {
  constructor() {
    super("BAD_USER_INPUT", `the body came too slowly; send at least ${MIN_BYTES_PER_SECOND} bytes a second`, {
      field: "body",
    });
  }
}

type Store = "memory" | "disk";

/** The bodies of all requests, and the room that they share. */
export class IncomingBodies {
  readonly #free: Record<Store, number>;
  /** In the order they began. */
  readonly #arriving = new Set<IncomingBody>();
  #timer: NodeJS.Timeout | undefined;

  constructor({ maxMemoryBytes = MAX_MEMORY_BYTES, maxDiskBytes = MAX_DISK_BYTES }: IncomingBodiesOptions = {}) {
    this.#free = { memory: maxMemoryBytes, disk: maxDiskBytes };
  }

  /**
   * Watches the body of each request until it has arrived. A client that sends less than 1 KiB a second for 30 seconds
   * is cut off, also where nobody reads the body.
   */
  readonly watch: RequestHandler = (request, response, next) => {
    const { headers } = request;
    if (headers["content-length"] !== undefined || headers["transfer-encoding"] !== undefined) {
      const body = new IncomingBody(this, request, response);
      Object.assign(request, { [BODY]: body });
      this.#arriving.add(body);
      this.#timer ??= setInterval(() => this.#sweep(), SWEEP_MS).unref();
    }
    next();
  };

  /**
   * Takes room for a body. When there is none, the body that has been arriving for longest makes way.
   *
   * @throws OVERLOADED when there is no room
   */
  take(store: Store, bytes: number, taker: IncomingBody): void {
    while (this.#free[store] < bytes) {
      const slowest = [...this.#arriving].find((body) => body !== taker && body.canMakeWay(store));
      if (!slowest) throw overloaded();
      slowest.refuse(overloaded());
    }
    this.#free[store] -= bytes;
  }

  giveBack(store: Store, bytes: number): void {
    this.#free[store] += bytes;
  }

  forget(body: IncomingBody): void {
    this.#arriving.delete(body);
  }

  #sweep(): void {
    for (const body of this.#arriving) if (!body.sweep()) this.#arriving.delete(body);
    if (this.#arriving.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}

const BODY = Symbol("body");

/** The body of a request; `undefined` when it has none. */
export function incomingBodyOf(request: Request): IncomingBody | undefined {
  return (request as { [BODY]?: IncomingBody })[BODY];
}

/** The body of one request, from its first byte until nobody needs it any more. */
export class IncomingBody {
  readonly #bodies: IncomingBodies;
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

  constructor(bodies: IncomingBodies, request: Request, response: Response) {
    this.#bodies = bodies;
    this.#request = request;
    this.#response = response;
    // Sending an image takes ten listeners, after which Node would warn.
    response.setMaxListeners(response.getMaxListeners() + 1).once("close", () => this.#leave());
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
    this.#bodies.take(store, bytes, this);
    this.#held[store] += bytes;
  }

  release(store: Store, bytes: number): void {
    const released = Math.min(bytes, this.#held[store]);
    this.#held[store] -= released;
    this.#bodies.giveBack(store, released);
  }

  #leave(): void {
    this.#users--;
    if (this.#users === 0) this.release("memory", this.#held.memory);
  }

  /** The body is here, and is not watched any more. */
  arrived(): void {
    this.#bodies.forget(this);
  }

  canMakeWay(store: Store): boolean {
    return this.#sweeps >= MAKES_WAY_AFTER_SWEEPS && this.#held[store] > 0 && !this.#isRefused;
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

  /** Looks at what has come since the last time. Answers whether there is more to watch. */
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

function overloaded(): GatewayError {
  const message = "too much is being sent to this gateway at once; send the request again later";
  return new GatewayError("OVERLOADED", message, { retryAfterSeconds: FULL_RETRY_SECONDS });
}
