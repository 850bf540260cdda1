import { readFile } from "node:fs/promises";
import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { Browser, Page } from "playwright-core";
import { launchBrowser } from "../../support/clients/browser.ts";
import { httpRequest } from "../../support/clients/http-request.ts";
import {
  ANY_SIZE_EDITOR,
  type ScriptedGateway,
  startScriptedGateway,
} from "../../support/gateways/scripted-gateway.ts";
import { plainImage } from "../../support/gateways/scripted-provider.ts";

let gateway: ScriptedGateway;
let browser: Browser;
let page: Page;
const foreign: string[] = [];
const complaints: string[] = [];

beforeAll(async () => {
  gateway = await startScriptedGateway({}, [ANY_SIZE_EDITOR]);
  browser = await launchBrowser();
  page = await browser.newPage({ viewport: { width: 1400, height: 1000 } });
  page.setDefaultTimeout(10_000);
  await page.route("**", (route) => {
    const url = route.request().url();
    if (url.startsWith(`${gateway.url}/`) || url.startsWith("data:")) return route.continue();
    foreign.push(url);
    return route.abort();
  });
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
  await page.goto(`${gateway.url}/docs`);
});

afterAll(async () => {
  await browser.close();
  await gateway.close();
});

test("the reference shows every REST route in a browser without internet", async () => {
  for (const path of ["/get-image", "/v1/images/generations", "/v1/images/edits", "/v1/models", "/readyz"]) {
    await page.locator(`.opblock-summary-path[data-path="${path}"]`).waitFor();
  }
});

test("the bar links to the other pages and shows the version", async () => {
  const bar = page.getByRole("navigation", { name: "Pages" });
  for (const [name, path] of Object.entries({ Studio: "/", GraphiQL: "/graphiql", "REST reference": "/docs" })) {
    expect(await bar.getByRole("link", { name }).evaluate(({ href }) => href)).toBe(gateway.url + path);
  }
  expect(await bar.getByRole("link", { name: "REST reference" }).getAttribute("aria-current")).toBe("page");
  const { version } = JSON.parse(await readFile(new URL("../../../package.json", import.meta.url), "utf8"));
  await page.locator(".page-version", { hasText: version }).waitFor();
  const icon = await page.locator("link[rel=icon]").evaluate(({ href }) => href);
  expect((await httpRequest(icon)).headers["content-type"]).toMatch(/^image\/svg\+xml/);
});

test("its files are compressed for clients that accept that", async () => {
  const url = `${gateway.url}/docs/swagger-ui-bundle.js`;
  const plain = await httpRequest(url);
  const gzip = await httpRequest(url, { headers: { "Accept-Encoding": "gzip" } });
  const brotli = await httpRequest(url, { headers: { "Accept-Encoding": "gzip, br" } });

  expect([plain, gzip, brotli].map(({ headers }) => headers["content-encoding"])).toEqual([undefined, "gzip", "br"]);
  for (const { status, headers } of [plain, gzip, brotli]) {
    expect([status, headers["cache-control"]]).toEqual([200, "public, max-age=0"]);
    expect(headers["content-type"]).toMatch(/^text\/javascript/);
    expect(headers.vary).toContain("Accept-Encoding");
  }
  expect(gunzipSync(gzip.body)).toEqual(plain.body);
  expect(brotliDecompressSync(brotli.body)).toEqual(plain.body);
});

test("a browser that prefers dark pages gets a dark page", async () => {
  const background = () => page.evaluate("getComputedStyle(document.querySelector('.swagger-ui')).backgroundColor");
  await page.emulateMedia({ colorScheme: "dark" });
  await page.locator("html.dark-mode").waitFor();
  expect(await background()).toBe("rgb(18, 18, 19)");
  await page.emulateMedia({ colorScheme: "light" });
  await page.locator("html:not(.dark-mode)").waitFor();
});

test("a route can be tried on the page", async () => {
  const route = page.locator("#operations-OpenAI-createImage");
  await route.locator(".opblock-summary").click();
  await route.locator("textarea.body-param__text").fill('{"prompt":"a fox","size":"64x64","response_format":"url"}');
  await route.getByRole("button", { name: "Execute" }).click();

  await route.locator(".live-responses-table .response-col_status", { hasText: "200" }).waitFor();
  const picture = route.locator(".answer-pictures img");
  await picture.waitFor();
  expect(await picture.evaluate((image) => image.decode().then(() => image.naturalWidth))).toBe(64);
  expect(gateway.provider.requests).toMatchObject([{ prompt: "a fox", size: { width: 64, height: 64 } }]);
});

test("a form can be sent unchanged, and sends no values that nobody entered", async () => {
  const route = page.locator("[id='operations-Contract_of_2022-getImage']");
  await route.locator(".opblock-summary").click();
  await route.locator("[data-property-name=size] input").fill("64x64");
  await route.getByRole("button", { name: "Execute" }).click();
  await route.locator(".live-responses-table .response-col_status", { hasText: "200" }).waitFor();

  const edit = page.locator("#operations-OpenAI-editImage");
  await edit.locator(".opblock-summary").click();
  const picture = { name: "fox.png", mimeType: "image/png", buffer: await plainImage(64, 64, 1, "PNG") };
  await edit.locator("[data-property-name=image] input[type=file]").setInputFiles(picture);
  await edit.getByRole("button", { name: "Execute" }).click();
  await edit.locator(".live-responses-table .response-col_status", { hasText: "200" }).waitFor();
  await edit.locator(".body-param-content-type select").selectOption("application/json");

  expect(JSON.parse(await edit.locator("textarea.body-param__text").inputValue())).toMatchObject({ images: [{}] });
  expect(gateway.provider.requests.slice(1)).toMatchObject([
    { n: 2, size: { width: 64, height: 64 } },
    { n: 1, size: { width: 64, height: 64 }, edit: { images: [{ width: 64 }] } },
  ]);
});

test("the page loads nothing from other hosts and logs no error", () => {
  expect(foreign).toEqual([]);
  expect(complaints).toEqual([]);
});
