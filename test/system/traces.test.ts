import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { createClient } from "graphql-ws";
import { WebSocket } from "ws";
import { httpRequest } from "../support/clients/http-request.ts";
import { socketUrl } from "../support/clients/live-clients.ts";
import { type ReceivedSpan, startTraceCollector, type TraceCollector } from "../support/network/trace-collector.ts";
import { startWebhookReceiver } from "../support/network/webhook-receiver.ts";
import { type GatewayProcess, startGatewayProcess } from "../support/processes/gateway-process.ts";
import { type StrictImageApi, startStrictImageApi } from "../support/vendors/strict-image-api.ts";
import { type DistributedGround, distributedGround } from "./chaos/chaos-ground.ts";

const TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER_SPAN = "00f067aa0ba902b7";
const PROMPT = "a marked prompt of a fox";
const GENERATE = `mutation ($prompt: String!) {
  generateImages(input: { prompt: $prompt, size: "64x64", n: 2 }) { id status images { id url small: url(width: 32) } }
}`;

let collector: TraceCollector;
let api: StrictImageApi;
const running: GatewayProcess[] = [];

beforeEach(async () => {
  collector = await startTraceCollector();
});

afterEach(async () => {
  await Promise.all(running.splice(0).map((gateway) => gateway.stop()));
  await collector[Symbol.asyncDispose]();
});

beforeAll(async () => {
  api = await startStrictImageApi();
});

afterAll(() => api.close());

async function start(env: Record<string, string> = {}): Promise<GatewayProcess> {
  const gateway = await startGatewayProcess({
    env: {
      OPENAI_API_KEY: api.apiKey,
      OPENAI_BASE_URL: api.baseUrl,
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      ...env,
    },
  });
  running.push(gateway);
  return gateway;
}

async function generate(url: string, headers: Record<string, string> = {}, prompt = PROMPT) {
  const { body } = await httpRequest(`${url}/graphql`, {
    method: "POST",
    headers: { "Content-Type": "application/json", ...headers },
    body: JSON.stringify({ query: GENERATE, variables: { prompt } }),
  });
  return JSON.parse(body.toString()).data?.generateImages;
}

function has(...names: readonly string[]) {
  return (spans: readonly ReceivedSpan[]) => names.every((name) => spans.some((span) => span.name === name));
}

function named(spans: readonly ReceivedSpan[], start: string): ReceivedSpan {
  const found = spans.find(({ name }) => name.startsWith(start));
  if (!found) throw new Error(`no span ${start} among ${spans.map(({ name }) => name).join(", ")}`);
  return found;
}

