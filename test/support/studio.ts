import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { expect } from "@jest/globals";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { poll } from "./gateways/scripted-gateway.ts";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** The widths at which every page of the studio is tested: a desktop and a phone. */
export const WIDTHS = { desk: { width: 1440, height: 900 }, phone: { width: 390, height: 844 } } as const;

export interface StudioPage {
  readonly page: Page;
  /** Fails if anything was loaded from another host, or the console showed an error. */
  expectClean(): void;
  close(): Promise<void>;
}

interface OpenOptions extends BrowserContextOptions {
  /** The place in the studio: `#/image/img_…`. */
  readonly at?: string;
  /** Expected console errors, such as the browser's own message about a status that the test causes. */
  readonly allowed?: RegExp;
  /** The origin of a bucket, from which pictures may be loaded. */
  readonly bucketOrigin?: string;
}

/** Opens a gateway's studio in its own browser context, which can reach only the gateway. */
export async function openStudio(browser: Browser, url: string, options: OpenOptions = {}): Promise<StudioPage> {
  const { at = "", allowed, bucketOrigin, ...contextOptions } = options;
  const context = await browser.newContext({ viewport: WIDTHS.desk, locale: "en-GB", ...contextOptions });
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  const foreign: string[] = [];
  const complaints: string[] = [];
  const origins = [new URL(url).origin, bucketOrigin];
  await page.route("**", (route) => {
    const address = route.request().url();
    if (origins.includes(new URL(address).origin) || /^(data|blob):/.test(address)) return route.continue();
    foreign.push(address);
    return route.abort();
  });
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("console", (message) => {
    if (message.type() === "error" && !allowed?.test(message.text())) complaints.push(message.text());
  });
  await page.goto(`${url}/${at}`);
  return {
    page,
    expectClean: () => expect({ foreign, complaints }).toEqual({ foreign: [], complaints: [] }),
    close: () => context.close(),
  };
}

/**
 * Waits until an expression is true. Playwright's own function evaluates text in the page, which the page's policy
 * forbids.
 */
export function until(page: Page, expression: string): Promise<unknown> {
  return poll(() => page.evaluate(expression), Boolean);
}

/** The contrast of a changing colour cannot be judged. Some animations never end. */
const ANIMATIONS_ENDED =
  "Promise.all(document.getAnimations().filter((each) => each.effect.getComputedTiming().endTime !== Infinity).map((each) => each.finished.catch(() => {})))";

/** Fails if axe-core finds a problem in what the page shows once its animations have ended. */
export async function expectAccessible(page: Page): Promise<void> {
  await page.evaluate(ANIMATIONS_ENDED);
  await page.evaluate(AXE);
  const violations = await page.evaluate(
    "axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) => violations.map(({ id, nodes }) => id + ': ' + nodes.map(({ html }) => html).join('; ')))",
  );
  expect(violations).toEqual([]);
}
