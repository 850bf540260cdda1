import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import protobuf from "protobufjs";

/** A span as it arrived. */
export interface ReceivedSpan {
  readonly service: string;
  readonly name: string;
  readonly kind: string;
  readonly traceId: string;
  readonly spanId: string;
  /** Empty for the first span of a trace. */
  readonly parentId: string;
  readonly traceState: string;
  /** Whether its work failed. */
  readonly isFailed: boolean;
  readonly attributes: Readonly<Record<string, string | number | boolean>>;
  readonly startedAtMs: number;
  readonly endedAtMs: number;
}

/** A trace collector: it accepts OTLP in protobuf over HTTP, as specified, and nothing else. */
export interface TraceCollector extends AsyncDisposable {
  /** For `OTEL_EXPORTER_OTLP_ENDPOINT`. */
  readonly url: string;
  readonly spans: readonly ReceivedSpan[];
  /** Every body that arrived, one after the other. */
  readonly bytes: Buffer;
  readonly requestCount: number;
  readonly lastHeaders: IncomingHttpHeaders | undefined;
  /** Answers with this from now on. @defaultValue accepts the spans */
  answer: (response: ServerResponse) => void;
  /** Resolves with all spans as soon as the condition holds. */
  until(isComplete: (spans: readonly ReceivedSpan[]) => boolean): Promise<readonly ReceivedSpan[]>;
}

/** The part of OTLP that carries spans. @see https://github.com/open-telemetry/opentelemetry-proto */
const OTLP = protobuf
  .parse(`
  syntax = "proto3";
  message Request { repeated ResourceSpans resource_spans = 1; }
  message ResourceSpans { Resource resource = 1; repeated ScopeSpans scope_spans = 2; }
  message Resource { repeated KeyValue attributes = 1; }
  message ScopeSpans { repeated Span spans = 2; }
  message Span {
    bytes trace_id = 1; bytes span_id = 2; string trace_state = 3; bytes parent_span_id = 4; string name = 5;
    Kind kind = 6; fixed64 start_time_unix_nano = 7; fixed64 end_time_unix_nano = 8; repeated KeyValue attributes = 9;
    Status status = 15;
  }
  enum Kind { UNSPECIFIED = 0; INTERNAL = 1; SERVER = 2; CLIENT = 3; PRODUCER = 4; CONSUMER = 5; }
  message Status { string message = 2; int32 code = 3; }
  message KeyValue { string key = 1; Value value = 2; }
  message Value { oneof value { string string_value = 1; bool bool_value = 2; int64 int_value = 3; double double_value = 4; } }
`)
  .root.lookupType("Request");
const STATUS_ERROR = 2;

interface KeyValue {
  readonly key: string;
  readonly value: Readonly<Record<string, string | number | boolean>>;
}

/** @param port of an earlier collector; 0 means a free port */
export async function startTraceCollector(port = 0): Promise<TraceCollector> {
  const spans: ReceivedSpan[] = [];
  const bodies: Buffer[] = [];
  const waiting = new Set<() => void>();
  let lastHeaders: IncomingHttpHeaders | undefined;
  const server = createServer(async (request, response) => {
    const body = await buffer(request).catch(() => undefined);
    if (!body) return;
    bodies.push(body);
    lastHeaders = request.headers;
    const isRight =
      request.url === "/v1/traces" &&
      request.method === "POST" &&
      request.headers["content-type"] === "application/x-protobuf";
    if (isRight && collector.answer === takeSpans) spans.push(...decode(body));
    if (isRight) collector.answer(response);
    else response.writeHead(404).end();
    for (const look of [...waiting]) look();
  });
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  const collector: TraceCollector = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans,
    get bytes() {
      return Buffer.concat(bodies);
    },
    get requestCount() {
      return bodies.length;
    },
    get lastHeaders() {
      return lastHeaders;
    },
    answer: takeSpans,
    until(isComplete) {
      return new Promise((resolve) => {
        const look = () => {
          if (!isComplete(spans)) return;
          waiting.delete(look);
          resolve(spans);
        };
        waiting.add(look);
        look();
      });
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
  return collector;
}

/** The answer to a request whose spans were accepted. */
export function takeSpans(response: ServerResponse): void {
  response.writeHead(200, { "Content-Type": "application/x-protobuf" }).end();
}

function decode(body: Buffer): ReceivedSpan[] {
  // biome-ignore lint/suspicious/noExplicitAny: the message is described above
  const request: any = OTLP.toObject(OTLP.decode(body), { longs: String, enums: String, defaults: true, arrays: true });
  // biome-ignore lint/suspicious/noExplicitAny: the message is described above
  return request.resourceSpans.flatMap(({ resource, scopeSpans }: any) => {
    const service = String(toRecord(resource.attributes)["service.name"]);
    // biome-ignore lint/suspicious/noExplicitAny: the message is described above
    return scopeSpans.flatMap((scope: any) => scope.spans.map((span: any) => toSpan(service, span)));
  });
}

// biome-ignore lint/suspicious/noExplicitAny: the message is described above
function toSpan(service: string, span: any): ReceivedSpan {
  const { name, kind, traceState, startTimeUnixNano, endTimeUnixNano, status } = span;
  const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
  return {
    service,
    name,
    kind,
    traceId: hex(span.traceId),
    spanId: hex(span.spanId),
    parentId: hex(span.parentSpanId),
    traceState,
    isFailed: status?.code === STATUS_ERROR,
    attributes: toRecord(span.attributes),
    startedAtMs: Number(startTimeUnixNano) / 1e6,
    endedAtMs: Number(endTimeUnixNano) / 1e6,
  };
}

function toRecord(attributes: readonly KeyValue[]): Record<string, string | number | boolean> {
  return Object.fromEntries(
    attributes.map(({ key, value }) => {
      const [type = "", raw = ""] = Object.entries(value).find(([name]) => name !== "value") ?? [];
      return [key, type === "intValue" ? Number(raw) : raw];
    }),
  );
}
