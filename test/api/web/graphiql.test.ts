import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { Browser, Page } from "playwright-core";
import { launchBrowser } from "../../support/clients/browser.ts";
import { httpRequest } from "../../support/clients/http-request.ts";
import { type ScriptedGateway, startScriptedGateway } from "../../support/gateways/scripted-gateway.ts";

/** Runs in the page: returns its CodeMirror editor. */
declare function editorIn(place: string): { operationName?: string; setValue(text: string): void } | undefined;

let gateway: ScriptedGateway;
beforeAll(async () => {
  gateway = await startScriptedGateway();
});
afterAll(() => gateway.close());

describe.each([["as they are"], ["prefixed"]])("in a browser without internet, type names %s", (names) => {
  const typePrefix = names === "prefixed" ? "Pictures" : "";
  let gateway: ScriptedGateway;
  let browser: Browser;
  let page: Page;
  const foreign: string[] = [];
  const complaints: string[] = [];

  beforeAll(async () => {
    gateway = await startScriptedGateway({ typePrefix });
    browser = await launchBrowser();
    page = await browser.newPage({ viewport: { width: 1400, height: 900 } });
    page.setDefaultTimeout(10_000);
    await page.addInitScript(() => {
      const page = globalThis as unknown as { readonly document: { querySelector(selector: string): object | null } };
      Object.assign(globalThis, {
        editorIn: (place: string) =>
          Reflect.get(page.document.querySelector(`${place} .CodeMirror`) ?? {}, "CodeMirror"),
      });
    });
    await page.route("**", (route) => {
      const url = route.request().url();
      if (url.startsWith(`${gateway.url}/`) || url.startsWith("data:")) return route.continue();
      foreign.push(url);
      return route.abort();
    });
    page.on("pageerror", (error) => complaints.push(String(error)));
    page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
    await page.goto(`${gateway.url}/graphiql`);
  });

  afterAll(async () => {
    await browser.close();
    await gateway.close();
  });

  const run = () => page.locator(".graphiql-execute-button").click();
  const answer = () => page.locator(".result-window");

  test("the first mutation runs unchanged", async () => {
    await run();

    await answer().getByText("SUCCEEDED").waitFor();
    expect(gateway.provider.requests).toMatchObject([{ n: 2, size: { width: 1024, height: 1024 } }]);
  });

  test("the preview of an image under the pointer is complete and has the image's proportions", async () => {
    await answer().locator(".cm-string", { hasText: "/images/" }).first().hover();
    const preview = page.locator(".CodeMirror-info");
    await preview.getByText("1024x1024 image/png").waitFor();

    const box = await preview.boundingBox();
    const image = await preview.locator("img").boundingBox();
    if (!box || !image) throw new Error("there is no preview");
    expect(image.x).toBeGreaterThanOrEqual(box.x);
    expect(image.x + image.width).toBeLessThanOrEqual(box.x + box.width);
    expect(image.y).toBeGreaterThanOrEqual(box.y);
    expect(image.y + image.height).toBeLessThanOrEqual(box.y + box.height);
    const fit = await page.evaluate(`getComputedStyle(document.querySelector(".CodeMirror-info img")).objectFit`);
    expect(fit).toBe("contain");
    expect(await preview.evaluate(({ scrollHeight, clientHeight }) => scrollHeight - clientHeight)).toBe(0);
    await page.mouse.move(0, 0);
  });

  const openFollow = async () => {
    await page.getByRole("tab", { name: "Follow" }).click();
    // GraphiQL determines the operation when nothing was typed for a moment.
    await page.waitForFunction(() => editorIn(".graphiql-query-editor")?.operationName === "Follow");
  };

  test("the tab Follow shows the events of the newest generation when it opens", async () => {
    await openFollow();
    await run();

    const eventName = new RegExp(`"${typePrefix}(GenerationStatusChanged|ImageReady)"`);
    await answer().getByText(eventName).first().waitFor();
  });

  test("the tab Follow shows the events of the generation whose id is entered", async () => {
    const variables = JSON.stringify({ id: "gen_01kaj0000000000000000000zz" });
    await page.evaluate((text) => editorIn(".graphiql-editor-tool")?.setValue(text), variables);
    await run();

    await answer().getByText("you have no such generation").waitFor();
  });

  test("the bar links to the gateway's other pages", async () => {
    const bar = page.getByRole("navigation", { name: "Pages" });
    const places = await bar.getByRole("link").evaluateAll((links) => links.map(({ href }) => href));
    // The studio works only with unprefixed type names.
    const studio = names === "prefixed" ? [] : [`${gateway.url}/`];
    expect(places).toEqual([...studio, `${gateway.url}/graphiql`, `${gateway.url}/docs`]);
    await page.locator(".page-version", { hasText: /^\d+\.\d+\.\d+/ }).waitFor();
  });

  test("a link leads to Sandbox", async () => {
    expect(await page.getByRole("link", { name: "Open Apollo Sandbox" }).evaluate(({ href }) => href)).toBe(
      `${gateway.url}/graphql`,
    );
  });

  test("the schema's descriptions are shown", async () => {
    await page.getByRole("button", { name: "Show Documentation Explorer" }).click();
    await page.locator(".graphiql-doc-explorer").getByText("Mutation", { exact: true }).click();

    await page.getByText("Generates, edits, cancels and deletes", { exact: false }).waitFor();
  });

  test("the page loaded nothing from other hosts, and no request was refused", () => {
    expect({ foreign, complaints }).toEqual({ foreign: [], complaints: [] });
  });
});

test("the page's policy forbids other hosts and inline scripts", async () => {
  const { status, headers, body } = await httpRequest(`${gateway.url}/graphiql`);

  expect(status).toBe(200);
  expect(headers["content-security-policy"]).toMatch(/^default-src 'self'; /);
  expect(headers["content-security-policy"]).toMatch(/frame-ancestors 'none'/);
  expect(headers["x-frame-options"]).toBe("DENY");
  expect(headers["content-type"]).toMatch(/^text\/html/);
  expect(body.toString()).not.toMatch(/https?:|<script>|<script [^>]*>[^<]/);
});

test("an address with a trailing slash leads to the page", async () => {
  const { status, headers } = await httpRequest(`${gateway.url}/graphiql/`);

  expect(status).toBe(308);
  expect(new URL(headers.location ?? "", `${gateway.url}/graphiql/`).href).toBe(`${gateway.url}/graphiql`);
});

test.each(["/graphiql/../graphiql.js", "/graphiql/%2e%2e/%2e%2e/main.js", "/graphiql/none.js"])(
  "%s is not found",
  async (path) => {
    expect((await httpRequest(gateway.url, { path })).status).toBe(404);
  },
);

test("an embedded gateway serves pages only if it is told to", async () => {
  const embedded = await startScriptedGateway({ pages: false });
  try {
    for (const path of ["/graphiql", "/graphiql/page.js", "/docs", "/docs/page.js"]) {
      expect((await httpRequest(embedded.url + path)).status).toBe(404);
    }
    expect((await httpRequest(`${embedded.url}/openapi.json`)).status).toBe(200);
  } finally {
    await embedded.close();
  }
});

test("a gateway with a hidden schema has no GraphiQL page", async () => {
  const production = await startScriptedGateway({ isProduction: true });
  try {
    expect((await httpRequest(`${production.url}/graphiql`)).status).toBe(404);
    expect((await httpRequest(`${production.url}/graphiql/page.js`)).status).toBe(404);
  } finally {
    await production.close();
  }
});
