import type { Request, RequestHandler } from "express";
import type { AddressLimits } from "../../../bounds.ts";
import { mediaTypeOf } from "../bodies/media-type.ts";
import { isProbe } from "../health/probes.ts";
import { contextOf } from "../request-context.ts";
import { upgradeOf } from "../upgrade.ts";
import { MinuteCounts, OpenCounts } from "./address-counts.ts";

const EVENT_STREAMS = /^\/graphql\/stream\/?$/i;

/**
 * Limits the requests, connections and uploads of one address, so that one caller without a key cannot block all
 * others. Image URLs are exempt because they are signed. Health checks are exempt because no caller sends them.
 */
export function limitByAddress(limits: AddressLimits, now: () => Date): RequestHandler {
  if (Object.values(limits).every((limit) => limit === undefined)) return (_request, _response, next) => next();
  const requests = new MinuteCounts(limits.requestsPerMinute, now);
  const connections = new OpenCounts(limits.connections, "connections for live results");
  const uploads = new OpenCounts(limits.uploads, "uploads in progress");
  return (request, response, next) => {
    const { path } = request;
    if (isProbe(path) || path.startsWith("/images/")) return next();
    const context = contextOf(request);
    const { network } = context;
    context.countOperation = () => requests.add(network);
    context.countOperation();
    const upgrade = upgradeOf(request);
    if (upgrade || EVENT_STREAMS.test(path)) {
      const end = connections.enter(network);
      // An upgraded connection has no response that closes.
      (upgrade ? request.socket : response).once("close", end);
    }
    // A host program may have read the body already.
    if (!upgrade && isForm(request) && !request.complete) request.once("close", uploads.enter(network));
    next();
  };
}

function isForm(request: Request): boolean {
  return mediaTypeOf(request.headers["content-type"]) === "multipart/form-data";
}
