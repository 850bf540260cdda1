import type { RequestHandler } from "express";
import type { EntryPoint } from "../../ports/metrics.ts";
import type { Traces } from "../../ports/traces.ts";
import { protocolOf } from "./access/forwarded.ts";
import { entryPointOf, statusOf } from "./request-counts.ts";
import { toLoggedPath } from "./request-log.ts";

/** The routes by which spans are named. Requests for what has none are not recorded. */
const ROUTES: Readonly<Record<EntryPoint, string | undefined>> = {
  get_image: "/get-image",
  graphql: "/graphql",
  graphql_stream: "/graphql/stream",
  graphql_websocket: "/graphql",
  images: "/images/{id}",
  metrics: undefined,
  openai: "/v1/images",
  pages: undefined,
  probes: undefined,
  other: undefined,
};

/** The error of a request whose client left before the answer began. */
const CLIENT_LEFT = "client_disconnected";

/**
 * Records each request of an API from its arrival until its connection is done with the answer, as the conventions for
 * HTTP servers say. The span continues the trace that the caller names in `traceparent`. A request that the host program
 * records already gets no second span.
 *
 * @see https://opentelemetry.io/docs/specs/semconv/http/http-spans/
 */
export function traceRequests(traces: Traces): RequestHandler {
  return (request, response, next) => {
    const entryPoint = entryPointOf(request);
    const route = ROUTES[entryPoint];
    if (route === undefined || traces.isWithinSpan) return next();
    const { method, path } = request;
    const { traceparent, tracestate } = request.headers;
    const start = {
      name: `${method} ${route}`,
      kind: "SERVER",
      parent: typeof traceparent === "string" ? { traceparent, tracestate: String(tracestate ?? "") } : undefined,
      attributes: {
        "http.request.method": method,
        "http.route": route,
        "url.path": toLoggedPath(path),
        "url.scheme": protocolOf(request),
        "pictograph.entry_point": entryPoint,
      },
    } as const;
    void traces.within(start, async (span) => {
      const over = new Promise<void>((resolve) => {
        response.once("close", resolve);
      });
      next();
      await over;
      const status = statusOf(response);
      span.set({ "http.response.status_code": status });
      if (status === undefined || status >= 500) span.fail(status === undefined ? CLIENT_LEFT : String(status));
    });
  };
}
