import cors from "cors";
import type { RequestHandler } from "express";
import { GatewayError } from "../../errors.ts";
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
  if (origins === "*") return [allowAnyOrigin(cors({ ...shared, origin: "*" }))];
  return [refuseOtherOrigins(origins), cors({ ...shared, origin: [...origins] })];
}

/** Everything but a preflight is answered with the same two headers, which `cors` would put together for each anew. */
function allowAnyOrigin(answerPreflight: RequestHandler): RequestHandler {
  const exposed = EXPOSED_HEADERS.join(",");
  return (request, response, next) => {
    if (request.method === "OPTIONS") return answerPreflight(request, response, next);
    response.setHeader("Access-Control-Allow-Origin", "*");
    response.setHeader("Access-Control-Expose-Headers", exposed);
    next();
  };
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
