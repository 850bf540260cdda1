import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import type { Browser, Page, Route } from "playwright-core";
import type { GatewayOptions } from "../../../../src/gateway.ts";
import { launchBrowser } from "../../../support/clients/browser.ts";
import { httpRequest } from "../../../support/clients/http-request.ts";
import { type ScriptedGateway, startScriptedGateway } from "../../../support/gateways/scripted-gateway.ts";

const BROWSER = { Accept: "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8" };
const INTROSPECTION = "{ __schema { queryType { name } } }";

let gateway: ScriptedGateway;

beforeAll(async () => {
  gateway = await startScriptedGateway();
});

afterAll(() => gateway.close());

test("a browser gets Apollo Sandbox with a first mutation that runs unchanged", async () => {
  const { status, headers, body } = await httpRequest(`${gateway.url}/graphql`, { headers: BROWSER });
  const page = body.toString();

  expect(status).toBe(200);
  expect(headers["content-type"]).toMatch(/^text\/html/);
  expect(page).toContain("Apollo Sandbox");
  expect(page).toMatch(
    /initialEndpoint,\s+initialSubscriptionEndpoint: initialEndpoint\.replace\(\/\^http\/, "ws"\),\s+\}/,
  );
  const { document, variables } = readInitialState(page);
  expect(document).toMatch(/^mutation /);
  expect(variables).toEqual({
    input: { prompt: "A cute asian girl with long hair smiling and looking at me", n: 2, size: "1024x1024" },
  });

  const answer = await gateway.graphql(document, variables);
  expect(answer.status).toBe(200);
  expect(answer.body.errors).toBeUndefined();
  const { images } = answer.body.data.generateImages;
  expect(images).toHaveLength(2);
  for (const { url } of images) expect((await httpRequest(url)).status).toBe(200);
});

test("the first mutation also runs if the types have a prefix", async () => {
  const prefixed = await startScriptedGateway({ typePrefix: "Pictures" });
  try {
    const { body } = await httpRequest(`${prefixed.url}/graphql`, { headers: BROWSER });
    const { document, variables } = readInitialState(body.toString());

    const answer = await prefixed.graphql(document, variables);
    expect(answer.body.errors).toBeUndefined();
    expect(answer.body.data.generateImages.images).toHaveLength(2);
  } finally {
    await prefixed.close();
  }
});

test("no other page may frame it", async () => {
  const { headers } = await httpRequest(`${gateway.url}/graphql`, { headers: BROWSER });

  expect(headers["content-security-policy"]).toBe("frame-ancestors 'none'");
  expect(headers["x-frame-options"]).toBe("DENY");
});

test.each<[string, GatewayOptions]>([
  ["in production", { isProduction: true }],
  ["that is embedded and was not told to show pages", { pages: false }],
])("a gateway %s shows no Sandbox and loads no scripts from other hosts", async (_where, options) => {
  const other = await startScriptedGateway(options);
  try {
    const { status, headers, body } = await httpRequest(`${other.url}/graphql`, { headers: BROWSER });

    expect(status).toBe(400);
    expect(headers["content-type"]).toMatch(/^application\/json/);
    expect(body.toString()).not.toContain("http");
  } finally {
    await other.close();
  }
});

test("a query sent by a browser is answered with data, not with a page", async () => {
  const { headers, body } = await httpRequest(`${gateway.url}/graphql?query=%7Bmodels%7Bid%7D%7D`, {
    headers: { ...BROWSER, Accept: "application/json", "Apollo-Require-Preflight": "true" },
  });

  expect(headers["content-type"]).toMatch(/^application\/json/);
  expect(JSON.parse(body.toString()).data.models[0]).toEqual({ id: "any-size-1" });
});

describe("in a browser", () => {
  let browser: Browser;
  let page: Page;
  const isScript = (url: string) => url.includes("embeddable-sandbox.umd");

  beforeAll(async () => {
    browser = await launchBrowser();
  });

  afterAll(() => browser.close());

  beforeEach(async () => {
    page = await browser.newPage();
    page.setDefaultTimeout(60_000);
  });

  afterEach(() => page.close());

  /** Loads the page while requests to other sites get this answer. */
  async function load(path: string, answer: (route: Route) => unknown): Promise<void> {
    await page.route("**", (route) => {
      const url = route.request().url();
      return url.startsWith(gateway.url) || url.startsWith("data:") ? route.continue() : answer(route);
    });
    await page.goto(gateway.url + path, { waitUntil: "commit" });
  }

  test.each(["/graphql", "/graphql/", "/graphql?"])("%s shows GraphiQL if there is no internet", async (path) => {
    await load(path, (route) => route.abort());

    await page.locator(".graphiql-execute-button").waitFor();
    expect(page.url()).toBe(`${gateway.url}/graphiql`);
  });

  test("the page shows GraphiQL if other sites never answer", async () => {
    const asked = Promise.withResolvers<void>();
    await page.clock.install();
    await load("/graphql", () => asked.resolve());
    await asked.promise;
    await page.clock.fastForward(5_000);

    await page.locator(".graphiql-execute-button").waitFor();
  });

  test("the page shows Sandbox if Sandbox loads, whatever else fails", async () => {
    await page.clock.install();
    await load("/graphql", (route) =>
      isScript(route.request().url())
        ? route.fulfill({
            contentType: "text/javascript",
            body: "window.EmbeddedSandbox = class { constructor(options) { document.title = options.initialEndpoint; } };",
          })
        : route.abort(),
    );
    await page.waitForFunction(() => {
      const { document } = globalThis as unknown as { readonly document: { readonly title: string } };
      return document.title.endsWith("/graphql");
    });
    await page.clock.fastForward(60_000);

    expect(await page.title()).toBe(`${gateway.url}/graphql`);
    expect(page.url()).toBe(`${gateway.url}/graphql`);
  });
});

describe("introspection", () => {
  test("is on by default, because Sandbox needs it", async () => {
    expect((await gateway.graphql(INTROSPECTION)).body).toEqual({
      data: { __schema: { queryType: { name: "Query" } } },
    });
  });

  test("is off in production, where everything else works", async () => {
    const production = await startScriptedGateway({ isProduction: true });
    try {
      const refused = await production.graphql(INTROSPECTION);
      expect(refused.status).toBe(400);
      expect(refused.body.data).toBeUndefined();
      expect(refused.body.errors?.[0]?.message).toMatch(/introspection/i);
      expect((await production.graphql('{ __type(name: "Image") { name } }')).status).toBe(400);
      expect((await production.graphql("{ __typename models { id } }")).status).toBe(200);
    } finally {
      await production.close();
    }
  });
});

/** The page carries its settings as one JSON value in a script. */
function readInitialState(page: string): { document: string; variables: object } {
  const [, settings] = /embeddedSandboxConfig = (\{.*\});/.exec(page) ?? [];
  const { initialState } = JSON.parse(settings ?? "{}") as { initialState?: { document: string; variables: object } };
  if (!initialState) throw new Error(`the page has no settings:\n${page}`);
  return initialState;
}
