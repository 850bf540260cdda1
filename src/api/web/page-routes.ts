import { fileURLToPath } from "node:url";
import express, { type Response, Router } from "express";
import { denyFraming, NO_FRAMES } from "../http/access/framing.ts";
import type { Routes } from "../http/app.ts";
import { upgradeOf } from "../http/upgrade.ts";

/** Nothing is loaded from elsewhere or sent there. What draws the pages sets styles while it does. */
const POLICY = [
  "default-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "font-src 'self' data:",
  "object-src 'none'",
  "base-uri 'none'",
  "form-action 'none'",
  NO_FRAMES,
].join("; ");

/**
 * GraphiQL where operations are answered, for browsers that ask for a page: it loads no script from elsewhere. What it
 * is made of is below {@link pageRoutes}.
 */
export function graphiqlAt(path: string): Routes {
  const router = Router({ caseSensitive: true, strict: true });
  router.get(path, denyFraming, (request, response, next) => {
    const asksForPage = request.headers.accept?.includes("text/html") && !request.url.includes("?");
    if (!asksForPage || upgradeOf(request)) return next();
    setPageHeaders(response);
    response.sendFile("index.html", { root: rootOf("graphiql") });
  });
  return { router, isPublic: true };
}

/**
 * A page, all from here, for places without internet. `GET /graphiql`: the graph's explorer. `GET /docs`: the REST
 * doors, to read and to try.
 */
export function pageRoutes(name: "graphiql" | "reference", path = `/${name}`): Routes {
  const root = rootOf(name);
  const router = Router({ caseSensitive: true, strict: true });
  router.use(path, denyFraming, (_request, response, next) => {
    setPageHeaders(response);
    next();
  });
  router.get(path, (_request, response) => response.sendFile("index.html", { root }));
  router.get(`${path}/`, (_request, response) => response.redirect(308, `..${path}`));
  router.use(path, express.static(root, { index: false, redirect: false }));
  return { router, isPublic: true };
}

/** Where the build puts a page, whether this runs from `src/` or from `dist/`. */
function rootOf(name: "graphiql" | "reference"): string {
  return fileURLToPath(new URL(`../../../dist/pages/${name}/`, import.meta.url));
}

function setPageHeaders(response: Response): void {
  response.setHeader("Content-Security-Policy", POLICY);
  response.setHeader("Referrer-Policy", "no-referrer");
}
