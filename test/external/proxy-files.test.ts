import { once as onceOf } from "node:events";
import { readFile } from "node:fs/promises";
import { connect as connectHttp2 } from "node:http2";
import { type RequestOptions, request } from "node:https";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect } from "@jest/globals";
import { createClient } from "graphql-ws";
import type { Browser } from "playwright-core";
import { WebSocket } from "ws";
import type { ProviderEvent } from "../../src/ports/image-provider.ts";
import { launchBrowser } from "../support/clients/browser.ts";
import { httpRequest } from "../support/clients/http-request.ts";
import { GENERATION_EVENTS, type SeenEvent, toWords } from "../support/clients/live-clients.ts";
import { ANY_SIZE_EDITOR, type ScriptedGateway, startScriptedGateway } from "../support/gateways/scripted-gateway.ts";
import { makeImages, once, plainImage } from "../support/gateways/scripted-provider.ts";
import { jpegOf } from "../support/images/source-images.ts";
import { makeOwnCertificate, type OwnCertificate } from "../support/network/own-certificate.ts";
import { freePort, startCaddy, startNginx } from "../support/processes/proxies.ts";
import { openStudio } from "../support/studio.ts";
import { temporaryDirectories } from "../support/temporary-directory.ts";
import { runsHere, testWhere } from "./when-present.ts";

const DEPLOY = fileURLToPath(new URL("../../deploy/", import.meta.url));
const NGINX_FILES = join(DEPLOY, "nginx");
/** The host names in the files. */
const HOST_NAMES = ["pictures.example", "www.example"];
/** The largest allowed picture of an edit. */
const UPLOAD_BYTES = 49_999_999;
/** Headers with which a client pretends to be elsewhere. */
const FORGED = {
  Forwarded: "host=evil.example",
  "X-Forwarded-For": "192.0.2.7",
  "X-Forwarded-Host": "evil.example",
  "X-Forwarded-Port": "666",
  "X-Forwarded-Prefix": "/evil",
  "X-Forwarded-Proto": "http",
};

const newDirectory = temporaryDirectories();
const has = { nginx: await runsHere("nginx", "-v"), caddy: await runsHere("caddy", "version") };

/** A proxy with one of the files in `deploy/`. */
interface Proxy {
  /** Pictograph's URL in the file, without a trailing slash. */
  readonly url: string;
  /** The port for plain HTTP. */
  readonly plainPort: number;
  /** Its whole log. Read it after the stop. */
  log(): Promise<string>;
  stop(): Promise<void>;
}

interface Kind {
  readonly program: "nginx" | "caddy";
  readonly file: string;
  readonly hostName: string;
  readonly prefix: string;
  start(kind: Kind, gateway: ScriptedGateway, certificate: OwnCertificate, directory: string): Promise<Proxy>;
}

const KINDS: readonly Kind[] = [
  { program: "nginx", file: "pictograph.conf", hostName: "pictures.example", prefix: "", start: nginx },
  { program: "nginx", file: "pictograph-prefix.conf", hostName: "pictures.example", prefix: "/pictures", start: nginx },
  { program: "caddy", file: "Caddyfile", hostName: "pictures.example", prefix: "", start: caddy },
  { program: "caddy", file: "Caddyfile", hostName: "www.example", prefix: "/pictures", start: caddy },
];

async function nginx(
  { file, hostName, prefix }: Kind,
  gateway: ScriptedGateway,
  { files }: OwnCertificate,
  directory: string,
) {
  const [port, plainPort] = [await freePort(), await freePort()];
  const log = join(directory, "access.log");
  const servers = replaceAll(await readFile(join(NGINX_FILES, file), "utf8"), {
    "server 127.0.0.1:8080;": `server 127.0.0.1:${new URL(gateway.url).port};`,
    "listen 443 ssl http2;": `listen 127.0.0.1:${port} ssl http2;`,
    "listen [::]:443 ssl http2;": "",
    "listen 80;": `listen 127.0.0.1:${plainPort};`,
    "listen [::]:80;": "",
    "/etc/ssl/pictures.example.pem": files.certificate,
    "/etc/ssl/private/pictures.example.key": files.key,
    "/etc/nginx/": `${NGINX_FILES}/`,
    "/var/log/nginx/pictograph.log": log,
  });
  const { stop } = await startNginx(directory, servers, { host: "127.0.0.1", port });
  return { url: `https://${hostName}:${port}${prefix}`, plainPort, log: () => readFile(log, "utf8"), stop };
}

