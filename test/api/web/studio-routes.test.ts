import { gunzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import express from "express";
import type { Browser } from "playwright-core";
import { createGateway } from "../../../src/gateway.ts";
import { launchBrowser } from "../../support/clients/browser.ts";
import { httpRequest } from "../../support/clients/http-request.ts";
import { type RunningGateway, startGateway } from "../../support/gateways/gateway.ts";
import { ADMIN_KEY, type KeyedGateway, startKeyedGateway } from "../../support/gateways/keyed-gateway.ts";
import { expectAccessible, openStudio } from "../../support/studio.ts";
import { temporaryDirectories } from "../../support/temporary-directory.ts";

const HTML = { Accept: "text/html,application/xhtml+xml,*/*;q=0.8" };

let browser: Browser;
let gateway: RunningGateway;

beforeAll(async () => {
  browser = await launchBrowser();
  gateway = await startGateway();
});

afterAll(async () => {
  await browser.close();
  await gateway.close();
});

async function scriptOf(url: string): Promise<string> {
  const page = (await httpRequest(`${url}/`, { headers: HTML })).body.toString();
  const path = /<script [^>]*src="\.\/(?<path>[^"]+)"/.exec(page)?.groups?.path;
  if (!path) throw new Error("the page has no script");
  return `${url}/${path}`;
}

test("the page's policy forbids other hosts, frames and inline scripts", async () => {
  const { status, headers, body } = await httpRequest(`${gateway.url}/`, { headers: HTML });

  expect(status).toBe(200);
  expect(headers["content-type"]).toMatch(/^text\/html/);
  expect(headers["x-frame-options"]).toBe("DENY");
  const policy = headers["content-security-policy"];
  expect(policy).toContain("default-src 'none'; script-src 'self'; style-src 'self'; ");
  expect(policy).toContain("frame-ancestors 'none'");
  expect(policy).not.toContain("unsafe");
  expect(body.toString()).not.toMatch(/https?:|<style|style="|<script>|<script [^>]*>[^<]/);
});

test.each([undefined, "*/*", "application/json"])("a client that accepts %s gets a list of routes", async (accept) => {
  const { status, headers, body } = await httpRequest(`${gateway.url}/`, { headers: accept ? { Accept: accept } : {} });

  expect(status).toBe(200);
  expect(headers["content-type"]).toMatch(/^application\/json/);
  const { routes } = JSON.parse(body.toString());
  expect(routes).toContainEqual({ path: "/graphql", url: `${gateway.url}/graphql`, description: expect.any(String) });
});

test("files are compressed, and browsers may keep them forever", async () => {
  const script = await scriptOf(gateway.url);
  const plain = await httpRequest(script);
  const brotli = await httpRequest(script, { headers: { "Accept-Encoding": "gzip, br" } });
  const gzip = await httpRequest(script, { headers: { "Accept-Encoding": "gzip" } });

  for (const { status, headers } of [plain, brotli, gzip]) {
    expect(status).toBe(200);
    expect(headers["content-type"]).toMatch(/^text\/javascript/);
    expect(headers["cache-control"]).toBe("public, max-age=31536000, immutable");
    expect(headers.vary).toContain("Accept-Encoding");
  }
  expect(plain.headers["content-encoding"]).toBeUndefined();
  expect(brotli.headers["content-encoding"]).toBe("br");
  expect(gzip.headers["content-encoding"]).toBe("gzip");
  expect(gunzipSync(gzip.body)).toEqual(plain.body);
  expect(brotli.body.length).toBeLessThan(gzip.body.length);
});

test("a missing file is not found, and files outside the build are not served", async () => {
  for (const path of ["/studio/nothing.js", "/studio/..%2findex.html", "/studio/%00", "/studio/"]) {
    expect((await httpRequest(`${gateway.url}${path}`, { headers: HTML })).status).toBe(404);
  }
});

test("the scripts and styles of the first screen have at most 90 KB together", async () => {
  const page = (await httpRequest(`${gateway.url}/`, { headers: HTML })).body.toString();
  const paths = [...page.matchAll(/(?:src|href)="\.\/(studio\/[^"]+\.(?:js|css))"/g)].map(([, path]) => path);
  const headers = { "Accept-Encoding": "gzip" };
  const files = await Promise.all(paths.map((path) => httpRequest(`${gateway.url}/${path}`, { headers })));

  expect(files.length).toBeGreaterThan(1);
  expect(files.reduce((sum, { body }) => sum + body.length, 0)).toBeLessThan(90_000);
});

test("PICTOGRAPH_STUDIO=off shows the list of routes instead", async () => {
  const without = await startGateway({ hasStudio: false });
  const script = new URL(await scriptOf(gateway.url)).pathname;
  const { headers } = await httpRequest(`${without.url}/`, { headers: HTML });
  const file = await httpRequest(`${without.url}${script}`);
  await without.close();

  expect(headers["content-type"]).toMatch(/^application\/json/);
  expect(file.status).toBe(404);
});

describe("mounted below a path of a host program", () => {
  const makeDirectory = temporaryDirectories();

  test.each(["/pictures", "/pictures/"])("the studio at %s finds everything", async (path) => {
    const embedded = await createGateway({ pages: true, dataDir: await makeDirectory() });
    const host = express().use("/pictures", embedded.app);
    const server = host.listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    const { port } = server.address() as { port: number };
    const { page, expectClean, close } = await openStudio(browser, `http://127.0.0.1:${port}`, { at: path.slice(1) });
    await page.getByRole("button", { name: "Create" }).getByText("Free").waitFor();
    expectClean();
    await close();
    server.close();
    await embedded.close();
  });
});

describe("on a keyed gateway", () => {
  let keyed: KeyedGateway;

  beforeAll(async () => {
    keyed = await startKeyedGateway();
  });

  afterAll(() => keyed.close());

  const UNAUTHENTICATED = /status of 401/;

  test("the studio asks for a key, keeps an API key for the tab, and forgets it on request", async () => {
    const { token } = await keyed.createKey(await keyed.createProject({ name: "Harbour Shop" }));
    const { page, expectClean, close } = await openStudio(browser, keyed.url, { allowed: UNAUTHENTICATED });
    await page.getByLabel("Key").fill("pgk_wrong");
    await page.keyboard.press("Enter");
    await page.getByRole("alert").waitFor();
    await expectAccessible(page);
    await page.getByLabel("Key").fill(token);
    await page.getByRole("button", { name: "Open" }).click();
    await page.getByRole("textbox", { name: "Prompt" }).waitFor();

    await page.reload();
    await page.getByRole("textbox", { name: "Prompt" }).waitFor();
    await page.getByRole("button", { name: "Menu" }).click();
    await page.getByText("Harbour Shop").waitFor();
    await page.getByRole("button", { name: "Forget the key" }).click();
    await page.getByLabel("Key").waitFor();
    expect(await page.evaluate("Object.values(sessionStorage).join()")).not.toContain("pgk_");
    expectClean();
    await close();
  });

  test("the studio keeps an admin key only in memory", async () => {
    const { page, expectClean, close } = await openStudio(browser, keyed.url, { allowed: UNAUTHENTICATED });
    await page.getByLabel("Key").fill(ADMIN_KEY);
    await page.keyboard.press("Enter");
    await page.getByRole("textbox", { name: "Prompt" }).waitFor();
    const stored = await page.evaluate("JSON.stringify([{ ...sessionStorage }, { ...localStorage }, document.cookie])");
    expect(stored).not.toContain(ADMIN_KEY);
    await page.reload();
    await page.getByLabel("Key").waitFor();
    expectClean();
    await close();
  });
});
