import { PrometheusMetrics } from "../src/adapters/prometheus/prometheus-metrics.ts";
import { FAILURE_CODES } from "../src/ports/records.ts";
import { startTraceCollector, takeSpans } from "../test/support/trace-collector.ts";
import { compare } from "./graph-load.ts";
import { GATEWAY, MeasuredProcess } from "./measured-process.ts";
import { median, ms, type Row, timed } from "./row.ts";

const REQUESTS = 1_000_000;
const MODELS = 100;
const READINGS = 51;
const HELLO = JSON.stringify({ query: "{ __typename }" });

/** What metrics and traces cost: counting alone, reading many series, and requests with and without traces. */
export async function measure(): Promise<Row[]> {
  return [await measureCounting(), await measureReading(), await measureTraces()];
}

function newMetrics(): PrometheusMetrics {
  return new PrometheusMetrics({ isModel: () => true, isProvider: () => true });
}

async function measureCounting(): Promise<Row> {
  const metrics = newMetrics();
  const count = async () => {
    for (let index = 0; index < REQUESTS; index++) metrics.requestEnded("graphql", 200);
  };
  // The first million lets the compiler see the code.
  await count();
  const totalMs = await timed(count);
  return {
    figure: "counting a request for the metrics, alone, a million times",
    measured: `${((totalMs * 1000) / REQUESTS).toFixed(2)} µs each`,
    target: "2 µs",
    comparedWith: "none",
  };
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
