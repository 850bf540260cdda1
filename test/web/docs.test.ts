import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { Browser, Page } from "playwright-core";
import { launchBrowser } from "../support/browser.ts";
import { type ScriptedGateway, startScriptedGateway } from "../support/scripted-gateway.ts";

let gateway: ScriptedGateway;
let browser: Browser;
let page: Page;
const foreign: string[] = [];
const complaints: string[] = [];

beforeAll(async () => {
  gateway = await startScriptedGateway();
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

test("the reference shows every REST door, in a browser without internet", async () => {
  for (const path of ["/get-image", "/v1/images/generations", "/v1/images/edits", "/v1/models", "/readyz"]) {
    await page.locator(`.opblock-summary-path[data-path="${path}"]`).waitFor();
  }
});

test("a door can be tried from it", async () => {
  const door = page.locator("#operations-OpenAI-createImage");
  await door.locator(".opblock-summary").click();
  await door.locator("textarea.body-param__text").fill('{"prompt":"a fox","size":"64x64","response_format":"url"}');
  await door.getByRole("button", { name: "Execute" }).click();

  await door.locator(".live-responses-table .response-col_status", { hasText: "200" }).waitFor();
  expect(gateway.provider.requests).toMatchObject([{ prompt: "a fox", size: { width: 64, height: 64 } }]);
});

test("it loads nothing from elsewhere, and nothing is wrong with it", () => {
  expect(foreign).toEqual([]);
  expect(complaints).toEqual([]);
});
