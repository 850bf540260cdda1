import type { Request, RequestHandler, Response } from "express";
import type { Logger } from "pino";
import { typeid } from "typeid-js";
import type { Caller } from "../../service/image-service.ts";

/** Until callers have keys, everyone is the same caller. */
export const PUBLIC_CALLER: Caller = { owner: "public" };

/** What every door knows of a request. */
export class RequestContext {
  /** `req_…`, in the `X-Request-Id` header of the answer and in every line logged about it. */
  readonly id: string;
  readonly caller = PUBLIC_CALLER;
  /** Where the gateway's root is for this caller, without a trailing slash: `https://images.example`. */
  readonly rootUrl: string;
  #logger: Logger;
  #hasOwnLogger = false;

  constructor(rootUrl: string, logger: Logger) {
    this.id = newRequestId();
    this.rootUrl = rootUrl;
    this.#logger = logger;
  }

  /** Names the request in each line. Most requests are answered without it. */
  get logger(): Logger {
    if (!this.#hasOwnLogger) {
      this.#logger = this.#logger.child({ requestId: this.id });
      this.#hasOwnLogger = true;
    }
    return this.#logger;
  }
}

/** On the request itself: a WeakMap with an entry for each makes the collection of garbage slower. */
const CONTEXT = Symbol("context");

/** The context of a request that came through {@link assignRequestContext}. */
export function contextOf(request: Request): RequestContext {
  const { [CONTEXT]: context } = request as { [CONTEXT]?: RequestContext };
  if (!context) throw new Error("the request has no context");
  return context;
}

/**
 * Gives each request its context and the headers of every answer, and logs one line when it is over. The query is not
 * logged: image URLs carry their signature there.
 *
 * @param publicUrl the origin of handed-out URLs; `undefined` derives it from the request
 */
export function assignRequestContext(publicUrl: string | undefined, logger: Logger): RequestHandler {
  return (request, response, next) => {
    const context = new RequestContext(`${publicUrl ?? originOf(request)}${request.baseUrl}`, logger);
    Object.assign(request, { [CONTEXT]: context });
    response.setHeader("X-Request-Id", context.id);
    response.setHeader("X-Content-Type-Options", "nosniff");
    logWhenOver(context.id, request, response, logger);
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

/** Asked every few seconds by load balancers, and worth a line only when something is wrong. */
const PROBES: ReadonlySet<string> = new Set(["/healthz", "/readyz"]);

function logWhenOver(requestId: string, request: Request, response: Response, logger: Logger): void {
  const startedAt = performance.now();
  const { method, path } = request;
  response.on("close", () => {
    const durationMs = Math.round(performance.now() - startedAt);
    const { statusCode: status } = response;
    const message = response.writableFinished || status === 101 ? "request answered" : "caller left before the answer";
    const level = PROBES.has(path) && status < 400 ? "debug" : "info";
    logger[level]({ requestId, method, path, status, durationMs }, message);
  });
}

/** The last one that was found to be an origin; mostly the next request names it too. */
let lastOrigin: string | undefined;

/** A Host header is the caller's word; one that is no host name falls back to the address the request came to. */
function originOf(request: Request): string {
  const { host } = request;
  const protocol = request.protocol === "https" ? "https" : "http";
  const claimed = `${protocol}://${host}`;
  if (claimed === lastOrigin) return claimed;
  const isHost = /^([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?$/.test(host ?? "");
  if (isHost && URL.canParse(claimed)) {
    lastOrigin = claimed;
    return claimed;
  }
  const { localAddress, localPort } = request.socket;
  const address = localAddress?.includes(":") ? `[${localAddress}]` : localAddress;
  return `${protocol}://${address}:${localPort}`;
}
