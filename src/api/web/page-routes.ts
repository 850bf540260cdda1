import { fileURLToPath } from "node:url";
import express, { Router } from "express";
import { denyFraming, NO_FRAMES } from "../http/access/framing.ts";
import type { Routes } from "../http/app.ts";

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
 * A page, all from here, for places without internet. `GET /graphiql`: the graph's explorer. `GET /docs`: the REST
 * doors, to read and to try.
 */
export function pageRoutes(name: "graphiql" | "reference", path = `/${name}`): Routes {
  // Where the build puts the page, whether this runs from `src/` or from `dist/`.
  const root = fileURLToPath(new URL(`../../../dist/pages/${name}/`, import.meta.url));
  const router = Router({ caseSensitive: true, strict: true });
  router.use(path, denyFraming, (_request, response, next) => {
    response.setHeader("Content-Security-Policy", POLICY);
    response.setHeader("Referrer-Policy", "no-referrer");
    next();
  });
  router.get(path, (_request, response) => response.sendFile("index.html", { root }));
  router.get(`${path}/`, (_request, response) => response.redirect(308, `..${path}`));
  router.use(path, express.static(root, { index: false, redirect: false }));
  return { router };
}
