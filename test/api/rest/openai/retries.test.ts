import { Writable } from "node:stream";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { pino } from "pino";
import { type Billed, GatewayError } from "../../../../src/errors.ts";
import type { ProviderEvent } from "../../../../src/ports/image-provider.ts";
import { httpRequest } from "../../../support/clients/http-request.ts";
import {
  ANY_SIZE_EDITOR,
  type Hold,
  holdCalls,
  poll,
  type ScriptedGateway,
  startScriptedGateway,
} from "../../../support/gateways/scripted-gateway.ts";
import { makeImages } from "../../../support/gateways/scripted-provider.ts";

const AGAIN = { "X-Stainless-Retry-Count": "1" };

let logged: string[];
let gateway: ScriptedGateway;
let now: Date;

beforeEach(async () => {
  logged = [];
  now = new Date();
  const logger = pino(new Writable({ write: (line, _encoding, done) => done(void logged.push(String(line))) }));
  gateway = await startScriptedGateway({ logger, now: () => now }, [ANY_SIZE_EDITOR]);
});

afterEach(() => gateway.close());

interface Sending {
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
  readonly body?: object;
}

/** Requests an image for this prompt, and returns the status and its URL. */
async function ask(prompt: string, { path = "generations", headers = {}, signal, body = {} }: Sending = {}) {
  const response = await httpRequest(`${gateway.url}/v1/images/${path}`, {
    method: "POST",
    headers: { "Content-Type": "application/json", Authorization: "Bearer any", ...headers },
    body: JSON.stringify({ prompt, size: "64x64", response_format: "url", ...body }),
    ...(signal && { signal }),
  });
  const answer = JSON.parse(response.body.toString());
  return { status: response.status, image: answer.data?.[0]?.url.split("?")[0] };
}

function callCount(prompt: string): number {
  return gateway.provider.requests.filter((request) => request.prompt === prompt).length;
}

/** Sends requests whose clients disconnect while the provider works. The provider then makes the images or fails. */
async function leave(count: number, prompt: string, sending: Sending = {}, failure?: GatewayError): Promise<Hold> {
  const hold = holdCalls(gateway.provider);
  const { script } = gateway.provider;
  gateway.provider.script = async function* failing(request, signal): AsyncIterable<ProviderEvent> {
    for await (const event of script(request, signal)) {
      if (failure) throw failure;
      yield event;
    }
  };
  const [before, calls] = [departures(), gateway.provider.requests.length];
  for (let sent = 1; sent <= count; sent++) {
    const client = new AbortController();
    const isLeft = ask(prompt, { ...sending, signal: client.signal }).catch((error: Error) => error.name);
    await poll(
      () => gateway.graphql("{ __typename }"),
      () => gateway.provider.requests.length === calls + sent,
    );
    client.abort();
    expect(await isLeft).toBe("AbortError");
  }
  await poll(
    () => gateway.graphql("{ __typename }"),
    () => departures() === before + count,
  );
  return hold;
}

async function untilEnded(count: number): Promise<void> {
  const query = "{ generations { edges { node { finishedAt } } } }";
  await poll(
    async () => (await gateway.graphql(query)).body.data.generations.edges,
    (edges) =>
      edges.filter((edge: { node: { finishedAt: unknown } }) => edge.node.finishedAt !== null).length === count,
  );
}

function departures(): number {
  return logged.filter((line) => line.includes("client disconnected before the answer")).length;
}

describe("a retry without an idempotency key", () => {
  test("gets the images of its first attempt, which are still being made", async () => {
    const hold = await leave(1, "a fox");
    const answer = ask("a fox", { headers: AGAIN });
    hold.release();

    expect((await answer).status).toBe(200);
    expect(callCount("a fox")).toBe(1);
  });

  test("gets its own images, however many retries are sent at once", async () => {
    const hold = await leave(3, "a fox");
    const answers = Promise.all([1, 2, 3].map(() => ask("a fox", { headers: AGAIN })));
    hold.release();

    expect(new Set((await answers).map(({ image }) => image)).size).toBe(3);
    expect(callCount("a fox")).toBe(3);
  });

  test("never gets images that another request waits for", async () => {
    const hold = holdCalls(gateway.provider);
    const first = ask("a fox");
    await hold.called;
    const second = ask("a fox", { headers: AGAIN });
    hold.release();

    expect((await first).image).not.toBe((await second).image);
  });

  test("never gets images that another request has received", async () => {
    const first = await ask("a fox");
    const second = await ask("a fox", { headers: AGAIN });

    expect(second.image).not.toBe(first.image);
  });

  test.each<[string, Sending]>([
    ["another client left", { headers: { ...AGAIN, Authorization: "Bearer other" } }],
    ["an input of another size left", { headers: AGAIN, body: { size: "64x65" } }],
  ])("never gets images that %s", async (_what, sending) => {
    const hold = await leave(1, "a fox");
    const answer = ask("a fox", sending);
    hold.release();

    expect((await answer).status).toBe(200);
    expect(callCount("a fox")).toBe(2);
  });

  test("never gets images requested through another API", async () => {
    await gateway.graphql(
      `mutation { generateImages(input: { prompt: "a fox", size: "64x64", waitSeconds: 0 }) { id } }`,
    );
    await ask("a fox", { headers: AGAIN });

    expect(callCount("a fox")).toBe(2);
  });

  test("gets the result of its first attempt up to five minutes after the end, and new images later", async () => {
    const hold = await leave(2, "a fox");
    hold.release();
    await untilEnded(2);
    await ask("a fox", { headers: AGAIN });
    expect(callCount("a fox")).toBe(2);
    now = new Date(now.getTime() + 5 * 60_000 + 1);
    await ask("a fox", { headers: AGAIN });

    expect(callCount("a fox")).toBe(3);
  });

  test.each<[Billed, number, number]>([
    ["UNKNOWN", 502, 1],
    ["YES", 502, 1],
    ["NO", 200, 2],
  ])("after a failure with billed: %s is answered with %i", async (billed, status, calls) => {
    const hold = await leave(
      1,
      "a fox",
      {},
      new GatewayError("UPSTREAM_FAILED", "it broke", { billed, isRetryable: false }),
    );
    hold.release();
    await untilEnded(1);
    gateway.provider.script = makeImages;

    expect((await ask("a fox", { headers: AGAIN })).status).toBe(status);
    expect(callCount("a fox")).toBe(calls);
  });

  test("finds the edit of an image that was deleted since", async () => {
    const query = `mutation { generateImages(input: { prompt: "a fox", size: "64x64" }) { id images { id } } }`;
    const { id, images } = (await gateway.graphql(query)).body.data.generateImages;
    const body = { images: [{ file_id: images[0].id }] };
    const hold = await leave(1, "a hat", { path: "edits", body });
    await gateway.graphql(`mutation { deleteGeneration(id: "${id}") }`);
    const answer = ask("a hat", { path: "edits", body, headers: AGAIN });
    hold.release();

    expect((await answer).status).toBe(200);
    expect(callCount("a hat")).toBe(1);
  });
});
