import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { Browser, Page } from "playwright-core";
import { launchBrowser } from "../support/clients/browser.ts";
import { getImageAsJson } from "../support/clients/get-image-client.ts";
import { type GatewayProcess, startGatewayProcess } from "../support/processes/gateway-process.ts";
import { type StrictImageApi, startStrictImageApi } from "../support/vendors/strict-image-api.ts";

/** Host names that the browser resolves to loopback. */
const NAMES = ["evil.example", "pictures.example"];

const shared = new AsyncDisposableStack();
let provider: StrictImageApi;
let gateway: GatewayProcess;
let port: string;
let browser: Browser;
/** A page of another site, in a browser on the gateway's machine. */
let page: Page;

beforeAll(async () => {
  provider = await startStrictImageApi();
  shared.defer(() => provider.close());
  gateway = shared.use(
    await startGatewayProcess({
      env: {
        OPENAI_API_KEY: provider.apiKey,
        OPENAI_BASE_URL: provider.baseUrl,
        PICTOGRAPH_ALLOWED_HOSTS: "pictures.example",
      },
    }),
  );
  ({ port } = new URL(gateway.url));
  const site = shared.use(await serve("<!doctype html><title>another site</title>"));
  const rules = NAMES.map((name) => `MAP ${name} 127.0.0.1`).join(", ");
  browser = shared.use(await launchBrowser([`--host-resolver-rules=${rules}`]));
  page = await browser.newPage();
  await page.goto(`http://evil.example:${(site.address() as AddressInfo).port}/`);
});

afterAll(() => shared.disposeAsync());

async function serve(html: string): Promise<Server> {
  const server = createServer((_request, response) => response.setHeader("Content-Type", "text/html").end(html));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return server;
}

/** The result for the page's script: the status, or `blocked` if the browser shows it nothing. */
function fetchFromPage(path: string, options: object): Promise<number | string> {
  return page.evaluate(
    ([url, init]) =>
      fetch(url as string, init as RequestInit).then(
        (response) => (response.type === "opaque" ? "opaque" : response.status),
        () => "blocked",
      ),
    [`http://localhost:${port}${path}`, options] as const,
  );
}

test("a foreign page spends nothing with a simple form, which browsers send without a preflight", async () => {
  const headers = { "Content-Type": "application/x-www-form-urlencoded" };
  const body = "prompt=a+fox&n=1&size=1024x1024";
  const status = gateway.waitForLine((line) => line.includes('"path":"/get-image"'));

  expect(await fetchFromPage("/get-image", { method: "POST", mode: "no-cors", headers, body })).toBe("opaque");
  expect(JSON.parse(await status)).toMatchObject({ method: "POST", status: 403 });
  expect(await fetchFromPage("/get-image", { method: "POST", headers, body })).toBe("blocked");
  expect(provider.callCount).toBe(0);
});

test("a foreign page cannot open a WebSocket", async () => {
  const opened = await page.evaluate(
    (url) =>
      new Promise((resolve) => {
        const socket = new WebSocket(url, "graphql-transport-ws");
        socket.onopen = () => resolve("open");
        socket.onerror = () => resolve("refused");
      }),
    `ws://localhost:${port}/graphql`,
  );

  expect(opened).toBe("refused");
});

test("a foreign page can show an image whose URL it has, but no page in a frame", async () => {
  const { urlList } = await getImageAsJson(gateway.url, { prompt: "a fox", n: "1", size: "1024x1024" });
  const width = await page.evaluate<number>(`(async () => {
    const image = new Image();
    image.src = ${JSON.stringify(urlList[0])};
    await image.decode();
    return image.naturalWidth;
  })()`);
  const refused = page.waitForEvent("console", (message) => /frame-ancestors|X-Frame-Options/i.test(message.text()));
  await page.evaluate(`{
    const frame = document.createElement("iframe");
    frame.src = "http://localhost:${port}/graphiql";
    document.body.append(frame);
  }`);

  expect(width).toBe(1024);
  await refused;
});

test("a foreign page whose name resolves to the gateway does not count as the gateway's own", async () => {
  const rebound = await browser.newPage();
  const answer = await rebound.goto(`http://evil.example:${port}/openapi.json`);

  expect(answer?.status()).toBe(421);
  await rebound.close();
});

test("the gateway's own page works under an allowed name if the browser sends no proof of its origin", async () => {
  const own = await browser.newPage();
  const sent = own.waitForRequest((request) => request.method() === "POST" && request.url().endsWith("/graphql"));
  await own.goto(`http://pictures.example:${port}/graphiql`);
  const answer = await own.evaluate(() =>
    fetch("graphql", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: '{"query":"{ __typename }"}',
    }).then((response) => response.json()),
  );

  expect(await (await sent).allHeaders()).toMatchObject({ origin: `http://pictures.example:${port}` });
  expect(await (await sent).allHeaders()).not.toHaveProperty("sec-fetch-site");
  expect(answer).toEqual({ data: { __typename: "Query" } });
  await own.close();
});
