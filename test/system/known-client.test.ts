import { readFile } from "node:fs/promises";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import type { Browser, BrowserContext, Page } from "playwright-core";
import sharp from "sharp";
import { launchBrowser } from "../support/clients/browser.ts";
import { startGatewayProcess } from "../support/processes/gateway-process.ts";

const PAGE_FILE = new URL("../support/clients/known-client.html", import.meta.url);
const DOCUMENT_PROMPT = "A cute asian girl with long hair smiling and looking at me";

/** Longer than starting and stopping real processes takes until they report their own failure. */
const HOOK_TIMEOUT_MS = 60_000;

const shared = new AsyncDisposableStack();
let browser: Browser;
/** The URL that the page calls: it knows the host, and gets the port. */
let gatewayOrigin: string;
let gatewayPort: string;
/** Another host name and port than the gateway's, so another origin in both respects. */
let pageOrigin: string;
let context: BrowserContext;
let page: Page;
let problems: string[];

beforeAll(async () => {
  const gateway = shared.use(await startGatewayProcess());
  gatewayPort = new URL(gateway.url).port;
  gatewayOrigin = `http://127.0.0.1:${gatewayPort}`;
  const html = await readFile(PAGE_FILE);
  const pages = shared.use(
    await listen((request, response) => {
      if (request.url?.startsWith("/known-client.html")) response.setHeader("Content-Type", "text/html").end(html);
      else response.writeHead(204).end();
    }),
  );
  pageOrigin = `http://localhost:${portOf(pages)}`;
  browser = shared.use(await launchBrowser());
}, HOOK_TIMEOUT_MS);

afterAll(() => shared.disposeAsync(), HOOK_TIMEOUT_MS);

beforeEach(async () => {
  context = await browser.newContext();
  // Shorter than Jest's own limit, so that the error names what the page waited for.
  context.setDefaultTimeout(20_000);
  page = await context.newPage();
  problems = [];
  page.on("pageerror", (error) => problems.push(`uncaught: ${error.message}`));
  page.on("console", (message) => {
    if (message.type() === "error") problems.push(`console: ${message.text()}`);
  });
  page.on("requestfailed", (request) => problems.push(`failed: ${request.url()} ${request.failure()?.errorText}`));
  await page.goto(`${pageOrigin}/known-client.html?port=${gatewayPort}`);
});

afterEach(() => context.close());

describe("the page of a client from 2022", () => {
  test.each([1024, 256])("shows two different pictures with sides of %i pixels", async (side) => {
    await submit({ prompt: DOCUMENT_PROMPT, n: "2", size: `${side}x${side}` });

    expect(await page.locator("#message").textContent()).toBe("OK");
    const first = await shownPicture(0);
    const second = await shownPicture(1);
    expect(await page.locator("img").count()).toBe(2);
    for (const picture of [first, second]) {
      expect(picture).toMatchObject({ naturalWidth: side, naturalHeight: side, width: side, height: side });
      expect(picture.colours).toBeGreaterThan(100);
      expect(picture.deviation).toBeGreaterThan(10);
      expect(differingShare(picture.pixels, await fetchPixels(picture.url))).toBeLessThan(0.01);
    }
    expect(differingShare(first.pixels, second.pixels)).toBeGreaterThan(0.05);
    expect(problems).toEqual([]);
  });

  test("works when it is opened from a file", async () => {
    await page.goto(`${PAGE_FILE.href}?port=${gatewayPort}`);
    await submit({ prompt: DOCUMENT_PROMPT, n: "1", size: "256x256" });

    expect(await page.locator("#message").textContent()).toBe("OK");
    expect(await shownPicture(0)).toMatchObject({ naturalWidth: 256, naturalHeight: 256 });
    expect(problems).toEqual([]);
  });

  test("shows the error of a wrong request, and continues to work", async () => {
    const refused = await submit({ prompt: DOCUMENT_PROMPT, n: "11", size: "1024x1024" });

    expect(refused.status).toBe(400);
    expect(refused.body).toEqual({ urlResponse: { urlList: [] }, errorMessage: expect.stringMatching(/\bn\b.*10/s) });
    expect(await page.locator("#message").textContent()).toBe(refused.body.errorMessage);
    expect(await page.locator("img").count()).toBe(0);
    // Chromium itself reports the status. The page adds nothing to that: its script has not failed.
    expect(problems).toEqual([expect.stringContaining("status of 400")]);

    await submit({ prompt: DOCUMENT_PROMPT, n: "1", size: "256x256" });
    expect(await page.locator("#message").textContent()).toBe("OK");
    expect(await shownPicture(0)).toMatchObject({ naturalWidth: 256, naturalHeight: 256 });
  });
});