async function caddy(
  { file, hostName, prefix }: Kind,
  gateway: ScriptedGateway,
  { files }: OwnCertificate,
  directory: string,
) {
  const [port, plainPort] = [await freePort(), await freePort()];
  const tls = `tls ${files.certificate} ${files.key}`;
  const sites = replaceAll(await readFile(join(DEPLOY, "caddy", file), "utf8"), {
    "127.0.0.1:8080": `127.0.0.1:${new URL(gateway.url).port}`,
    "pictures.example {": `pictures.example {\n${tls}`,
    "www.example {": `www.example {\n${tls}`,
  });
  const options = `{\nadmin off\nhttp_port ${plainPort}\nhttps_port ${port}\ndefault_bind 127.0.0.1\n}\n`;
  const running = await startCaddy(directory, options + sites, { host: "127.0.0.1", port });
  const { stop } = running;
  return { url: `https://${hostName}:${port}${prefix}`, plainPort, log: async () => running.stderr, stop };
}

/** Replaces what differs on a test machine. @throws Error if the file does not contain it */
function replaceAll(text: string, replacements: Readonly<Record<string, string>>): string {
  return Object.entries(replacements).reduce((changed, [from, to]) => {
    if (!changed.includes(from)) throw new Error(`the file does not contain ${from}`);
    return changed.replaceAll(from, to);
  }, text);
}

let browser: Browser | undefined;

beforeAll(async () => {
  if (!has.nginx && !has.caddy) return;
  browser = await launchBrowser(["--host-resolver-rules=MAP *.example 127.0.0.1"]);
});

afterAll(() => browser?.close());

