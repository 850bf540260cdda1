import { once } from "node:events";
import { request } from "node:http";
import { text } from "node:stream/consumers";
import { afterEach, describe, expect, test } from "@jest/globals";
import { GatewayError } from "../../../src/errors.ts";
import { getImageAsJson } from "../../support/clients/get-image-client.ts";
import { holdCalls, type ScriptedGateway, startScriptedGateway } from "../../support/gateways/scripted-gateway.ts";

const FIELDS = { prompt: "A red fox in the snow", n: "2", size: "64x64" };

let gateway: ScriptedGateway;

afterEach(() => gateway.close());

/** A request whose answer is read piece by piece. */
function send(headers: Record<string, string> = {}, path = "/get-image", fields: object = FIELDS) {
  const { hostname, port } = new URL(gateway.url);
  const outgoing = request({
    hostname,
    port,
    path,
    method: "POST",
    headers: { "Content-Type": "application/json", ...headers },
    agent: false,
  });
  outgoing.end(JSON.stringify(fields));
  return outgoing;
}

test("spaces are sent while the images are made, and then the usual answer", async () => {
  gateway = await startScriptedGateway({ keepAliveMs: 1 });
  const hold = holdCalls(gateway.provider);
  const [incoming] = await once(send(), "response");
  const [first] = await once(incoming, "data");
  expect(String(first)).toMatch(/^ +$/);
  hold.release();
  const rest = await text(incoming);

  expect(incoming.statusCode).toBe(200);
  expect(incoming.headers["content-type"]).toMatch(/^application\/json/);
  expect(incoming.headers["cache-control"]).toBe("no-store, no-transform");
  expect(incoming.headers["x-accel-buffering"]).toBe("no");
  const { urlResponse, errorMessage } = JSON.parse(String(first) + rest);
  expect(errorMessage).toBe("OK");
  expect(urlResponse.urlList).toHaveLength(2);
  for (const url of urlResponse.urlList) expect((await fetch(url)).status).toBe(200);
});

test("a failure comes with its message under status 200, which was sent before", async () => {
  gateway = await startScriptedGateway({ keepAliveMs: 1 });
  const called = Promise.withResolvers<void>();
  const failed = Promise.withResolvers<never>();
  // biome-ignore lint/correctness/useYield: it fails before it makes anything
  gateway.provider.script = async function* () {
    called.resolve();
    await failed.promise;
  };
  const [incoming] = await once(send(), "response");
  const [first] = await once(incoming, "data");
  await called.promise;
  failed.reject(new GatewayError("CONTENT_REJECTED", "the prompt was refused", { billed: "NO" }));

  expect(incoming.statusCode).toBe(200);
  expect(JSON.parse(String(first) + (await text(incoming)))).toEqual({
    urlResponse: { urlList: [] },
    errorMessage: "the prompt was refused",
  });
});

describe.each(["url", "b64_json"])("an answer of /v1 with %s", (response_format) => {
  const path = "/v1/images/generations";
  const fields = { prompt: "a fox", size: "64x64", response_format };

  test("is kept alive with spaces too", async () => {
    gateway = await startScriptedGateway({ keepAliveMs: 1 });
    const hold = holdCalls(gateway.provider);
    const [incoming] = await once(send({}, path, fields), "response");
    const [first] = await once(incoming, "data");
    expect(String(first)).toMatch(/^ +$/);
    hold.release();
    const { created, data } = JSON.parse(await text(incoming));

    expect(incoming.statusCode).toBe(200);
    expect(incoming.headers["content-type"]).toMatch(/^application\/json/);
    expect(created).toEqual(expect.any(Number));
    expect(data).toEqual([{ [response_format]: expect.any(String) }]);
  });

  test("reports a failure in its body, because its status was already sent", async () => {
    gateway = await startScriptedGateway({ keepAliveMs: 1 });
    const failed = Promise.withResolvers<never>();
    // biome-ignore lint/correctness/useYield: it fails before it makes anything
    gateway.provider.script = async function* () {
      await failed.promise;
    };
    const [incoming] = await once(send({}, path, fields), "response");
    await once(incoming, "data");
    failed.reject(new GatewayError("CONTENT_REJECTED", "the prompt was refused", { billed: "NO" }));

    expect(incoming.statusCode).toBe(200);
    expect(JSON.parse(await text(incoming))).toMatchObject({
      error: { message: "the prompt was refused", code: "moderation_blocked" },
    });
  });

  test("keeps its status if it is refused immediately", async () => {
    gateway = await startScriptedGateway({ keepAliveMs: 1 });
    const [incoming] = await once(send({}, path, { ...fields, n: 11 }), "response");

    expect(incoming.statusCode).toBe(400);
    expect(JSON.parse(await text(incoming))).toMatchObject({ error: { param: "n" } });
  });
});

test("a request that is refused immediately keeps its status", async () => {
  gateway = await startScriptedGateway({ keepAliveMs: 1 });
  const answer = await getImageAsJson(gateway.url, { ...FIELDS, n: "11" });

  expect(answer.status).toBe(400);
  expect(answer.text).toBe(JSON.stringify({ urlResponse: { urlList: [] }, errorMessage: answer.errorMessage }));
});

test("a client that disconnects between two spaces has no effect", async () => {
  gateway = await startScriptedGateway({ keepAliveMs: 1 });
  const hold = holdCalls(gateway.provider);
  const outgoing = send({ "Idempotency-Key": "k" });
  const [incoming] = await once(outgoing, "response");
  await once(incoming, "data");
  const closed = once(incoming, "close");
  outgoing.destroy();
  await closed.catch(() => {});
  hold.release();

  const answer = await getImageAsJson(gateway.url, FIELDS, { "Idempotency-Key": "k" });
  expect(answer).toMatchObject({ status: 200, errorMessage: "OK" });
  expect(gateway.provider.requests).toHaveLength(1);
});

test("nothing is sent before the answer unless the setting is on", async () => {
  gateway = await startScriptedGateway();
  const hold = holdCalls(gateway.provider);
  const answered = once(send(), "response");
  await hold.called;
  hold.release();
  const [incoming] = await answered;

  expect(incoming.headers["content-length"]).toBeDefined();
  expect(await text(incoming)).toMatch(/^\{"urlResponse":/);
});
