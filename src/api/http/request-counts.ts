import type { Request, Response } from "express";
import type { EntryPoint, Metrics } from "../../ports/metrics.ts";
import { isProbe, METRICS_PATH } from "./health/probes.ts";
import type { Step } from "./steps.ts";
import { upgradeOf } from "./upgrade.ts";

const SWITCHING_PROTOCOLS = 101;

/** Counts each request when it is over. */
export function countRequests(metrics: Pick<Metrics, "requestEnded">): Step {
  return (request, response) => {
    const entryPoint = entryPointOf(request);
    return () => metrics.requestEnded(entryPoint, statusOf(response));
  };
}

/** The status of a request that is over; `undefined` if the client left before the answer began. */
export function statusOf({ headersSent, statusCode }: Response): number | undefined {
  return headersSent || statusCode === SWITCHING_PROTOCOLS ? statusCode : undefined;
}

const ENTRY_POINTS: readonly (readonly [RegExp, EntryPoint])[] = [
  [/^\/graphql\/?$/i, "graphql"],
  [/^\/graphql\/stream\/?$/i, "graphql_stream"],
  [/^\/v1\//i, "openai"],
  [/^\/images\//i, "images"],
  [/^\/get-image\/?$/i, "get_image"],
  [/^\/(?:openapi\.json|(?:docs|graphiql|studio)(?:\/.*)?)?$/i, "pages"],
];

/** The API or page that a request is for. */
export function entryPointOf(request: Request): EntryPoint {
  const { path } = request;
  if (upgradeOf(request)) return "graphql_websocket";
  if (isProbe(path)) return "probes";
  if (path === METRICS_PATH) return "metrics";
  return ENTRY_POINTS.find(([pattern]) => pattern.test(path))?.[1] ?? "other";
}
