import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { context, SpanKind, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } from "@opentelemetry/sdk-trace";
import express from "express";
import { graphql } from "graphql";
import { listen } from "../../../src/api/http/server.ts";
import { type ScriptedGateway, startScriptedGateway } from "../../support/gateways/scripted-gateway.ts";
import { makeImages } from "../../support/gateways/scripted-provider.ts";

/** The tracing system of the host program. */
const exporter = new InMemorySpanExporter();
const GENERATE = `mutation { generateImages(input: { prompt: "a marked fox", size: "64x64" }) { status } }`;
let gateway: ScriptedGateway;

beforeAll(() => {
  trace.setGlobalTracerProvider(new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] }));
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
});

afterAll(() => {
  trace.disable();
  context.disable();
});

beforeEach(async () => {
  exporter.reset();
});

afterEach(() => gateway.close());

const inHostSpan = <Result>(work: () => Promise<Result>): Promise<Result> =>
  trace.getTracer("host").startActiveSpan("host", (span) => work().finally(() => span.end()));

function spansByName() {
  return new Map(exporter.getFinishedSpans().map((span) => [span.name, span]));
}

describe("an embedded gateway", () => {
  test("adds its spans to the host's traces, below the span of the host's call", async () => {
    gateway = await startScriptedGateway();
    // The work of the host's provider is part of the call to it.
    gateway.provider.script = async function* traced(request) {
      trace.getTracer("host").startSpan("inside the provider").end();
      yield* makeImages(request);
    };
    const { schema } = gateway.gateway;
    const result = await inHostSpan(() => graphql({ schema, source: GENERATE }));
    expect(result).toEqual({ data: { generateImages: { status: "SUCCEEDED" } } });

    const spans = spansByName();
    const parents = Object.fromEntries(
      [...spans.values()].map(({ name, parentSpanContext }) => {
        const parent = [...spans.values()].find((span) => span.spanContext().spanId === parentSpanContext?.spanId);
        return [name, parent?.name];
      }),
    );
    expect(parents).toEqual({
      host: undefined,
      "accept generation": "host",
      "wait in queue": "accept generation",
      "run generation": "accept generation",
      "generate_content any-size-1": "run generation",
      "inside the provider": "generate_content any-size-1",
      "store image": "generate_content any-size-1",
    });
    const written = JSON.stringify(
      [...spans.values()].map(({ attributes, events, status }) => [attributes, events, status]),
    );
    expect(written).not.toContain("marked");
  });

  test("records no second span for a request that the host records", async () => {
    gateway = await startScriptedGateway();
    const server = await listen("127.0.0.1", 0);
    const app = express();
    app.use((_request, response, next) => {
      trace.getTracer("host").startActiveSpan("host", { kind: SpanKind.SERVER }, (span) => {
        response.once("close", () => span.end());
        next();
      });
    });
    await server.serve(app.use(gateway.gateway.app));
    const ask = (url: string) =>
      fetch(`${url}/graphql`, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ query: GENERATE }),
      });
    await (await ask(server.url)).text();
    await server.close();
    const servers = () =>
      exporter
        .getFinishedSpans()
        .filter(({ kind }) => kind === SpanKind.SERVER)
        .map(({ name }) => name);
    expect(servers()).toEqual(["host"]);

    await (await ask(gateway.url)).text();
    await gateway.stop();
    expect(servers()).toEqual(["host", "POST /graphql"]);
  });

  test("keeps one client's trace separate from other clients' generations that it starts", async () => {
    gateway = await startScriptedGateway({ maxConcurrency: 1 });
    await Promise.all(Array.from({ length: 3 }, () => gateway.graphql(GENERATE)));

    const runs = exporter.getFinishedSpans().filter(({ name }) => name === "run generation");
    const accepts = exporter.getFinishedSpans().filter(({ name }) => name === "accept generation");
    expect(new Set(runs.map(({ parentSpanContext }) => parentSpanContext?.spanId))).toEqual(
      new Set(accepts.map((span) => span.spanContext().spanId)),
    );
    expect(new Set(runs.map((span) => span.spanContext().traceId)).size).toBe(3);
  });

  test("records nothing if it is told not to", async () => {
    gateway = await startScriptedGateway({ traces: undefined });
    await gateway.graphql(GENERATE);
    expect(exporter.getFinishedSpans()).toEqual([]);
  });
});
