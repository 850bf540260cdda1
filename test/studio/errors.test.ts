import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { Browser } from "playwright-core";
import { ERROR_CODES } from "../../src/errors.ts";
import { GATEWAY_CODES } from "../../studio/api/errors.ts";
import { launchBrowser } from "../support/clients/browser.ts";
import { type RunningGateway, startGateway } from "../support/gateways/gateway.ts";
import { openStudio } from "../support/studio.ts";

test("the studio has a text for every error code of the gateway", () => {
  expect([...GATEWAY_CODES].sort()).toEqual([...ERROR_CODES].sort());
});

describe("a value that the gateway refuses", () => {
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

  test.each([
    ["en-GB", { n: 0 }, "Check “How many”. Change it and try again."],
    ["zh-CN", { n: 0 }, "请检查“数量”，修改后再试。"],
  ])("is named with the label on the page (%s)", async (locale, settings, text) => {
    const { page, expectClean, close } = await openStudio(browser, gateway.url, { locale });
    // This gateway may refuse settings saved by an earlier version of the page.
    await page.evaluate((stored) => localStorage.setItem("pictograph.settings", stored), JSON.stringify(settings));
    await page.reload();
    await page.getByRole("alert").getByText(text).waitFor();
    expectClean();
    await close();
  });
});
