import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { Browser } from "playwright-core";
import { launchBrowser } from "../support/clients/browser.ts";
import { type RunningGateway, startGateway } from "../support/gateways/gateway.ts";
import { expectAccessible, openStudio, WIDTHS } from "../support/studio.ts";

let browser: Browser;

beforeAll(async () => {
  browser = await launchBrowser();
});

afterAll(() => browser.close());

describe.each(Object.entries(WIDTHS))("with the illustrator, on a %s", (_name, viewport) => {
  let gateway: RunningGateway;

  beforeAll(async () => {
    gateway = await startGateway();
  });

  afterAll(() => gateway.close());

  test("a picture is described, priced and created, and appears on the wall", async () => {
    const { page, expectClean, close } = await openStudio(browser, gateway.url, { viewport });
    await page.getByRole("textbox", { name: "Prompt" }).fill("a red fox");
    const create = page.getByRole("button", { name: "Create" });
    await create.getByText("Free").waitFor();
    await expectAccessible(page);
    await create.click();

    const picture = page.locator(".wall a img[alt='a red fox']");
    await picture.waitFor();
    await page.locator(".run").waitFor({ state: "detached" });
    expect(await page.getByRole("textbox", { name: "Prompt" }).inputValue()).toBe("a red fox");
    await expectAccessible(page);
    expectClean();
    await close();
  });

  test("the picture is still there when the studio is opened again", async () => {
    const { page, expectClean, close } = await openStudio(browser, gateway.url, { viewport });
    await page.locator(".wall a img[alt='a red fox']").waitFor();
    expectClean();
    await close();
  });

  test("the studio works in a browser without storage", async () => {
    const context = await browser.newContext({ viewport, locale: "en-GB" });
    const page = await context.newPage();
    const failures: string[] = [];
    page.on("pageerror", (error) => failures.push(String(error)));
    await page.addInitScript(`for (const name of ["localStorage", "sessionStorage"]) {
      Object.defineProperty(window, name, { get() { throw new DOMException("kept away", "SecurityError"); } });
    }`);
    await page.goto(gateway.url);
    await page.getByRole("textbox", { name: "Prompt" }).fill("a blue fox");
    await page.getByRole("button", { name: "Create" }).getByText("Free").waitFor();
    await page.getByRole("button", { name: "Create" }).click();
    await page.locator(".wall a img[alt='a blue fox']").waitFor();
    expect(failures).toEqual([]);
    await context.close();
  });

  test("the page is in Chinese for a Chinese browser", async () => {
    const { page, expectClean, close } = await openStudio(browser, gateway.url, { viewport, locale: "zh-CN" });
    await page.getByRole("textbox", { name: "提示词" }).waitFor();
    await page.getByRole("button", { name: "创作" }).getByText("免费").waitFor();
    expectClean();
    await close();
  });
});
