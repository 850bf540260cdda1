import { fileURLToPath } from "node:url";
import express, { Router } from "express";
import type { Door } from "../http/app.ts";

const PATH = "/graphiql";

/** Where the build puts the page, whether this runs from `src/` or from `dist/`. */
const DIRECTORY = fileURLToPath(new URL("../../dist/pages/graphiql/", import.meta.url));

/** Nothing is loaded from elsewhere or sent there. GraphiQL's editors set styles while they draw. */
const POLICY = [
  "default-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "font-src 'self' data:",
  "object-src 'none'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

/** `GET /graphiql`: the graph's explorer, all from here, for places without internet. */
export function graphiqlDoor(): Door {
  const router = Router({ caseSensitive: true, strict: true });
  router.use(PATH, (_request, response, next) => {
    response.setHeader("Content-Security-Policy", POLICY);
    response.setHeader("Referrer-Policy", "no-referrer");
    next();
  });
  router.get(PATH, (_request, response) => response.sendFile("index.html", { root: DIRECTORY }));
  router.get(`${PATH}/`, (_request, response) => response.redirect(308, `../graphiql`));
  router.use(PATH, express.static(DIRECTORY, { index: false, redirect: false }));
  return { router };
}
