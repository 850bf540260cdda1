/**
 * Names a span of a trace, as W3C Trace Context writes it. It is stored with a generation, so that another process can
 * continue the trace, and its properties are the names of HTTP headers.
 *
 * @see https://www.w3.org/TR/trace-context/
 */
export interface TraceContext {
  /** `00-<trace id>-<span id>-<flags>`, 55 characters. */
  readonly traceparent: string;
  /** What tracing systems added, at most 512 characters. */
  readonly tracestate?: string | undefined;
}

/** Properties of a span. `undefined` ones are left out. They contain no prompt, key, signature or image byte. */
export type SpanAttributes = Readonly<Record<string, string | number | boolean | undefined>>;

export interface SpanStart {
  /** The kind of work, never its subject: there are only a few names. */
  readonly name: string;
  /** @defaultValue `INTERNAL`: work within this process */
  readonly kind?: "INTERNAL" | "SERVER" | "CLIENT" | "PRODUCER" | "CONSUMER";
  readonly attributes?: SpanAttributes;
  /**
   * The span that caused this one; `undefined` begins a trace, unless the parent is left out.
   *
   * @defaultValue the span in which the calling code runs
   */
  readonly parent?: TraceContext | undefined;
  /** @defaultValue now */
  readonly startedAt?: Date;
}

/** A piece of work that is being recorded. */
export interface Span {
  set(attributes: SpanAttributes): void;
  /** Marks the work as failed. @param errorType one of a few: an error code, or an HTTP status */
  fail(errorType: string): void;
}

/**
 * Records what the gateway does as spans of traces. A trace leads from a request through the queue, maybe into another
 * process, to the answer of the provider. No method fails or waits because of a collector.
 */
export interface Traces {
  /**
   * Does the work in a span. Spans that the work begins are its children. The span ends when the promise settles; if it
   * rejects, the span has failed.
   */
  within<Result>(start: SpanStart, work: (span: Span) => Promise<Result>): Promise<Result>;
  /** Records a span that has already ended. */
  record(start: SpanStart, endedAt: Date): void;
  /** The span in which the calling code runs; `undefined` for none. */
  current(): TraceContext | undefined;
  /** Whether the host program already records the request, in a span in which the calling code runs. */
  readonly isWithinSpan: boolean;
}

/** The HTTP headers that let another service continue the trace; empty if there is no trace. */
export function toHeaders({ traceparent, tracestate }: Partial<TraceContext> = {}): Readonly<Record<string, string>> {
  return { ...(traceparent !== undefined && { traceparent }), ...(tracestate !== undefined && { tracestate }) };
}

const NO_SPAN: Span = { set() {}, fail() {} };

/** Records nothing. */
export const NO_TRACES: Traces = {
  within: (_start, work) => work(NO_SPAN),
  record() {},
  current: () => undefined,
  isWithinSpan: false,
};
