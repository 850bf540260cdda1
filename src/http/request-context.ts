import type { Request, RequestHandler, Response } from "express";
import type { Logger } from "pino";
import { typeid } from "typeid-js";
import type { Caller } from "../service/image-service.ts";

/** What every door knows of a request. */
export interface RequestContext {
  /** `req_…`, in the `X-Request-Id` header of the answer and in every line logged about it. */
  readonly id: string;
  readonly caller: Caller;
  /** Where the gateway's root is for this caller, without a trailing slash: `https://images.example`. */
  readonly rootUrl: string;
  readonly logger: Logger;
}

/** Until callers have keys, everyone is the same caller. */
export const PUBLIC_CALLER: Caller = { owner: "public" };

const contexts = new WeakMap<Request, RequestContext>();

/** The context of a request that came through {@link assignRequestContext}. */
export function contextOf(request: Request): RequestContext {
  const context = contexts.get(request);
  if (!context) throw new Error("the request has no context");
  return context;
}

/**
 * Gives each request its context and logs one line when it is over. The query is not logged: image URLs carry their
 * signature there.
 *
 * @param publicUrl the origin of handed-out URLs; `undefined` derives it from the request
 */
export function assignRequestContext(publicUrl: string | undefined, logger: Logger): RequestHandler {
  return (request, response, next) => {
    const id = typeid("req").toString();
    const child = logger.child({ requestId: id });
    const rootUrl = `${publicUrl ?? originOf(request)}${request.baseUrl}`;
    contexts.set(request, { id, caller: PUBLIC_CALLER, rootUrl, logger: child });
    response.setHeader("X-Request-Id", id);
    logWhenOver(request, response, child);
    next();
  };
}

function logWhenOver(request: Request, response: Response, logger: Logger): void {
  const startedAt = performance.now();
  const { method, path } = request;
  response.on("close", () => {
    const durationMs = Math.round(performance.now() - startedAt);
    const { statusCode: status } = response;
    const message = response.writableFinished || status === 101 ? "request answered" : "caller left before the answer";
    logger.info({ method, path, status, durationMs }, message);
  });
}

/** A Host header is the caller's word; one that is no host name falls back to the address the request came to. */
function originOf(request: Request): string {
  const { host } = request;
  const protocol = request.protocol === "https" ? "https" : "http";
  const claimed = `${protocol}://${host}`;
  const isHost = /^([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?$/.test(host ?? "");
  if (isHost && URL.canParse(claimed)) return claimed;
  const { localAddress, localPort } = request.socket;
  const address = localAddress?.includes(":") ? `[${localAddress}]` : localAddress;
  return `${protocol}://${address}:${localPort}`;
}
