import { fileURLToPath } from "node:url";
import express, { type Response, Router } from "express";
import { denyFraming, NO_FRAMES } from "../http/access/framing.ts";
import type { Routes } from "../http/app.ts";
import { upgradeOf } from "../http/upgrade.ts";

/**
 * Pages load nothing from other hosts and send nothing to them. The libraries that draw the pages set inline styles.
 */
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
 * Serves GraphiQL at the address of the GraphQL API, to browsers that ask for a page. The routes of {@link pageRoutes}
 * serve its scripts and styles.
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
 * Serves a page with all its files, so that it works without internet. `GET /graphiql` explores the graph. `GET /docs`
 * documents the REST API and can call it.
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

/** Returns the build's directory of a page. The path works from both `src/` and `dist/`. */
function rootOf(name: "graphiql" | "reference"): string {
  return fileURLToPath(new URL(`../../../dist/pages/${name}/`, import.meta.url));
}

function setPageHeaders(response: Response): void {
  response.setHeader("Content-Security-Policy", POLICY);
  response.setHeader("Referrer-Policy", "no-referrer");
}
