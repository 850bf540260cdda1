import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import express, { type Response, Router } from "express";
import { denyFraming, NO_FRAMES } from "../http/access/framing.ts";
import type { Routes } from "../http/app.ts";
import { upgradeOf } from "../http/upgrade.ts";
import { sendPrecompressed } from "./precompressed.ts";

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

/** The pages, by the name of their directory. */
export type PageName = "graphiql" | "reference";

/** A place that the bar on top of each page leads to. */
export interface PageLink {
  /** Relative to the pages, which all stand at the root of the gateway: `docs`. */
  readonly href: string;
  readonly label: string;
}

export interface PageOptions {
  /** @defaultValue a slash and the page's name */
  readonly path?: string;
  /** The prefix of the graph's types, for the page's examples. A GraphQL name, or empty. @defaultValue "" */
  readonly typePrefix?: string;
  /** The pages of this gateway, for the bar on top. */
  readonly links: readonly PageLink[];
  /** The version of the package, which the bar shows. */
  readonly version: string;
}

/**
 * Serves GraphiQL at the address of the GraphQL API, to browsers that ask for a page. The routes of {@link pageRoutes}
 * serve its scripts and styles.
 */
export function graphiqlAt(path: string, options: PageOptions): Routes {
  const router = Router({ caseSensitive: true, strict: true });
  router.get(path, denyFraming, async (request, response, next) => {
    const asksForPage = request.headers.accept?.includes("text/html") && !request.url.includes("?");
    if (!asksForPage || upgradeOf(request)) return next();
    setPageHeaders(response);
    response.type("html").send(await readPage("graphiql", options));
  });
  return { router, isPublic: true };
}

/**
 * Serves a page with all its files, so that it works without internet. `GET /graphiql` explores the graph. `GET /docs`
 * documents the REST API and can call it.
 */
export function pageRoutes(name: PageName, options: PageOptions): Routes {
  const { path = `/${name}` } = options;
  const router = Router({ caseSensitive: true, strict: true });
  router.use(path, denyFraming, (_request, response, next) => {
    setPageHeaders(response);
    next();
  });
  router.get(path, async (_request, response) => {
    response.type("html").send(await readPage(name, options));
  });
  router.get(`${path}/`, (_request, response) => response.redirect(308, `..${path}`));
  router.use(path, sendPrecompressed(rootOf(name)));
  router.use(path, express.static(rootOf(name), { index: false, redirect: false }));
  return { router, isPublic: true };
}

/** Reads a page, puts the bar on top, and puts the prefix where the page's script finds it. */
async function readPage(name: PageName, { typePrefix = "", links, version }: PageOptions): Promise<string> {
  const page = await readFile(join(rootOf(name), "index.html"), "utf8");
  const ownHref = name === "reference" ? "docs" : name;
  return page
    .replace("<html ", () => `<html data-type-prefix="${typePrefix}" `)
    .replace("<!-- links -->", () => links.map((link) => linkHtml(link, link.href === ownHref)).join(""))
    .replace("<!-- version -->", () => version);
}

function linkHtml({ href, label }: PageLink, isShown: boolean): string {
  return `<a href="${href}"${isShown ? ' aria-current="page"' : ""}>${label}</a>`;
}

/** Returns the build's directory of a page. The path works from both `src/` and `dist/`. */
function rootOf(name: PageName): string {
  return fileURLToPath(new URL(`../../../dist/pages/${name}/`, import.meta.url));
}

function setPageHeaders(response: Response): void {
  response.setHeader("Content-Security-Policy", POLICY);
  response.setHeader("Referrer-Policy", "no-referrer");
}