describe.each(KINDS)("deploy/$program/$file at https://$hostName$prefix/", (kind) => {
  const isHere = has[kind.program];
  const test = (name: string, run: () => Promise<void>) => testWhere(isHere, kind.program, name, run);
  let gateway: ScriptedGateway;
  let certificate: OwnCertificate;
  let proxy: Proxy;
  /** Lets the provider make its images. */
  let finish: () => void;

  beforeEach(async () => {
    if (!isHere) return;
    const finished = Promise.withResolvers<void>();
    finish = finished.resolve;
    const model = { ...ANY_SIZE_EDITOR, previews: { maxPartialImages: 3, maxImages: 1 } };
    const options = { trustProxy: ["127.0.0.1"], hostNames: HOST_NAMES, keepAliveMs: 50 };
    gateway = await startScriptedGateway(options, [model]);
    gateway.provider.script = async function* (asked): AsyncIterable<ProviderEvent> {
      if (asked.partialImages > 0) {
        yield { type: "partial", index: 0, partialIndex: 0, bytes: once(await plainImage(64, 64, 1, "PNG")) };
        await finished.promise;
      }
      yield* makeImages(asked);
    };
    const directory = await newDirectory();
    certificate = await makeOwnCertificate(directory, HOST_NAMES);
    proxy = await kind.start(kind, gateway, certificate, directory);
  });

  afterEach(async () => {
    if (!isHere) return;
    await proxy.stop();
    await gateway.close();
  });

  /** Sends a request that trusts the proxy's certificate and finds its host on this machine. */
  const here = () => ({
    ca: certificate.pem,
    lookup: ((_name, { all }, answer) =>
      all ? answer(null, [{ address: "127.0.0.1", family: 4 }]) : answer(null, "127.0.0.1", 4)) as NonNullable<
      RequestOptions["lookup"]
    >,
  });

  async function send(url: string, body?: string | Buffer, headers: Record<string, string> = {}) {
    const outgoing = request(url, { ...here(), method: body === undefined ? "GET" : "POST", headers, agent: false });
    outgoing.end(body);
    const [incoming] = await onceOf(outgoing, "response");
    return { status: incoming.statusCode as number, headers: incoming.headers, body: await buffer(incoming) };
  }

  async function graphql(query: string, headers: Record<string, string> = {}) {
    const body = JSON.stringify({ query });
    const answer = await send(`${proxy.url}/graphql`, body, { "Content-Type": "application/json", ...headers });
    return JSON.parse(answer.body.toString()).data;
  }

  /** Reads an event stream over HTTP/2, and lets the provider finish as soon as the beginning matches. */
  async function readStream(path: string, body: object, beginning: RegExp): Promise<string> {
    const session = connectHttp2(proxy.url, here());
    try {
      const { pathname } = new URL(proxy.url + path);
      const headers = { ":method": "POST", ":path": pathname, "content-type": "application/json" };
      const stream = session.request({ ...headers, accept: "text/event-stream" });
      stream.end(JSON.stringify(body));
      let text = "";
      for await (const part of stream.setEncoding("utf8")) {
        text += part;
        if (beginning.test(text)) finish();
      }
      expect(session.alpnProtocol).toBe("h2");
      return text;
    } finally {
      session.close();
    }
  }

  test("redirects from http to https", async () => {
    const headers = { Host: kind.hostName };
    const plain = await httpRequest(`http://127.0.0.1:${proxy.plainPort}/pictures/?a=b`, { headers });

    expect(plain.status).toBe(308);
    expect(plain.headers.location).toMatch(new RegExp(`^https://${kind.hostName}(:\\d+)?/pictures/\\?a=b$`));
  });

  test("serves images by their URLs, whatever headers a client forges", async () => {
    const query = `mutation { generateImages(input: { prompt: "a fox", size: "64x64" }) { images { url } } }`;
    const { generateImages } = await graphql(query, FORGED);
    const [{ url }] = generateImages.images;
    const image = await send(url);

    expect(url.slice(0, url.indexOf("/images/"))).toBe(proxy.url);
    expect([image.status, image.headers["content-type"]]).toEqual([200, "image/png"]);
  });

  test("passes on an upload of 50 MB", async () => {
    const form = new FormData();
    form.append("image", new Blob([await jpegOf(UPLOAD_BYTES)], { type: "image/jpeg" }), "fox.jpg");
    form.append("prompt", "a fox");
    form.append("size", "64x64");
    form.append("response_format", "url");
    const { headers, body } = new Response(form) as unknown as { headers: Headers; body: AsyncIterable<Uint8Array> };
    const answer = await send(`${proxy.url}/v1/images/edits`, await buffer(body), {
      "Content-Type": headers.get("content-type") ?? "",
    });
    const [made] = JSON.parse(answer.body.toString()).data;

    expect(answer.status).toBe(200);
    expect((await send(made.url)).status).toBe(200);
    expect(gateway.provider.requests.at(-1)?.edit).toBeDefined();
  });

  test("passes on the previews of a stream of /v1 immediately", async () => {
    const body = { prompt: "a fox", size: "64x64", stream: true, partial_images: 1 };
    const text = await readStream("/v1/images/generations", body, /event: image_generation\.partial_image\n.*\n\n/);

    expect(text).toContain("event: image_generation.completed");
  });

  test("passes on the previews of a subscription immediately, as events and over a WebSocket", async () => {
    const begin = `mutation { generateImages(input: { prompt: "a fox", size: "64x64", partialImages: 1, waitSeconds: 0 }) { id } }`;
    const { generateImages } = await graphql(begin);
    class TrustingSocket extends WebSocket {
      constructor(url: string, protocols: string | string[]) {
        super(url, protocols, { ...here(), origin: new URL(proxy.url).origin });
      }
    }
    const url = `${proxy.url.replace("https", "wss")}/graphql`;
    const client = createClient({ url, webSocketImpl: TrustingSocket, retryAttempts: 0 });
    const query = GENERATION_EVENTS;
    const variables = { id: generateImages.id };
    const previewsSeen = Promise.withResolvers<void>();
    const streamed = readStream("/graphql/stream", { query, variables }, /PartialImageReady/);
    // The provider finishes only after the preview has arrived both ways.
    const end = finish;
    finish = previewsSeen.resolve;
    const words: string[] = [];
    for await (const { data } of client.iterate<{ generationEvents: SeenEvent }>({ query, variables })) {
      const event = data?.generationEvents;
      if (!event) continue;
      words.push(toWords(event));
      if (event.__typename === "PartialImageReady") void previewsSeen.promise.then(end);
    }
    await client.dispose();

    expect(words).toEqual(expect.arrayContaining(["partial 0.0", "image 0", "status SUCCEEDED"]));
    expect(await streamed).toContain("ImageReady");
  });

  test("serves the studio", async () => {
    const options = { ignoreHTTPSErrors: true };
    const { page, expectClean, close } = await openStudio(browser as Browser, proxy.url, options);
    await page.getByRole("textbox", { name: "Prompt" }).fill("a red fox");
    finish();
    await page.getByRole("button", { name: "Create" }).click();
    const picture = page.locator(".wall a img[alt='a red fox']");
    await picture.waitFor();

    expect(await picture.getAttribute("src")).toMatch(new RegExp(`^${proxy.url}/images/`));
    const decoded = "((image) => image.decode().then(() => image.naturalWidth))(document.querySelector('.wall a img'))";
    expect(await page.evaluate(decoded)).toBeGreaterThan(0);
    expectClean();
    await close();
  });

  test("adds the slash that a prefix lacks", async () => {
    const { status, headers } = await send(kind.prefix === "" ? `${proxy.url}/` : proxy.url);

    expect([status, headers.location]).toEqual(kind.prefix === "" ? [200, undefined] : [308, `${kind.prefix}/`]);
  });

  test("logs no signature", async () => {
    const query = `mutation { generateImages(input: { prompt: "a fox", size: "64x64" }) { images { url } } }`;
    const { generateImages } = await graphql(query);
    const { status } = await send(generateImages.images[0].url);
    await proxy.stop();
    const log = await proxy.log();

    expect(status).toBe(200);
    if (kind.program === "nginx") expect(log).toMatch(/"GET [^"?]*\/images\/img_[^"?]* HTTP\/1\.1" 200/);
    expect(log).not.toContain("signature");
  });
});
