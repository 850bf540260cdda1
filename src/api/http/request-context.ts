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

/** The caller of a request or an operation, as a host program names it. */
export interface HostRequest {
  /** The project that the request belongs to. @defaultValue `proj_public` */
  readonly projectId?: string;
  /**
   * The end user, who then sees only its own records; 1 to 255 characters. @defaultValue sees all records of the
   * project
   */
  readonly endUser?: string | undefined;
  /** The URL of the gateway's app, without a trailing slash: `https://api.example/pictures`. */
  readonly rootUrl?: string;
  /** The idempotency key for inputs that have none. */
  readonly idempotencyKey?: string;
}

/** Returns the caller of a request. */
export type Authenticate = (request: Request) => HostRequest | Promise<HostRequest>;

/** @throws BAD_USER_INPUT when the end user's name is not valid */
export function toCaller({ projectId = PUBLIC_PROJECT, endUser }: HostRequest): Caller {
  return { projectId, ...(endUser !== undefined && { endUser: checkEndUser("endUser", endUser) }) };
}

export interface RequestContextOptions {
  /** The gateway's address as clients see it; `undefined` derives it from the request. */
  readonly publicUrl: string | undefined;
  /** Whether requests need credentials. @defaultValue false */
  readonly isKeyed?: boolean;
  readonly logger: Logger;
}

/** The facts about a request that every route can use. */
export class RequestContext {
  /** `req_…`, in the `X-Request-Id` header of the answer and in every line logged about it. */
  readonly id: string;
  /** The gateway's root URL for this caller, without a trailing slash: `https://images.example`. */
  rootUrl: string;
  /** Counts an operation of a connection that carries many. @throws RATE_LIMITED */
  countOperation: () => void = () => {};
  /** Reads the credentials in the first message of a WebSocket. @throws UNAUTHENTICATED, FORBIDDEN */
  introduce: (params: Readonly<Record<string, unknown>>) => Promise<void> = async () => {};
  /**
   * Calls `end` once when the credentials of the request end, so that open connections can be closed.
   *
   * @returns a function that cancels this
   */
  onCredentialsEnd: (end: (reason: GatewayError) => void) => () => void = () => () => {};
  #caller: Caller | undefined;
  #logger: Logger;
  #hasOwnLogger = false;

  /** @param caller `undefined` until the request's credentials are read */
  constructor(caller: Caller | undefined, rootUrl: string, logger: Logger) {
    this.id = newRequestId();
    this.#caller = caller;
    this.rootUrl = rootUrl;
    this.#logger = logger;
  }

  /** @throws UNAUTHENTICATED while the caller is not known */
  get caller(): Caller {
    if (this.#caller) return this.#caller;
    throw new GatewayError("UNAUTHENTICATED", "the request has not sent credentials yet");
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

/** Gives each request its context, sets the headers of every answer, and logs one line when the request is over. */
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

/** Asks the host program for the caller of each request. */
export function askHost(authenticate: Authenticate): RequestHandler {
  return async (request, _response, next) => {
    const host = await authenticate(request);
    const context = contextOf(request);
    context.caller = toCaller(host);
    context.rootUrl = host.rootUrl ?? context.rootUrl;
    next();
  };
}

/** A part of each id that differs between processes, so that no two processes create the same id. */
const PROCESS_PART = typeid().getSuffix().slice(-8);
let requestCount = 0;

/** Creates a request id that sorts by time, as a typeid does. It draws and encodes no random bytes for each request. */
function newRequestId(): string {
  const time = Date.now().toString(32).padStart(10, "0");
  return `req_${time}${(requestCount++).toString(32).padStart(8, "0")}${PROCESS_PART}`;
}

/**
 * Returns the gateway's root URL for the caller of this request, without a trailing slash. A public URL with a path is
 * the root itself. Otherwise the root is the path at which the app is mounted.
 */
function rootUrlOf(request: Request, publicUrl: string | undefined): string {
  if (publicUrl === undefined) return originOf(request) + request.baseUrl;
  return new URL(publicUrl).pathname === "/" ? publicUrl + request.baseUrl : publicUrl;
}

/**
 * Returns the origin from the `Host` header, which the caller controls. If that is not a host name, returns the address
 * at which the request arrived.
 */
function originOf(request: Request): string {
  const host = hostOf(request);
  const protocol = protocolOf(request);
  if (host !== undefined && hostNameOf(host) !== undefined) return `${protocol}://${host}`;
  const { localAddress, localPort } = request.socket;
  const address = localAddress?.includes(":") ? `[${localAddress}]` : localAddress;
  return `${protocol}://${address}:${localPort}`;
}
