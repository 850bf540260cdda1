import { randomUUID } from "node:crypto";
import type { Request, RequestHandler } from "express";
import type { Logger } from "pino";
import { GatewayError } from "../../errors.ts";
import { PUBLIC_PROJECT } from "../../ports/records.ts";
import type { Caller } from "../../service/projects/caller.ts";
import { checkEndUser } from "../../service/projects/end-user.ts";
import { hostNameOf } from "../../settings/host-name.ts";
import { forwardedPortOf, forwardedPrefixOf, hostOf, networkOf, protocolOf } from "./access/forwarded.ts";
import { logAtEnd } from "./request-log.ts";
import type { Step } from "./steps.ts";

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
  /** The network that the client's limits are counted for. */
  readonly network: string;
  /** The host that the client requested, without a port; `undefined` for none, or one that is no host name. */
  readonly hostName: string | undefined;
  /** The gateway's root URL for this caller, without a trailing slash: `https://images.example`. */
  rootUrl: string;
  /** Counts an operation of a connection that carries many. @throws RATE_LIMITED */
  countOperation: () => void = doNothing;
  /** Reads the credentials in the first message of a WebSocket. @throws UNAUTHENTICATED, FORBIDDEN */
  introduce: (params: Readonly<Record<string, unknown>>) => Promise<void> = acceptEveryone;
  /**
   * Calls `end` once when the credentials of the request end, so that open connections can be closed.
   *
   * @returns a function that cancels this
   */
  onCredentialsEnd: (end: (reason: GatewayError) => void) => () => void = neverEnds;
  #caller: Caller | undefined;
  #logger: Logger;
  #hasOwnLogger = false;

  constructor(request: Request, root: PublicRoot | undefined, logger: Logger) {
    this.id = newRequestId();
    this.network = networkOf(request);
    const host = hostOf(request);
    this.hostName = host === undefined ? undefined : hostNameOf(host);
    this.rootUrl = rootUrlOf(request, root, this.hostName === undefined ? undefined : host);
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
export function assignRequestContext({ publicUrl, logger, isKeyed = false }: RequestContextOptions): Step {
  const root = publicUrl === undefined ? undefined : { url: publicUrl, hasPath: new URL(publicUrl).pathname !== "/" };
  return (request, response) => {
    const context = new RequestContext(request, root, logger);
    if (!isKeyed) context.caller = { ...PUBLIC_CALLER, network: context.network };
    Object.assign(request, { [CONTEXT]: context });
    response.setHeader("X-Request-Id", context.id);
    response.setHeader("X-Content-Type-Options", "nosniff");
    return logAtEnd(context.id, request, response, logger);
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

/** Has the form of a typeid. A typeid itself would take a tenth of the processor time of a small request. */
function newRequestId(): string {
  return `req_${randomUUID().replaceAll("-", "").slice(0, 26)}`;
}

function doNothing(): void {}

async function acceptEveryone(): Promise<void> {}

function neverEnds(): () => void {
  return doNothing;
}

/** A host with a port: `example.com:8080` or `[::1]:8080`, but not `[::1]`. */
const PORT_AT_END = /:[0-9]+$/;

/** The public URL of the gateway. */
interface PublicRoot {
  readonly url: string;
  /** Whether the URL has a path, and so names the place where the app is mounted. */
  readonly hasPath: boolean;
}

/**
 * Returns the gateway's root URL for the client of this request, without a trailing slash. A public URL with a path is
 * the root itself. Otherwise the root is the path at which the app is mounted, behind the path that a trusted proxy has
 * taken away.
 *
 * @param host as the client requested it; `undefined` when it is not usable
 */
function rootUrlOf(request: Request, root: PublicRoot | undefined, host: string | undefined): string {
  if (root?.hasPath) return root.url;
  const front = root?.url ?? originOf(request, host) + forwardedPrefixOf(request);
  return front + request.baseUrl;
}

/**
 * Returns the origin with the host that the client requested, and the port of a trusted proxy if the host has none.
 * Without a host, returns the address at which the request arrived.
 */
function originOf(request: Request, host: string | undefined): string {
  const protocol = protocolOf(request);
  if (host !== undefined) {
    const port = PORT_AT_END.test(host) ? undefined : forwardedPortOf(request);
    return `${protocol}://${host}${port === undefined ? "" : `:${port}`}`;
  }
  const { localAddress, localPort } = request.socket;
  const address = localAddress?.includes(":") ? `[${localAddress}]` : localAddress;
  return `${protocol}://${address}:${localPort}`;
}
