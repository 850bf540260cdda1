import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import express, { type Request, type Response, Router } from "express";
import { denyFraming, NO_FRAMES } from "../http/access/framing.ts";
import type { Routes } from "../http/app.ts";
import { contextOf } from "../http/request-context.ts";
import { sendPrecompressed } from "./precompressed.ts";

export interface StudioOptions {
  /** Whether the page is served. If not, `/` answers only with the list of routes. */
  readonly hasStudio: boolean;
  /** The paths in the list of routes, each with its purpose. */
  readonly routes: Readonly<Record<string, string>>;
  /** Origins to which image URLs redirect, such as a bucket's. The page may load pictures from them. */
  readonly imageOrigins: readonly string[];
}

/** The build's directory. The path works from both `src/` and `dist/`. */
const ROOT = fileURLToPath(new URL("../../../dist/pages/studio/", import.meta.url));
/** Built files have a hash of their content in their names, so browsers may keep them for a year, the longest. */
const IMMUTABLE = "public, max-age=31536000, immutable";
const BASE = '<base href="./" />';

/** Returns the GraphQL documents that the studio sends, by their SHA-256 in hexadecimal. */
export function readStudioDocuments(): ReadonlyMap<string, string> {
  return new Map(Object.entries(JSON.parse(readFileSync(`${ROOT}documents.json`, "utf8")) as Record<string, string>));
}

/**
 * Serves the studio at `/` to clients that ask for HTML, and its files below `/studio/`. Other clients get a JSON list
 * of the routes at `/`.
 */
export function studioRoutes({ hasStudio, routes, imageOrigins }: StudioOptions): Routes {
  const router = Router({ caseSensitive: true, strict: true });
  const page = hasStudio ? readFileSync(`${ROOT}index.html`, "utf8") : "";
  router.get("/", (request, response) => {
    response.vary("Accept");
    if (hasStudio && request.accepts(["json", "html"]) === "html") {
      sendPage(page, imageOrigins, request, response);
    } else {
      response.setHeader("Cache-Control", "no-cache").json({ name: "Pictograph", routes: listed(routes, request) });
    }
  });
  if (hasStudio) {
    router.use("/studio", sendPrecompressed(`${ROOT}studio`, keepForever));
    router.use("/studio", express.static(`${ROOT}studio`, { index: false, redirect: false, setHeaders: keepForever }));
  }
  return { router, isPublic: true };
}

/** Sends the page with its own root in it, because its address may or may not end with a slash. */
function sendPage(page: string, imageOrigins: readonly string[], request: Request, response: Response): void {
  const { rootUrl } = contextOf(request);
  const path = `${new URL(rootUrl).pathname.replace(/\/$/, "")}/`;
  denyFraming(request, response, () => {});
  response.setHeader("Content-Security-Policy", policy([new URL(rootUrl).origin, ...imageOrigins]));
  response.setHeader("Referrer-Policy", "no-referrer");
  response.setHeader("Cache-Control", "no-cache");
  response.type("html").send(page.replace(BASE, `<base href="${path.replaceAll('"', "%22")}" />`));
}

/** Allows scripts and styles only from the gateway, and none inline. */
function policy(imageOrigins: readonly string[]): string {
  return [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    `img-src 'self' data: blob: ${imageOrigins.join(" ")}`,
    `connect-src 'self' ${imageOrigins.join(" ")}`,
    "base-uri 'self'",
    "form-action 'none'",
    "require-trusted-types-for 'script'",
    NO_FRAMES,
  ].join("; ");
}

function keepForever(response: Pick<Response, "setHeader">): void {
  response.setHeader("Cache-Control", IMMUTABLE);
}

function listed(routes: StudioOptions["routes"], request: Request): readonly object[] {
  const { rootUrl } = contextOf(request);
  return Object.entries(routes).map(([path, description]) => ({ path, url: `${rootUrl}${path}`, description }));
}
