import {
  type Context,
  context,
  type Span as OpenTelemetrySpan,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  trace,
} from "@opentelemetry/api";
import { GatewayError } from "../../errors.ts";
import type { Span, SpanAttributes, SpanStart, TraceContext, Traces } from "../../ports/traces.ts";
import { toSpanContext, toTraceContext } from "./trace-context.ts";

/** The value of `error.type` for an error without a code. @see https://opentelemetry.io/docs/specs/semconv/registry/attributes/error/ */
const OTHER_ERROR = "_OTHER";

/**
 * Gives spans to whatever tracing system is registered with the API of OpenTelemetry: that of the host program, or the
 * one of `startTraceExport`. Without one, nothing is recorded.
 */
export class OpenTelemetryTraces implements Traces {
  readonly #tracer: Tracer;

  /** @param version the gateway's version, which every span names */
  constructor(version: string) {
    this.#tracer = trace.getTracer("pictograph", version);
  }

  within<Result>(start: SpanStart, work: (span: Span) => Promise<Result>): Promise<Result> {
    const parent = parentOf(start);
    const span = this.#begin(start, parent);
    return context.with(trace.setSpan(parent, span), async () => {
      try {
        return await work({
          set: (attributes) => span.setAttributes(present(attributes)),
          fail: (errorType) => markFailed(span, errorType),
        });
      } catch (error) {
        markFailed(span, error instanceof GatewayError ? error.code : OTHER_ERROR);
        throw error;
      } finally {
        span.end();
      }
    });
  }

  record(start: SpanStart, endedAt: Date): void {
    this.#begin(start, parentOf(start)).end(endedAt);
  }

  current(): TraceContext | undefined {
    return toTraceContext(trace.getActiveSpan()?.spanContext());
  }

  get isWithinSpan(): boolean {
    return trace.getActiveSpan() !== undefined;
  }

  #begin({ name, kind = "INTERNAL", attributes = {}, startedAt }: SpanStart, parent: Context): OpenTelemetrySpan {
    const options = {
      kind: SpanKind[kind],
      attributes: present(attributes),
      ...(startedAt && { startTime: startedAt }),
    };
    return this.#tracer.startSpan(name, options, parent);
  }
}

function parentOf(start: SpanStart): Context {
  if (!("parent" in start)) return context.active();
  const spanContext = start.parent && toSpanContext(start.parent);
  return spanContext ? trace.setSpanContext(ROOT_CONTEXT, spanContext) : ROOT_CONTEXT;
}

/** An error's own text may hold what the caller sent, so only its type is recorded. */
function markFailed(span: OpenTelemetrySpan, errorType: string): void {
  span.setAttribute("error.type", errorType).setStatus({ code: SpanStatusCode.ERROR });
}

function present(attributes: SpanAttributes): Record<string, string | number | boolean> {
  return Object.fromEntries(
    Object.entries(attributes).filter((entry): entry is [string, string | number | boolean] => entry[1] !== undefined),
  );
}
