import { readdirSync, readFileSync } from "node:fs";
import { extname } from "node:path";
import { fileURLToPath } from "node:url";
import express, { type Request, type RequestHandler, type Response, Router } from "express";
import { denyFraming, NO_FRAMES } from "../http/access/framing.ts";
import type { Routes } from "../http/app.ts";
import { contextOf } from "../http/request-context.ts";

export interface StudioOptions {
  /** Whether the page is served. Without it, `/` answers with the list of routes alone. */
  readonly hasStudio: boolean;
  /** The paths that the list of routes names, with what each is for. */
  readonly routes: Readonly<Record<string, string>>;
  /** Origins to which the URLs of images redirect, such as a bucket's: the page may show pictures from there. */
  readonly imageOrigins: readonly string[];
}

/** The build's directory. The path works from both `src/` and `dist/`. */
const ROOT = fileURLToPath(new URL("../../../dist/pages/studio/", import.meta.url));
/** Built files have a hash of their content in their names, so browsers may keep them for a year, the longest. */
const IMMUTABLE = "public, max-age=31536000, immutable";
const BASE = '<base href="./" />';
/** The suffixes of precompressed files, best first. */
const SUFFIXES = { br: ".br", gzip: ".gz" } as const;

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
    router.use("/studio", sendCompressed(`${ROOT}studio`));
    router.use("/studio", express.static(`${ROOT}studio`, { index: false, redirect: false, setHeaders: keepForever }));
  }
  return { router, isPublic: true };
}

/** The page names its own root, because browsers may know it with or without a slash at the end. */
function sendPage(page: string, imageOrigins: readonly string[], request: Request, response: Response): void {
  const { rootUrl } = contextOf(request);
  const path = `${new URL(rootUrl).pathname.replace(/\/$/, "")}/`;
  denyFraming(request, response, () => {});
  response.setHeader("Content-Security-Policy", policy([new URL(rootUrl).origin, ...imageOrigins]));
  response.setHeader("Referrer-Policy", "no-referrer");
  response.setHeader("Cache-Control", "no-cache");
  response.type("html").send(page.replace(BASE, `<base href="${path.replaceAll('"', "%22")}" />`));
}

/** Scripts and styles come from the gateway alone, and none stands in the page. */
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

/** Sends the precompressed file that fits the request. If there is none, the file itself is sent as it is. */
function sendCompressed(root: string): RequestHandler {
  const files = new Set(readdirSync(root));
  return (request, response, next) => {
    response.vary("Accept-Encoding");
    const encoding = (["br", "gzip"] as const).find((each) => request.acceptsEncodings(each));
    const name = request.path.slice(1);
    if (!encoding || !files.has(name + SUFFIXES[encoding])) return next();
    response.type(extname(name)).setHeader("Content-Encoding", encoding);
    keepForever(response);
    response.sendFile(name + SUFFIXES[encoding], { root, cacheControl: false, acceptRanges: false });
  };
}

function keepForever(response: Pick<Response, "setHeader">): void {
  response.setHeader("Cache-Control", IMMUTABLE);
}

function listed(routes: StudioOptions["routes"], request: Request): readonly object[] {
  const { rootUrl } = contextOf(request);
  return Object.entries(routes).map(([path, description]) => ({ path, url: `${rootUrl}${path}`, description }));
}
