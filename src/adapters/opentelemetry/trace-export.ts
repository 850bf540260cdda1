import { setTimeout as delay } from "node:timers/promises";
import { context, type DiagLogger, DiagLogLevel, diag, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-proto";
import { resourceFromAttributes } from "@opentelemetry/resources";
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  BatchSpanProcessor,
  ParentBasedSampler,
  type Sampler,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from "@opentelemetry/sdk-trace";
import type { Logger } from "pino";
import { ExportHealth } from "./export-health.ts";

export interface TraceExportOptions {
  /** The whole address of the collector: `http://localhost:4318/v1/traces`. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Describes this process, `service.name` among others. */
  readonly resource: Readonly<Record<string, string>>;
  readonly sampler: {
    readonly rule: "always_on" | "always_off" | "traceidratio";
    readonly isParentBased: boolean;
    readonly ratio: number;
  };
  readonly logger: Logger;
}

/** The most spans that wait to be sent. More are dropped: about 4 MB, and some seconds of a very busy gateway. */
const MAX_WAITING_SPANS = 4096;
/** The most spans of one request to the collector. */
const MAX_BATCH_SPANS = 512;
/** The most requests to the collector at once. A collector that hangs holds at most these and the waiting spans. */
const MAX_REQUESTS = 2;
/** How long spans wait for others, so that one request sends many. */
const GATHER_MS = 2_000;
/** How long one request to the collector may take, with its retries. */
const REQUEST_TIMEOUT_MS = 10_000;
/** How long the last spans may take when the gateway closes. */
const LAST_SPANS_MS = 1_000;
/** The longest text and the most attributes of a span. Model names and paths are shorter. */
const SPAN_LIMITS = { attributeValueLengthLimit: 256, attributeCountLimit: 64 };

/**
 * Records spans and sends them to a collector, by OTLP in protobuf over HTTP, in the background: nothing waits for the
 * collector, and what it does not take in time is dropped. If this process has a tracing system already, such as one
 * that was loaded with `--import`, that one is left in charge and nothing is started.
 *
 * @returns sends what is left, for at most a second, and stops
 */
export function startTraceExport(options: TraceExportOptions): () => Promise<void> {
  const { url, headers, resource, sampler, logger } = options;
  const exporter = new OTLPTraceExporter({
    url,
    headers: { ...headers },
    timeoutMillis: REQUEST_TIMEOUT_MS,
    concurrencyLimit: MAX_REQUESTS,
  });
  const health = new ExportHealth(exporter, url, logger);
  const provider = new TracerProvider({
    resource: resourceFromAttributes(resource),
    sampler: toSampler(sampler),
    spanLimits: SPAN_LIMITS,
    spanProcessors: [
      new BatchSpanProcessor({
        exporter: health,
        maxQueueSize: MAX_WAITING_SPANS,
        maxExportBatchSize: MAX_BATCH_SPANS,
        scheduledDelayMillis: GATHER_MS,
        exportTimeoutMillis: REQUEST_TIMEOUT_MS,
      }),
    ],
  });
  if (!trace.setGlobalTracerProvider(provider)) {
    logger.warn(
      "this process has a tracing system already; it gets the spans, and OTEL_EXPORTER_OTLP_* have no effect",
    );
    return () => provider.shutdown();
  }
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  diag.setLogger(objectionsTo(health), { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true });
  return async () => {
    await Promise.race([provider.shutdown().catch(() => {}), delay(LAST_SPANS_MS, undefined, { ref: false })]);
    trace.disable();
    context.disable();
    diag.disable();
  };
}

/** Hears what the exporter says of an answer with a good status. It reports all other failures by its results. */
function objectionsTo(health: ExportHealth): DiagLogger {
  const ignore = () => {};
  const warn = (origin: string) => {
    if (origin === "OTLPExportDelegate") health.object("the answer is not that of a collector");
    if (origin.startsWith("Received Partial Success")) health.object("the collector refused some of the spans");
  };
  return { error: ignore, warn, info: ignore, debug: ignore, verbose: ignore };
}

function toSampler({ rule, isParentBased, ratio }: TraceExportOptions["sampler"]): Sampler {
  const root = {
    always_on: () => new AlwaysOnSampler(),
    always_off: () => new AlwaysOffSampler(),
    traceidratio: () => new TraceIdRatioBasedSampler(ratio),
  }[rule]();
  return isParentBased ? new ParentBasedSampler({ root }) : root;
}
