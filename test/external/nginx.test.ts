import { once as onceOf } from "node:events";
import { request } from "node:http";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect } from "@jest/globals";
import type { ProviderEvent } from "../../src/ports/image-provider.ts";
import { ANY_SIZE_MODEL, type ScriptedGateway, startScriptedGateway } from "../support/gateways/scripted-gateway.ts";
import { makeImages, once, plainImage } from "../support/gateways/scripted-provider.ts";
import { type ProxyProcess, startNginx } from "../support/processes/proxies.ts";
import { temporaryDirectories } from "../support/temporary-directory.ts";
import { runsHere, testWhere } from "./when-present.ts";

const isHere = await runsHere("nginx", "-v");
const newDirectory = temporaryDirectories();

let gateway: ScriptedGateway;
/** Lets the provider make its image. */
let finish: () => void;

beforeEach(async () => {
  const finished = Promise.withResolvers<void>();
  finish = finished.resolve;
  const model = { ...ANY_SIZE_MODEL, previews: { maxPartialImages: 3, maxImages: 1 } };
  gateway = await startScriptedGateway({ keepAliveMs: 50 }, [model]);
  gateway.provider.script = async function* (asked): AsyncIterable<ProviderEvent> {
    yield { type: "partial", index: 0, partialIndex: 0, bytes: once(await plainImage(64, 64, 1, "PNG")) };
    await finished.promise;
    yield* makeImages(asked);
  };
});
afterEach(() => gateway.close());

describe("nginx with its default configuration passes on without delay", () => {
  let nginx: ProxyProcess | undefined;
  let socketPath: string;

  beforeEach(async () => {
    if (!isHere) return;
    const directory = await newDirectory();
    socketPath = join(directory, "nginx.sock");
    const location = `location / { proxy_pass ${gateway.url}; proxy_set_header Host $proxy_host; }`;
    nginx = await startNginx(directory, `server { listen unix:${socketPath}; ${location} }`, { path: socketPath });
  });

  afterEach(() => nginx?.stop());

  /** Reads an answer, and lets the provider finish as soon as the beginning matches. */
  async function readThroughNginx(path: string, body: object, beginning: RegExp): Promise<string> {
    const headers = { "Content-Type": "application/json" };
    const outgoing = request({ socketPath, path, method: "POST", headers, agent: false });
    outgoing.end(JSON.stringify(body));
    const [incoming] = await onceOf(outgoing, "response");
    let text = "";
    for await (const part of incoming.setEncoding("utf8")) {
      text += part;
      if (beginning.test(text)) finish();
    }
    return text;
  }

  const asked = { prompt: "a fox", size: "64x64" };

  testWhere(isHere, "nginx", "the previews of a stream of /v1", async () => {
    const body = { ...asked, stream: true, partial_images: 1 };
    const text = await readThroughNginx(
      "/v1/images/generations",
      body,
      /event: image_generation\.partial_image\n.*\n\n/,
    );

    expect(text).toContain("event: image_generation.completed");
  });

  testWhere(isHere, "nginx", "the spaces before an answer of /v1", async () => {
    const text = await readThroughNginx("/v1/images/generations", { ...asked, response_format: "url" }, /^ /);

    expect(JSON.parse(text).data).toHaveLength(1);
  });

  testWhere(isHere, "nginx", "the spaces before an answer of /get-image", async () => {
    const text = await readThroughNginx("/get-image", { ...asked, n: "1" }, /^ /);

    expect(JSON.parse(text).errorMessage).toBe("OK");
  });

  testWhere(isHere, "nginx", "the events of a subscription", async () => {
    const begin = `mutation { generateImages(input: { prompt: "a fox", size: "64x64", waitSeconds: 0 }) { id } }`;
    const { data } = (await gateway.graphql(begin)).body;
    const query = `subscription { generationEvents(id: "${data.generateImages.id}") { __typename } }`;
    const text = await readThroughNginx("/graphql/stream", { query }, /GenerationStatusChanged/);

    expect(text).toContain("ImageReady");
  });
});
