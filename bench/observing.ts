import { PrometheusMetrics } from "../src/adapters/prometheus/prometheus-metrics.ts";
import { FAILURE_CODES } from "../src/ports/records.ts";
import { NO_TRACES, type Span } from "../src/ports/traces.ts";
import { startTraceCollector, takeSpans } from "../test/support/network/trace-collector.ts";
import { compare } from "./clients/graph-load.ts";
import { GATEWAY, MeasuredProcess } from "./processes/measured-process.ts";
import { median, ms, type Row, timed } from "./row.ts";

const CALLS = 1_000_000;
const MODELS = 100;
const READINGS = 51;
const NO_SPAN: Pick<Span, "set"> = { set() {} };
const HELLO = JSON.stringify({ query: "{ __typename }" });

/**
 * Measures what metrics and traces cost: counting alone, reading many series, requests with traces, and spans without
 * them.
 */
export async function measure(): Promise<Row[]> {
  return [await measureCounting(), await measureReading(), await measureTraces(), await measureNoTraces()];
}

function newMetrics(): PrometheusMetrics {
  return new PrometheusMetrics({ isModel: () => true, isProvider: () => true });
}

async function measureCounting(): Promise<Row> {
  const metrics = newMetrics();
  const countRequest = () => metrics.requestEnded("graphql", 200);
  const requestNs = await nsEach(countRequest);
  const imageNs = await nsEach(() => {
    metrics.requestEnded("images", 200);
    metrics.storeAnswered("findImage", 0.3);
    metrics.imageSent(1_000_000);
  });
  return {
    figure: "counting a request for the metrics, alone, a million times",
    measured: `${(requestNs / 1000).toFixed(2)} µs each; with a look-up and an image ${(imageNs / 1000).toFixed(2)} µs`,
    target: "2 µs",
    comparedWith: "none",
  };
}

/** How long a call takes, measured a million times. The first million lets the compiler see the code. */
async function nsEach(call: () => void | Promise<void>): Promise<number> {
  const callAll = async () => {
    for (let index = 0; index < CALLS; index++) {
      const result = call();
      if (result) await result;
    }
  };
  await callAll();
  return ((await timed(callAll)) * 1_000_000) / CALLS;
}

async function measureReading(): Promise<Row> {
  const metrics = newMetrics();
  for (let index = 0; index < MODELS; index++) {
    const [model, provider] = [`model-${index}`, "scripted"];
    for (const outcome of ["SUCCEEDED", ...FAILURE_CODES] as const) {
      metrics.generationEnded({ model, provider, operation: "GENERATE", outcome, costUsd: "0.1", unpricedImages: 0 });
    }
  }
  const text = await metrics.read();
  const seriesCount = text.split("\n").filter((line) => line !== "" && !line.startsWith("#")).length;
  const times: number[] = [];
  for (let reading = 0; reading < READINGS; reading++) times.push(await timed(async () => void (await metrics.read())));
  return {
    figure: `reading ${seriesCount} series, median of ${READINGS}`,
    measured: ms(median(times)),
    target: "20 ms for 1,000",
    comparedWith: "none",
  };
}

/** Both gateways record every request in full, or nothing. */
async function measureTraces(): Promise<Row> {
  await using collector = await startTraceCollector();
  // Reading the spans here would slow down the clients, which share this process.
  collector.answer = (response) => takeSpans(response);
  const environment = { LOG_LEVEL: "info" };
  const off = await MeasuredProcess.start(GATEWAY, { isMonitored: true, environment });
  const on = await MeasuredProcess.start(GATEWAY, {
    isMonitored: true,
    environment: { ...environment, OTEL_EXPORTER_OTLP_ENDPOINT: collector.url },
  });
  const [without, traced] = await compare([off, on], HELLO);
  await Promise.all([off.stop(), on.stop()]);
  const text = (rate = without) =>
    `${rate?.requestsPerSecond.toFixed(0)}/s, ${rate?.cpuMicroseconds.toFixed(0)} µs of CPU each`;
  return {
    figure: "requests a second with traces: { __typename }",
    measured: `${text(traced)}, ${((traced?.requestsPerSecond ?? 0) / (without?.requestsPerSecond ?? 1)).toFixed(2)} of without`,
    target: "none",
    comparedWith: `without traces ${text(without)}`,
  };
}

/** The cost of code that would record spans if traces were on. A request has no such code: it is not installed. */
async function measureNoTraces(): Promise<Row> {
  const attributes = { "pictograph.generation.id": "gen_0" };
  const work = async (_span: Pick<Span, "set">) => {};
  const plainNs = await nsEach(() => work(NO_SPAN));
  const spanNs = await nsEach(() => NO_TRACES.within({ name: "store image", attributes }, work));
  return {
    figure: "a span while traces are off, alone, a million times",
    measured: `${(spanNs - plainNs).toFixed(0)} ns each`,
    target: "not measurable in a generation, which has about six",
    comparedWith: `the same work without it ${plainNs.toFixed(0)} ns`,
  };
}
