import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { routesOf, toAddress } from "../../support/app-routes.ts";
import type { OpenApiDocument } from "../../support/clients/contract-observer.ts";
import { type ScriptedGateway, startScriptedGateway } from "../../support/gateways/scripted-gateway.ts";

let gateway: ScriptedGateway;
let routes: readonly string[];

beforeAll(async () => {
  gateway = await startScriptedGateway({ metrics: "route" });
  routes = routesOf(gateway.gateway.app);
});

afterAll(() => gateway.close());

/** The routes that the OpenAPI document does not describe, and why. */
const UNDESCRIBED: Readonly<Record<string, string>> = {
  "POST /graphql": "schema/schema.graphql describes it",
  "GET /graphql": "it begins WebSockets",
  "POST /graphql/stream": "schema/schema.graphql describes it",
  "POST /get-image/": "it is /get-image with a slash",
  "POST /images/generations": "it says that the base URL is wrong",
  "POST /images/edits": "it says that the base URL is wrong",
  "GET /metrics": "it is for operators: docs/metrics.md",
  "GET /": "a page, and a list of routes",
  "GET /docs": "a page",
  "GET /docs/": "a page",
  "GET /graphiql": "a page",
  "GET /graphiql/": "a page",
};

test("schema/openapi.yaml describes every REST route", async () => {
  const { paths } = (await (await fetch(`${gateway.url}/openapi.json`)).json()) as OpenApiDocument;
  const described = Object.entries(paths).map(([path, operations]) => ({
    pattern: new RegExp(`^${path.replaceAll(/\{\w+\}/g, ".+")}$`),
    methods: Object.keys(operations).map((method) => method.toUpperCase()),
  }));
  const others = routes.filter((route) => {
    const [method = "", path = ""] = route.split(" ");
    const isDescribed = described.some(
      ({ pattern, methods }) => methods.includes(method) && pattern.test(toAddress(path)),
    );
    // Routes for every method say which methods there are.
    return method !== "ALL" && !isDescribed;
  });

  expect(others.sort()).toEqual(Object.keys(UNDESCRIBED).sort());
});

/** The routes below none of the paths that `/` lists, and why. */
const UNLISTED: Readonly<Record<string, string>> = {
  "GET /": "it is the list",
  "GET /images/*path": "each image has a URL of its own",
  "GET /metrics": "it is for operators",
  "POST /images/generations": "it says that the base URL is wrong",
  "POST /images/edits": "it says that the base URL is wrong",
};

test("the list of routes at / has every API and page", async () => {
  const { routes: listed } = (await (await fetch(gateway.url)).json()) as { routes: { path: string }[] };
  const others = routes.filter((route) => {
    const [method = "", path = ""] = route.split(" ");
    return method !== "ALL" && !listed.some((each) => path === each.path || path.startsWith(`${each.path}/`));
  });

  expect(others.sort()).toEqual(Object.keys(UNLISTED).sort());
});

test("docs/security.md says of every route who may call it", async () => {
  const text = await readFile(new URL("../../../docs/security.md", import.meta.url), "utf8");
  const [, table = ""] = text.split("\n| route |");
  const documented = table
    .split("\n\n", 1)
    .flatMap((rows) => rows.split("\n"))
    .flatMap((row) =>
      [...(row.split(" | ", 1)[0] ?? "").matchAll(/`(?:POST )?(\/[^`]*)`/g)].map(([, path = ""]) => path),
    );
  const patterns = documented.map((path) => new RegExp(`^${path.replace("*", ".+")}/?$`));
  const paths = routes.map((route) => toAddress(route.split(" ")[1] ?? ""));

  expect(paths.filter((path) => !patterns.some((pattern) => pattern.test(path)))).toEqual([]);
});

test("requests for every route are counted under the name of an API or page", async () => {
  for (const route of routes) {
    const [method = "", path = ""] = route.split(" ");
    const url = gateway.url + toAddress(path);
    const response = await fetch(url, { method: method === "ALL" ? "PUT" : method, redirect: "manual" });
    await response.arrayBuffer();
  }
  const text = await (await fetch(`${gateway.url}/metrics`)).text();
  const counted = [...text.matchAll(/^pictograph_requests_total\{entry_point="(\w+)",.* (\d+)$/gm)];

  expect(counted.reduce((sum, [, , count]) => sum + Number(count), 0)).toBeGreaterThanOrEqual(routes.length);
  expect(counted.filter(([, entryPoint]) => entryPoint === "other").map(([series]) => series)).toEqual([]);
});
