import type { ReadableSpan, SpanExporter } from "@opentelemetry/sdk-trace";
import type { Logger } from "pino";

type ExportResult = Parameters<Parameters<SpanExporter["export"]>[1]>[0];

/** How often a collector that keeps failing is logged. */
const LOG_EVERY_MS = 10 * 60_000;
/** The most characters of a reason. A collector writes some of them. */
const MAX_REASON_LENGTH = 200;
/** What the result of an export is if it succeeded. */
const SUCCESS = 0;

/**
 * Sends spans with another exporter, and tells the operator when the collector begins and stops to fail. In between it
 * logs only now and then, with how many spans were lost.
 */
export class ExportHealth implements SpanExporter {
  readonly #exporter: SpanExporter;
  readonly #url: string;
  readonly #logger: Logger;
  #objection: string | undefined;
  #lostCount = 0;
  #loggedAtMs: number | undefined;

  constructor(exporter: SpanExporter, url: string, logger: Logger) {
    this.#exporter = exporter;
    this.#url = url;
    this.#logger = logger;
  }

  export(spans: ReadableSpan[], onResult: (result: ExportResult) => void): void {
    this.#exporter.export(spans, (result) => {
      const { error } = result;
      const problem = result.code === SUCCESS ? this.#objection : (error?.message ?? "no reason was given");
      this.#objection = undefined;
      if (problem === undefined) this.#recover();
      else this.#lose(spans.length, error && "code" in error ? `${problem} (${error.code})` : problem);
      onResult(result);
    });
  }

  /** Makes the export that is about to succeed count as failed. Its answer had a good status, and was a bad one. */
  object(reason: string): void {
    this.#objection = reason;
  }

  async forceFlush(): Promise<void> {
    await this.#exporter.forceFlush?.();
  }

  shutdown(): Promise<void> {
    return this.#exporter.shutdown();
  }

  #lose(count: number, reason: string): void {
    this.#lostCount += count;
    const nowMs = performance.now();
    if (this.#loggedAtMs !== undefined && nowMs - this.#loggedAtMs < LOG_EVERY_MS) return;
    this.#loggedAtMs = nowMs;
    const facts = { url: this.#url, reason: reason.slice(0, MAX_REASON_LENGTH).toWellFormed(), lost: this.#lostCount };
    this.#logger.warn(facts, "traces could not be sent; check OTEL_EXPORTER_OTLP_ENDPOINT and its collector");
  }

  #recover(): void {
    if (this.#loggedAtMs === undefined) return;
    this.#logger.info({ url: this.#url, lost: this.#lostCount }, "traces are sent again");
    this.#loggedAtMs = undefined;
    this.#lostCount = 0;
  }
}
