import { afterEach, describe, expect, test } from "@jest/globals";
import { PrometheusMetrics } from "../../../src/adapters/prometheus/prometheus-metrics.ts";
import { GatewayError } from "../../../src/errors.ts";
import type { ModelDescription } from "../../../src/ports/image-provider.ts";
import { makeCertificate } from "../../support/c2pa/certificates.ts";
import { httpRequest } from "../../support/clients/http-request.ts";
import { ADMIN, ADMIN_KEY, startKeyedGateway } from "../../support/gateways/keyed-gateway.ts";
import {
  ANY_SIZE_MODEL,
  holdCalls,
  poll,
  type ScriptedGateway,
  startScriptedGateway,
} from "../../support/gateways/scripted-gateway.ts";
import { startWebhookReceiver } from "../../support/network/webhook-receiver.ts";
import { type GatewayProcess, startGatewayProcess } from "../../support/processes/gateway-process.ts";
import { temporaryDirectories } from "../../support/temporary-directory.ts";

const newDirectory = temporaryDirectories();
const PRICED: ModelDescription = {
  ...ANY_SIZE_MODEL,
  id: "priced-1",
  prices: [{ from: "2026-01-01", source: "https://example.com", perImage: "0.25" }],
};
let gateway: ScriptedGateway | undefined;
let service: GatewayProcess | undefined;

afterEach(async () => {
  await gateway?.close();
  await service?.stop();
  gateway = undefined;
  service = undefined;
});

const GENERATE = `mutation ($n: Int!) {
  generateImages(input: { prompt: "a marked fox", size: "64x64", n: $n }) { id status images { id byteSize url small: url(width: 32) } }
}`;

async function scrape(url: string, headers: Record<string, string> = {}) {
  const response = await fetch(`${url}/metrics`, { headers });
  return { status: response.status, type: response.headers.get("content-type"), text: await response.text() };
}

/** Returns the value in the only line with this name and these labels. */
function sampleOf(text: string, series: string): number | undefined {
  const lines = text.split("\n").filter((line) => line.startsWith(`${series} `));
  expect(lines.length).toBeLessThanOrEqual(1);
  return lines[0] === undefined ? undefined : Number(lines[0].slice(series.length + 1));
}