describe("two processes on one PostgreSQL", () => {
  let ground: DistributedGround;

  beforeAll(async () => {
    ground = await distributedGround();
  });

  afterAll(async () => {
    await ground[Symbol.asyncDispose]();
  });

  test("record one trace from the client's request to the provider's answer and the webhook", async () => {
    await using receiver = await startWebhookReceiver();
    const shared = {
      PICTOGRAPH_WEBHOOK_ALLOW_HTTP: "true",
      PICTOGRAPH_WEBHOOK_ALLOW_PRIVATE: "true",
      PICTOGRAPH_PUBLIC_URL: "http://localhost:8080",
    };
    const [web] = await Promise.all([
      start({ ...ground.env(0), ...shared, PICTOGRAPH_ROLE: "web", OTEL_SERVICE_NAME: "front" }),
      start({ ...ground.env(1), ...shared, PICTOGRAPH_ROLE: "worker", OTEL_SERVICE_NAME: "back" }),
    ]);
    await httpRequest(`${web.url}/graphql`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({
        query: `mutation ($url: String!) { createWebhookEndpoint(input: { url: $url, events: ["generation.succeeded"] }) { secret } }`,
        variables: { url: `${receiver.url}/a-marked-path` },
      }),
    });
    const generation = await generate(web.url, {
      traceparent: `00-${TRACE_ID}-${CALLER_SPAN}-01`,
      tracestate: "vendor=marked",
    });
    expect(generation.status).toBe("SUCCEEDED");
    const delivery = await receiver.next(({ event }) => event.type === "generation.succeeded");

    const all = await collector.until(has("POST /graphql", "deliver webhook"));
    const spans = all.filter(({ traceId }) => traceId === TRACE_ID);
    const request = named(spans, "POST /graphql");
    const accept = named(spans, "accept generation");
    const wait = named(spans, "wait in queue");
    const run = named(spans, "run generation");
    const call = named(spans, "generate_content");
    const stored = spans.filter(({ name }) => name === "store image");
    const deliver = named(spans, "deliver webhook");
    const places = [request, accept, wait, run, call, deliver].map(({ service, kind, parentId }) => ({
      service,
      kind,
      parentId,
    }));
    expect(places).toEqual([
      { service: "front", kind: "SERVER", parentId: CALLER_SPAN },
      { service: "front", kind: "PRODUCER", parentId: request.spanId },
      { service: "back", kind: "INTERNAL", parentId: accept.spanId },
      { service: "back", kind: "CONSUMER", parentId: accept.spanId },
      { service: "back", kind: "CLIENT", parentId: run.spanId },
      { service: "back", kind: "CLIENT", parentId: accept.spanId },
    ]);
    expect(stored.map(({ parentId }) => parentId)).toEqual([call.spanId, call.spanId]);
    expect(spans.every(({ traceState }) => traceState === "vendor=marked")).toBe(true);
    expect(request.attributes).toMatchObject({
      "http.request.method": "POST",
      "http.route": "/graphql",
      "http.response.status_code": 200,
      "url.path": "/graphql",
    });
    expect(accept.attributes).toMatchObject({ "pictograph.generation.id": generation.id });
    expect(call.attributes).toMatchObject({
      "gen_ai.operation.name": "generate_content",
      "gen_ai.output.type": "image",
      "gen_ai.provider.name": "openai",
      "gen_ai.request.model": "gpt-image-2.6-flare",
      "gen_ai.response.model": "gpt-image-2.6-flare",
      "gen_ai.request.choice.count": 2,
    });
    const { usage } = await usageOf(web.url, generation.id);
    expect(call.attributes).toMatchObject({
      "gen_ai.usage.input_tokens": usage.inputTokens,
      "gen_ai.usage.output_tokens": usage.outputTokens,
    });
    const byKind = ["text.input", "image.input", "text.output", "image.output"].map((kind) =>
      Number(call.attributes[`gen_ai.usage.${kind}_tokens`]),
    );
    expect(byKind.reduce((sum, count) => sum + count)).toBe(usage.inputTokens + usage.outputTokens);
    expect(api.requests.at(-1)?.headers.traceparent).toBe(`00-${TRACE_ID}-${call.spanId}-01`);
    expect(delivery.headers.traceparent).toBe(`00-${TRACE_ID}-${deliver.spanId}-01`);
    expect(collector.bytes.includes("marked prompt")).toBe(false);
    expect(collector.bytes.includes("a-marked-path")).toBe(false);
  });
});

async function usageOf(url: string, id: string) {
  const query = "query ($id: ID!) { generation(id: $id) { usage { inputTokens outputTokens } } }";
  const { body } = await httpRequest(`${url}/graphql`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ query, variables: { id } }),
  });
  return JSON.parse(body.toString()).data.generation;
}

