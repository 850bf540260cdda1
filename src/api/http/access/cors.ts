import cors, { type CorsOptions } from "cors";
import type { Request, RequestHandler } from "express";
import { GatewayError } from "../../../errors.ts";
import { hostNameOf, isLoopback } from "../../../settings/host-name.ts";
import { contextOf } from "../request-context.ts";
import { answeredHosts } from "./host-check.ts";

export interface OriginOptions {
  /** Origins of the pages that may call; `"*"` for any. `undefined` decides by route. */
  readonly corsOrigins: "*" | readonly string[] | undefined;
  /** Whether callers need credentials. */
  readonly isKeyed: boolean;
  /** Whether a call may cost money. */
  readonly hasPaidProvider: boolean;
  /** Host names that certainly belong to the gateway, besides loopback names and IP addresses. */
  readonly hostNames: readonly string[] | undefined;
  readonly publicUrl: string | undefined;
}

/** The pages that may call a route, besides those of its own origin: all, those of this machine, or those of a list. */
type AllowedPages = "any" | "loopback" | readonly string[];

const SHARED: CorsOptions = {
  methods: ["GET", "HEAD", "POST"],
  /** Seconds. */
  maxAge: 86_400,
  exposedHeaders: [
    "X-Request-Id",
    "Retry-After",
    "RateLimit",
    "RateLimit-Policy",
    "ETag",
    "Content-Range",
    "Warning",
    "Sunset",
    "X-Should-Retry",
    ...["limit", "remaining", "reset"].flatMap((name) => [
      `X-RateLimit-${name}-Requests`,
      `X-RateLimit-${name}-Images`,
    ]),
  ],
};
const IMAGES = /^\/images\//;
const GET_IMAGE = /^\/get-image\/?$/i;

/**
 * Allows requests of the pages that may call a route, and refuses those of all other pages. A browser sends simple form
 * posts and WebSocket upgrades without a preflight. To hide only the answer from the page would be too late, because
 * the request would already have cost money.
 */
export function guardOrigins(options: OriginOptions): RequestHandler {
  const allowedPages = pagesPerRoute(options);
  const isOwnOrigin = ownOrigins(options);
  const answerCors = cors<Request>((request, callback) => {
    const allowed = allowedPages(request.path);
    const { origin = "" } = request.headers;
    if (allowed === "any") return callback(null, { ...SHARED, origin: "*" });
    const credentials = allowed !== "loopback" && allowed.includes(origin);
    callback(null, { ...SHARED, origin: isAllowed(origin, allowed) ? [origin] : [], credentials });
  });
  return (request, response, next) => {
    const allowed = allowedPages(request.path);
    const { origin } = request.headers;
    if (allowed === "any") {
      // Without an origin, the answer to a POST needs no CORS headers, but the API of 2022 has always sent them. A GET
      // needs them, because a cache may give its answer to a page later.
      if (origin === undefined && request.method === "POST" && !GET_IMAGE.test(request.path)) return next();
      return answerCors(request, response, next);
    }
    response.vary("Origin");
    const mayCall =
      origin === undefined ? !isFromUnknownPage(request) : isOwnOrigin(request, origin) || isAllowed(origin, allowed);
    if (!mayCall) {
      throw new GatewayError(
        "FORBIDDEN",
        "pages of this origin may not call; PICTOGRAPH_CORS_ORIGINS names those that may",
      );
    }
    // Only browsers need the CORS headers, and they name the origin of the page.
    if (origin === undefined && request.method !== "OPTIONS") return next();
    answerCors(request, response, next);
  };
}

/** Decides which pages may call a route. @see docs/security.md, which has these rules as a table */
function pagesPerRoute({ corsOrigins, hasPaidProvider, isKeyed }: OriginOptions): (path: string) => AllowedPages {
  if (corsOrigins !== undefined) return () => (corsOrigins === "*" ? "any" : corsOrigins);
  // Credentials are never cookies, so a page can send only credentials that it was given.
  if (isKeyed) return () => "any";
  return (path) => {
    // The signature in the URL authorises the request.
    if (IMAGES.test(path)) return "any";
    // The pages of 2022 call from any origin.
    if (GET_IMAGE.test(path) && !hasPaidProvider) return "any";
    return "loopback";
  };
}

function isAllowed(origin: string, allowed: "loopback" | readonly string[]): boolean {
  return allowed === "loopback" ? isLoopbackOrigin(origin) : allowed.includes(origin);
}

function isLoopbackOrigin(origin: string): boolean {
  const url = URL.parse(origin);
  if (url?.origin !== origin || !/^https?:$/.test(url.protocol)) return false;
  const host = hostNameOf(url.host);
  return host !== undefined && isLoopback(host);
}

/**
 * Returns a function that tells whether a request comes from the gateway's own page. Only browsers send
 * `Sec-Fetch-Site`, and only over https or to loopback. Otherwise the `Host` is compared, if it certainly belongs to
 * the gateway: in DNS rebinding, `Host` is the name of the attacking page.
 */
function ownOrigins({ hostNames = [], publicUrl }: OriginOptions): (request: Request, origin: string) => boolean {
  const isOurs = answeredHosts(hostNames);
  return (request, origin) => {
    if (request.headers["sec-fetch-site"] === "same-origin") return true;
    const root = new URL(contextOf(request).rootUrl);
    return root.origin === origin && (publicUrl !== undefined || isOurs(hostNameOf(root.host) ?? ""));
  };
}

/**
 * Images, scripts and GET forms of a page send requests without its origin. Requests for images are allowed, and so are
 * links that lead to a page of the gateway.
 */
function isFromUnknownPage({ headers, method, path }: Request): boolean {
  const site = headers["sec-fetch-site"];
  if (site === undefined || site === "none" || site === "same-origin") return false;
  const isLink = headers["sec-fetch-mode"] === "navigate" && (method === "GET" || method === "HEAD");
  return !isLink && !IMAGES.test(path);
}