describe("the metrics of a gateway", () => {
  test("count requests and generations, and contain neither prompts nor ids", async () => {
    gateway = await startScriptedGateway({ metrics: "route" });
    const { body } = await gateway.graphql(GENERATE, { n: 2 });
    const { id, images } = body.data.generateImages;
    await gateway.graphql(`mutation { generateImages(input: { prompt: "", size: "64x64" }) { id } }`);
    gateway.provider.script = () => {
      throw new GatewayError("CONTENT_REJECTED", "no", { billed: "NO" });
    };
    await gateway.graphql(GENERATE, { n: 1 });
    await fetch(`${gateway.url}/a-marked-path`);
    const derivative = await (await fetch(images[0].small)).arrayBuffer();
    const part = await fetch(images[0].url, { headers: { Range: "bytes=0-9" } });
    expect((await part.arrayBuffer()).byteLength).toBe(10);
    await fetch(images[0].url, { method: "HEAD" });

    const { status, type, text } = await scrape(gateway.url);
    expect({ status, type }).toEqual({ status: 200, type: "text/plain; version=0.0.4; charset=utf-8" });
    const call = 'model="any-size-1",provider="scripted"';
    const bytes = images.reduce((sum: number, { byteSize }: { byteSize: number }) => sum + byteSize, 0);
    const expected = {
      'pictograph_requests_total{entry_point="graphql",status="200"}': 3,
      'pictograph_requests_total{entry_point="other",status="404"}': 1,
      'pictograph_refusals_total{code="BAD_USER_INPUT"}': 1,
      [`pictograph_generations_total{${call},operation="GENERATE",outcome="SUCCEEDED"}`]: 1,
      [`pictograph_generations_total{${call},operation="GENERATE",outcome="CONTENT_REJECTED"}`]: 1,
      [`pictograph_provider_call_duration_seconds_count{${call},outcome="SUCCEEDED"}`]: 1,
      [`pictograph_provider_call_duration_seconds_count{${call},outcome="CONTENT_REJECTED"}`]: 1,
      'pictograph_provider_paused{provider="scripted"}': 0,
      pictograph_queue_wait_seconds_count: 2,
      'pictograph_images_stored_total{model="any-size-1"}': 2,
      'pictograph_image_bytes_stored_total{model="any-size-1"}': bytes,
      'pictograph_store_duration_seconds_count{operation="accept"}': 2,
      'pictograph_store_duration_seconds_count{operation="addImage"}': 1,
      'pictograph_store_duration_seconds_count{operation="finish"}': 2,
      pictograph_images_sent_total: 2,
      pictograph_image_bytes_sent_total: derivative.byteLength + 10,
      pictograph_image_redirects_total: 0,
      pictograph_derivatives_stored_total: 1,
      pictograph_derivative_bytes_stored_total: derivative.byteLength,
      pictograph_decodes_waiting: 0,
      pictograph_subscribers: 0,
      pictograph_running: 0,
    };
    expect(Object.fromEntries(Object.keys(expected).map((series) => [series, sampleOf(text, series)]))).toEqual(
      expected,
    );
    expect(sampleOf(text, "pictograph_process_resident_memory_bytes")).toBeGreaterThan(0);
    expect(text).toMatch(/^pictograph_nodejs_eventloop_lag_p99_seconds \d/m);
    expect(text).not.toMatch(/marked|img_|gen_/);
    expect(text).not.toContain(id);
    const names = [...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name);
    expect(names.filter((name) => !name?.startsWith("pictograph_"))).toEqual([]);
  });

  test("show what waits in the store", async () => {
    gateway = await startScriptedGateway({ metrics: "route", maxConcurrency: 1 }, [PRICED]);
    const hold = holdCalls(gateway.provider);
    for (let count = 0; count < 3; count++) {
      await gateway.graphql(
        `mutation { generateImages(input: { prompt: "a fox", size: "64x64", waitSeconds: 0 }) { id } }`,
      );
    }
    await hold.called;
    const { text } = await scrape(gateway.url);
    expect(sampleOf(text, 'pictograph_queued{model="priced-1"}')).toBe(2);
    expect(sampleOf(text, 'pictograph_held_usd{model="priced-1"}')).toBe(0.75);
    expect(sampleOf(text, "pictograph_webhook_deliveries_waiting")).toBe(0);
    expect(sampleOf(text, "pictograph_webhook_oldest_timestamp_seconds")).toBeUndefined();
    hold.release();
  });

  test.each<[string, () => Promise<never>]>([
    ["cannot be read", () => Promise.reject(new Error("the store is down"))],
    ["does not answer", () => new Promise(() => {})],
  ])("omit the store's gauges if the store %s", async (_how, read) => {
    const metrics = new PrometheusMetrics({ isModel: () => true, isProvider: () => true });
    metrics.watchStore(read);
    metrics.requestEnded("graphql", 200);
    const text = await metrics.read();
    expect(sampleOf(text, 'pictograph_requests_total{entry_point="graphql",status="200"}')).toBe(1);
    expect(text).not.toMatch(/^pictograph_(queued|held_usd|webhook_deliveries_waiting)[ {]/m);
  });

  test("count attempts to deliver webhooks", async () => {
    await using receiver = await startWebhookReceiver();
    gateway = await startScriptedGateway({
      metrics: "route",
      publicUrl: "http://localhost:8080",
      webhooks: { allowHttp: true, allowPrivate: true },
    });
    const { body } = await gateway.graphql(
      "mutation ($url: String!) { createWebhookEndpoint(input: { url: $url }) { endpoint { id } } }",
      { url: receiver.url },
    );
    const { id } = body.data.createWebhookEndpoint.endpoint;
    const send = "mutation ($id: ID!) { sendTestWebhook(endpointId: $id) { status } }";
    await gateway.graphql(send, { id });
    receiver.answer = 500;
    await gateway.graphql(send, { id });
    receiver.answer = 410;
    await gateway.graphql(send, { id });
    const { text } = await scrape(gateway.url);
    for (const outcome of ["DELIVERED", "RETRYING", "GIVEN_UP"]) {
      const count = sampleOf(text, `pictograph_webhook_attempts_total{event="webhook.test",outcome="${outcome}"}`);
      expect({ outcome, count }).toEqual({ outcome, count: 1 });
    }
    expect(sampleOf(text, "pictograph_webhook_delivery_age_seconds_count")).toBe(1);
  });

  test("show how many images were signed and until when the certificate is valid", async () => {
    const { files } = await makeCertificate(await newDirectory());
    gateway = await startScriptedGateway({ metrics: "route", c2pa: files });
    await gateway.graphql(GENERATE, { n: 1 });
    const image = (await gateway.graphql("{ generations { nodes { images { url(width: 32) } } } }")).body.data;
    await (await fetch(image.generations.nodes[0].images[0].url)).arrayBuffer();
    const { text } = await scrape(gateway.url);
    expect(sampleOf(text, 'pictograph_images_signed_total{outcome="SIGNED"}')).toBe(1);
    expect(sampleOf(text, 'pictograph_images_signed_total{outcome="FAILED"}')).toBe(0);
    const expiry = sampleOf(text, "pictograph_signing_certificate_expiry_timestamp_seconds");
    expect(expiry).toBeGreaterThan(Date.now() / 1000);
  });

  test("count a generation once when its client cancels it", async () => {
    gateway = await startScriptedGateway({ metrics: "route" });
    const called = Promise.withResolvers<void>();
    gateway.provider.script = async function* held(_request, signal) {
      called.resolve();
      await new Promise((_resolve, reject) => {
        signal.addEventListener("abort", () => reject(signal.reason));
      });
      yield* [];
    };
    const { body } = await gateway.graphql(
      `mutation { generateImages(input: { prompt: "a fox", size: "64x64", waitSeconds: 0 }) { id } }`,
    );
    const { id } = body.data.generateImages;
    await called.promise;
    await gateway.graphql(`mutation { cancelGeneration(id: "${id}") { status } }`);
    const { url } = gateway;

    const text = await poll(
      async () => (await scrape(url)).text,
      (candidate) => sampleOf(candidate, "pictograph_running") === 0,
    );
    const ended = text.split("\n").filter((line) => line.startsWith("pictograph_generations_total{"));
    expect(ended).toEqual([
      'pictograph_generations_total{model="any-size-1",provider="scripted",operation="GENERATE",outcome="CANCELED"} 1',
    ]);
  });

  test("are not collected by an embedded gateway unless its host asks for them", async () => {
    gateway = await startScriptedGateway();

    expect(gateway.gateway.metricsApp).toBeUndefined();
    expect((await scrape(gateway.url)).status).toBe(404);
  });
});

describe("the metrics", () => {
  test("of an open gateway can be read only from this machine, without a proxy", async () => {
    gateway = await startScriptedGateway({ metrics: "route" });

    expect((await scrape(gateway.url)).status).toBe(200);
    for (const name of ["X-Forwarded-For", "X-Forwarded-Host", "X-Real-IP", "Forwarded", "Via"]) {
      const { status, text } = await scrape(gateway.url, { [name]: "127.0.0.1" });
      expect({ name, status }).toEqual({ name, status: 403 });
      expect(JSON.parse(text)).toMatchObject({ error: { code: "FORBIDDEN" } });
    }
    expect((await fetch(`${gateway.url}/metrics`, { method: "POST" })).status).toBe(405);
  });

  test("of a keyed gateway can be read only with the admin key", async () => {
    const keyed = await startKeyedGateway({ metrics: "route" });
    gateway = keyed;
    const { headers } = await keyed.createKey(await keyed.createProject());

    expect((await scrape(keyed.url)).status).toBe(401);
    expect((await scrape(keyed.url, headers)).status).toBe(403);
    expect((await scrape(keyed.url, ADMIN)).status).toBe(200);
  });

  test("of a gateway with a metrics port can be read only at that port, which serves nothing else", async () => {
    service = await startGatewayProcess({
      env: { PICTOGRAPH_METRICS_PORT: "0", PICTOGRAPH_ADMIN_KEY: ADMIN_KEY, LOG_LEVEL: "info" },
    });
    const ready = JSON.parse(await service.waitForLine((line) => line.includes("metricsUrl")));

    expect((await scrape(ready.metricsUrl)).text).toContain("pictograph_requests_total");
    expect((await scrape(service.url, ADMIN)).status).toBe(404);
    expect((await httpRequest(ready.metricsUrl, { path: "/graphql" })).status).toBe(404);
  });
});
