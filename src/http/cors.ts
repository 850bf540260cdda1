import cors from "cors";
import type { RequestHandler } from "express";
import { GatewayError } from "../errors.ts";
import { contextOf } from "./request-context.ts";

const PREFLIGHT_SECONDS = 86_400;
const EXPOSED_HEADERS = ["X-Request-Id", "Retry-After", "ETag", "Content-Range", "Warning", "Sunset", "X-Should-Retry"];

/**
 * Lets pages of these origins call, and refuses every request that names another origin: a browser sends a simple form
 * post without asking first, so hiding only the answer would come too late for what it costs.
 *
 * @param origins `"*"` for any
 */
export function allowOrigins(origins: "*" | readonly string[]): RequestHandler[] {
  const shared = { maxAge: PREFLIGHT_SECONDS, exposedHeaders: EXPOSED_HEADERS, methods: ["GET", "HEAD", "POST"] };
  if (origins === "*") return [cors({ ...shared, origin: "*" })];
  return [refuseOtherOrigins(origins), cors({ ...shared, origin: [...origins] })];
}

function refuseOtherOrigins(origins: readonly string[]): RequestHandler {
  return (request, response, next) => {
    const { origin } = request.headers;
    response.vary("Origin");
    if (origin === undefined || origins.includes(origin) || origin === new URL(contextOf(request).rootUrl).origin) {
      return next();
    }
    throw new GatewayError("FORBIDDEN", "pages of this origin may not call this gateway");
  };
}