describe("the traces of a process", () => {
  test("contain no prompt, key or signature, whatever is requested and however it ends", async () => {
    const gateway = await start({
      OTEL_EXPORTER_OTLP_HEADERS: "x-marked-token=a%20token",
      OTEL_RESOURCE_ATTRIBUTES: "deployment.environment.name=tests",
    });
    const generation = await generate(gateway.url, { Authorization: "Bearer a-marked-key" });
    const { pathname, search } = new URL(generation.images[0].url);
    await httpRequest(`${gateway.url}${pathname}${search}`);
    const small = new URL(generation.images[0].small);
    await httpRequest(`${gateway.url}${small.pathname}${small.search}`);
    await httpRequest(`${gateway.url}/get-image?prompt=a-marked-query`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ prompt: "", n: "1", size: "64x64" }),
    });
    api.queue("moderationBlocked");
    await generate(gateway.url, {}, "a marked refusal");
    await generate(gateway.url, {}, "");
    await httpRequest(`${gateway.url}/healthz`);
    await httpRequest(`${gateway.url}/metrics`);

    const spans = await collector.until(
      (all) => all.filter(({ name }) => name === "POST /graphql").length === 3 && has("make derivative")(all),
    );
    expect(collector.lastHeaders).toMatchObject({ "x-marked-token": "a token" });
    const sent = collector.bytes;
    for (const secret of ["marked", api.apiKey, "sig=", pathname.split("/").at(-1) ?? "", search.slice(1)]) {
      expect({ secret, isSent: secret !== "" && sent.includes(secret) }).toEqual({ secret, isSent: false });
    }
    const names = new Set(spans.map(({ name }) => name));
    expect(names).toContain("GET /images/{id}");
    expect(names).toContain("POST /get-image");
    expect([...names].filter((name) => /healthz|metrics/.test(name))).toEqual([]);
    const refused = spans
      .filter(({ isFailed }) => isFailed)
      .map(({ name, attributes }) => [name, attributes["error.type"]]);
    expect(refused).toEqual(
      expect.arrayContaining([
        ["accept generation", "BAD_USER_INPUT"],
        ["generate_content gpt-image-2.6-flare", "CONTENT_REJECTED"],
        ["run generation", "CONTENT_REJECTED"],
      ]),
    );
  });

  test("start anew for each operation of a WebSocket", async () => {
    const gateway = await start();
    const client = createClient({ url: socketUrl(gateway.url), webSocketImpl: WebSocket, lazy: false });
    for (let count = 0; count < 2; count++) {
      for await (const { data } of client.iterate({ query: GENERATE, variables: { prompt: PROMPT } })) {
        expect(data).toMatchObject({ generateImages: { status: "SUCCEEDED" } });
      }
    }
    await client.dispose();
    const isAccept = ({ name }: ReceivedSpan) => name === "accept generation";
    const spans = await collector.until((all) => all.filter(isAccept).length === 2 && has("GET /graphql")(all));
    expect(
      new Set(spans.filter((span) => isAccept(span) || span.name === "GET /graphql").map(({ traceId }) => traceId))
        .size,
    ).toBe(3);
    expect(named(spans, "GET /graphql").attributes["http.response.status_code"]).toBe(101);
  });

  test("start anew for a client without a valid trace context", async () => {
    const gateway = await start();
    for (const traceparent of [
      "00-zz-1-01",
      `00-${"0".repeat(32)}-${CALLER_SPAN}-01`,
      `00-${TRACE_ID}-${CALLER_SPAN}-01,x`,
    ]) {
      await generate(gateway.url, { traceparent });
    }
    const requests = await collector.until((all) => all.filter(({ name }) => name === "POST /graphql").length === 3);
    const roots = requests.filter(({ name }) => name === "POST /graphql");
    expect(roots.map(({ parentId }) => parentId)).toEqual(["", "", ""]);
    expect(new Set(roots.map(({ traceId }) => traceId)).size).toBe(3);
    expect(roots.map(({ traceId }) => traceId)).not.toContain(TRACE_ID);
  });

  test("follow the sampler: a client's decision counts only if the sampler is parent-based", async () => {
    const gateway = await start({ OTEL_TRACES_SAMPLER: "parentbased_always_off" });
    await generate(gateway.url);
    await generate(gateway.url, { traceparent: `00-${TRACE_ID}-${CALLER_SPAN}-01` });
    const spans = await collector.until(has("POST /graphql"));
    expect(new Set(spans.map(({ traceId }) => traceId))).toEqual(new Set([TRACE_ID]));
  });

  test("are sent when the process stops", async () => {
    const gateway = await start();
    await generate(gateway.url);
    await gateway.stop();
    expect(has("POST /graphql", "accept generation", "run generation", "wait in queue")(collector.spans)).toBe(true);
  });
});

describe("a collector that does not work", () => {
  const warnings = (gateway: GatewayProcess) =>
    gateway.lines.filter((line) => line.includes("traces could not be sent"));

  test("is logged once, and again when it works; requests do not wait for it", async () => {
    const port = Number(new URL(collector.url).port);
    await collector[Symbol.asyncDispose]();
    const gateway = await start();
    for (let count = 0; count < 3; count++) expect((await generate(gateway.url)).status).toBe("SUCCEEDED");
    await gateway.waitForLine((line) => line.includes("traces could not be sent"));
    collector = await startTraceCollector(port);
    await generate(gateway.url);
    await gateway.waitForLine((line) => line.includes("traces are sent again"));
    expect(warnings(gateway)).toHaveLength(1);
  });

  test.each<[string, TraceCollector["answer"]]>([
    [
      "answers with a page",
      (response) => response.writeHead(200, { "Content-Type": "text/html" }).end("<html>marked</html>"),
    ],
    ["refuses", (response) => response.writeHead(401).end("marked")],
    ["breaks the connection", (response) => response.destroy()],
  ])("%s: its answer is not logged, and the process stops in time", async (_what, answer) => {
    collector.answer = answer;
    const gateway = await start();
    expect((await generate(gateway.url)).status).toBe("SUCCEEDED");
    const line = await gateway.waitForLine((text) => text.includes("traces could not be sent"));
    expect(JSON.parse(line)).toMatchObject({ level: "warn", url: `${collector.url}/v1/traces` });
    await gateway.stop();
    expect(gateway.lines.join("\n")).not.toContain("marked");
  });

  test("hangs: the process answers requests and stops with code 0", async () => {
    collector.answer = () => {};
    const gateway = await start();
    expect((await generate(gateway.url)).status).toBe("SUCCEEDED");
    await collector.until(() => collector.requestCount > 0);
    expect((await generate(gateway.url)).status).toBe("SUCCEEDED");
    await gateway.stop();
    expect(await gateway.exited).toEqual({ code: 0, signal: null });
  });
});
