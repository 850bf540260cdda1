import type { Request, RequestHandler } from "express";
import type { Logger } from "pino";
import { typeid } from "typeid-js";
import { GatewayError } from "../../errors.ts";
import { hostNameOf } from "../../host-name.ts";
import { PUBLIC_PROJECT } from "../../ports/records.ts";
import type { Caller } from "../../service/projects/caller.ts";
import { checkEndUser } from "../../service/projects/end-user.ts";
import { hostOf, networkOf, protocolOf } from "./access/forwarded.ts";
import { logWhenOver } from "./request-log.ts";

/** The caller of every request on an open gateway. */
export const PUBLIC_CALLER: Caller = { projectId: PUBLIC_PROJECT };

/** Who sent a request or an operation that a host program hands to the gateway. */
export interface HostRequest {
  /** The project that the request belongs to. @defaultValue `proj_public` */
  readonly projectId?: string;
  /** The end user who then sees its own records alone, 1–255 characters. @defaultValue sees those of the project */
  readonly endUser?: string | undefined;
  /** The URL of the gateway's app, without a trailing slash: `https://api.example/pictures`. */
  readonly rootUrl?: string;
  /** The idempotency key for inputs that have none. */
  readonly idempotencyKey?: string;
}

/** Tells who sent a request. */
export type Authenticate = (request: Request) => HostRequest | Promise<HostRequest>;

/** @throws BAD_USER_INPUT when the host program names an end user that cannot be one */
export function toCaller({ projectId = PUBLIC_PROJECT, endUser }: HostRequest): Caller {
  return { projectId, ...(endUser !== undefined && { endUser: checkEndUser("endUser", endUser) }) };
}

export interface RequestContextOptions {
  /** Address of the gateway as clients see it; `undefined` derives it from the request. */
  readonly publicUrl: string | undefined;
  /** Whether requests have to say who sends them. @defaultValue false */
  readonly isKeyed?: boolean;
  readonly logger: Logger;
}

/** The facts about a request that every route can use. */
export class RequestContext {
  /** `req_…`, in the `X-Request-Id` header of the answer and in every line logged about it. */
  readonly id: string;
  /** The gateway's root URL for this caller, without a trailing slash: `https://images.example`. */
  rootUrl: string;
  /** Counts an operation that came without a request of its own. @throws RATE_LIMITED */
  countOperation: () => void = () => {};
  /** Reads the credentials in the first message of a WebSocket. @throws UNAUTHENTICATED, FORBIDDEN */
  introduce: (params: Readonly<Record<string, unknown>>) => Promise<void> = async () => {};
  /**
   * Calls back, at most once, when the credentials of the request end: what stays open is to be closed then.
   *
   * @returns takes that back
   */
  onCredentialsEnd: (end: (reason: GatewayError) => void) => () => void = () => () => {};
  #caller: Caller | undefined;
  #logger: Logger;
  #hasOwnLogger = false;

  /** @param caller `undefined` where the request has to say first who sends it */
  constructor(caller: Caller | undefined, rootUrl: string, logger: Logger) {
    this.id = newRequestId();
    this.#caller = caller;
    this.rootUrl = rootUrl;
    this.#logger = logger;
  }

  /** @throws UNAUTHENTICATED while nobody knows who it is */
  get caller(): Caller {
    if (this.#caller) return this.#caller;
    throw new GatewayError("UNAUTHENTICATED", "the request has not said who sends it");
  }

  set caller(caller: Caller) {
    this.#caller = caller;
  }

  /** Adds the request id to each line. Created on first use, because most requests log nothing. */
  get logger(): Logger {
    if (!this.#hasOwnLogger) {
      this.#logger = this.#logger.child({ requestId: this.id });
      this.#hasOwnLogger = true;
    }
    return this.#logger;
  }
}

/** Property of the request that holds its context. A WeakMap would slow down garbage collection. */
const CONTEXT = Symbol("context");

/** Returns the context that {@link assignRequestContext} gave to the request. */
export function contextOf(request: Request): RequestContext {
  const { [CONTEXT]: context } = request as { [CONTEXT]?: RequestContext };
  if (!context) throw new Error("the request has no context");
  return context;
}

/** Gives each request its context and the headers of every answer, and logs one line when it is over. */
export function assignRequestContext({ publicUrl, logger, isKeyed = false }: RequestContextOptions): RequestHandler {
  return (request, response, next) => {
    const caller = isKeyed ? undefined : { ...PUBLIC_CALLER, network: networkOf(request) };
    const context = new RequestContext(caller, rootUrlOf(request, publicUrl), logger);
    Object.assign(request, { [CONTEXT]: context });
    response.setHeader("X-Request-Id", context.id);
    response.setHeader("X-Content-Type-Options", "nosniff");
    logWhenOver(context.id, request, response, logger);
    next();
  };
}

/** Asks the host program who sent the request. */
export function askHost(authenticate: Authenticate): RequestHandler {
  return async (request, _response, next) => {
    const host = await authenticate(request);
    const context = contextOf(request);
    context.caller = toCaller(host);
    context.rootUrl = host.rootUrl ?? context.rootUrl;
    next();
  };
}

/** The same for the whole process, so that the ids of two are never alike. */
const PROCESS_PART = typeid().getSuffix().slice(-8);
let requestCount = 0;

/** Sorts by time, as a typeid does, without drawing and encoding random bytes for each request. */
function newRequestId(): string {
  const time = Date.now().toString(32).padStart(10, "0");
  return `req_${time}${(requestCount++).toString(32).padStart(8, "0")}${PROCESS_PART}`;
}

/**
 * Where the gateway's root is for the caller of this request, without a trailing slash. A public URL with a path names
 * the root itself; otherwise the root is where the app is mounted.
 */
function rootUrlOf(request: Request, publicUrl: string | undefined): string {
  if (publicUrl === undefined) return originOf(request) + request.baseUrl;
  return new URL(publicUrl).pathname === "/" ? publicUrl + request.baseUrl : publicUrl;
}

/** A `Host` header is the caller's word; one that is no host name falls back to the address the request came to. */
function originOf(request: Request): string {
  const host = hostOf(request);
  const protocol = protocolOf(request);
  if (host !== undefined && hostNameOf(host) !== undefined) return `${protocol}://${host}`;
  const { localAddress, localPort } = request.socket;
  const address = localAddress?.includes(":") ? `[${localAddress}]` : localAddress;
  return `${protocol}://${address}:${localPort}`;
}