describe("a page from another origin", () => {
  test("may read the pixels of an image that it has already shown", async () => {
    const { body } = await submit({ prompt: DOCUMENT_PROMPT, n: "1", size: "256x256" });
    const { pixels } = await shownPicture(0);

    const drawn = await page.evaluate<string>(`(async () => {
      const image = new Image();
      image.crossOrigin = "anonymous";
      image.src = ${JSON.stringify(body.urlResponse.urlList[0])};
      await image.decode();
      const canvas = document.createElement("canvas");
      canvas.width = image.naturalWidth;
      canvas.height = image.naturalHeight;
      canvas.getContext("2d").drawImage(image, 0, 0);
      return canvas.toDataURL("image/png");
    })()`);

    expect(differingShare(await fetchPixels(drawn), pixels)).toBeLessThan(0.01);
    expect(problems).toEqual([]);
  });

  test("may send JSON and custom headers after a preflight", async () => {
    const methods = await recordMethods(`${gatewayOrigin}/get-image`);
    const answer = await sendJson(`${gatewayOrigin}/get-image`, {
      headers: { "Idempotency-Key": "known-client", "X-Requested-With": "XMLHttpRequest" },
      body: { prompt: DOCUMENT_PROMPT, n: 1, size: "256x256" },
    });

    expect(answer).toEqual({
      status: 200,
      response: { urlResponse: { urlList: [expect.stringContaining(gatewayOrigin)] }, errorMessage: "OK" },
    });
    expect(methods()).toEqual(["OPTIONS", "POST"]);
    expect(problems).toEqual([]);
  });

  test("is limited by the same-origin policy in this browser", async () => {
    const received: unknown[] = [];
    await using other = await listen((request, response) => {
      received.push(request.method);
      response.end("{}");
    });

    const answer = await sendJson(`http://127.0.0.1:${portOf(other)}/get-image`, { headers: {}, body: {} });

    expect(answer).toEqual({ status: 0, response: null });
    expect(received).toEqual(["OPTIONS"]);
  });
});

interface ClientAnswer {
  readonly urlResponse: { readonly urlList: readonly string[] };
  readonly errorMessage: string;
}

/** Fills in the form and submits it as a user would; resolves when the page has handled the answer. */
async function submit(fields: { prompt: string; n: string; size: string }) {
  await page.getByLabel("Prompt").fill(fields.prompt);
  await page.getByLabel("How many").fill(fields.n);
  await page.getByLabel("Size").selectOption(fields.size);
  const [request] = await Promise.all([
    page.waitForRequest(`${gatewayOrigin}/get-image`),
    page.getByRole("button").click(),
  ]);
  await page.locator("button:enabled").waitFor();
  const response = await request.response();
  if (!response) throw new Error(`the page got no answer: ${problems.join("\n")}`);
  return { status: response.status(), body: (await response.json()) as ClientAnswer };
}

/** What the user sees in the image's place: a screenshot, not the file. */
async function shownPicture(index: number) {
  const [url, naturalWidth, naturalHeight] = await page.evaluate<[string, number, number]>(`(async () => {
    const image = document.images[${index}];
    await image.decode();
    return [image.src, image.naturalWidth, image.naturalHeight];
  })()`);
  const screenshot = sharp(await page.locator("img").nth(index).screenshot({ type: "png" })).removeAlpha();
  const { data: pixels, info } = await screenshot.raw().toBuffer({ resolveWithObject: true });
  const { channels } = await screenshot.stats();
  const colours = new Set<number>();
  for (let offset = 0; offset < pixels.length; offset += 3) colours.add(pixels.readUIntBE(offset, 3));
  return {
    url,
    naturalWidth,
    naturalHeight,
    width: info.width,
    height: info.height,
    pixels,
    colours: colours.size,
    deviation: Math.max(...channels.map(({ stdev }) => stdev)),
  };
}

async function fetchPixels(url: string): Promise<Buffer> {
  const response = await fetch(url);
  return sharp(await response.arrayBuffer())
    .removeAlpha()
    .raw()
    .toBuffer();
}

/** The share of RGB samples, 0 to 1, that differ by more than rounding. */
function differingShare(one: Uint8Array, other: Uint8Array): number {
  expect(one.length).toBe(other.length);
  let differing = 0;
  for (let index = 0; index < one.length; index++) if (Math.abs(one[index]! - other[index]!) > 3) differing++;
  return differing / one.length;
}

/** A request that no form can send, by the open page's script. Status 0 means that the browser blocked it. */
function sendJson(url: string, { headers, body }: { headers: Record<string, string>; body: unknown }) {
  return page.evaluate<{ status: number; response: unknown }>(`new Promise((resolve) => {
    const request = new XMLHttpRequest();
    request.open("POST", ${JSON.stringify(url)});
    request.responseType = "json";
    request.setRequestHeader("Content-Type", "application/json");
    for (const [name, value] of Object.entries(${JSON.stringify(headers)})) request.setRequestHeader(name, value);
    request.onloadend = () => resolve({ status: request.status, response: request.response });
    request.send(${JSON.stringify(JSON.stringify(body))});
  })`);
}

/** The methods that the browser sends to a URL, sorted, including preflights, which pages never see. */
async function recordMethods(url: string): Promise<() => string[]> {
  const methods: string[] = [];
  const session = await context.newCDPSession(page);
  session.on("Network.requestWillBeSent", ({ request }) => {
    if (request.url === url) methods.push(request.method);
  });
  await session.send("Network.enable");
  return () => methods.sort();
}

async function listen(handle: RequestListener): Promise<Server> {
  const server = createServer(handle).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  return server;
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}
