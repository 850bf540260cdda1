import { createTraceState, isSpanContextValid, type SpanContext } from "@opentelemetry/api";
import type { TraceContext } from "../../ports/traces.ts";

/** Version 00. Later versions may have more behind it. */
const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?<traceId>[0-9a-f]{32})-(?<spanId>[0-9a-f]{16})-(?<flags>[0-9a-f]{2})(?:$|-)/;
/** The flags that this version of the specification knows: sampled, and random trace id. */
const KNOWN_FLAGS = 0b11;
/** The longest `traceparent` that is read, in characters. Version 00 has 55. */
const MAX_TRACEPARENT_LENGTH = 100;
/** The longest `tracestate` that is passed on, in characters, as the specification asks. */
const MAX_TRACESTATE_LENGTH = 512;

/** Reads a trace context from a request or from the store; `undefined` if it is not valid. */
export function toSpanContext({ traceparent, tracestate }: TraceContext): SpanContext | undefined {
  if (traceparent.length > MAX_TRACEPARENT_LENGTH) return undefined;
  const { traceId = "", spanId = "", flags = "" } = TRACEPARENT.exec(traceparent)?.groups ?? {};
  const traceFlags = Number.parseInt(flags, 16) & KNOWN_FLAGS;
  const isStateKept = tracestate !== undefined && tracestate !== "" && tracestate.length <= MAX_TRACESTATE_LENGTH;
  const context: SpanContext = {
    traceId,
    spanId,
    traceFlags,
    isRemote: true,
    ...(isStateKept && { traceState: createTraceState(tracestate) }),
  };
  return isSpanContextValid(context) ? context : undefined;
}

/** Writes a trace context; `undefined` for a span that no tracing system made. */
export function toTraceContext(context: SpanContext | undefined): TraceContext | undefined {
  if (!context || !isSpanContextValid(context)) return undefined;
  const { traceId, spanId, traceFlags, traceState } = context;
  const traceparent = `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, "0")}`;
  const tracestate = traceState?.serialize();
  return { traceparent, ...(tracestate && tracestate.length <= MAX_TRACESTATE_LENGTH && { tracestate }) };
}
