import type { Request, RequestHandler } from "express";
import { GatewayError } from "../../../errors.ts";
import { hostNameOf, isIpAddress, isLoopback } from "../../../host-name.ts";
import { isProbe } from "../probes.ts";
import { hostOf } from "./forwarded.ts";

/**
 * Refuses requests for a host that is not the gateway's. In DNS rebinding a page of evil.example has its own name resolve
 * to the gateway's address: the browser then takes the gateway for evil.example, and lets the page read every answer. It
 * needs a name of its own for that.
 *
 * @param hostNames names that the gateway has, besides loopback names and IP addresses; `undefined` checks none
 */
export function checkHost(hostNames: readonly string[] | undefined): RequestHandler {
  const isAnswered = hostNames && answeredHosts(hostNames);
  return (request, _response, next) => {
    if (countHostHeaders(request) > 1) {
      throw new GatewayError("BAD_USER_INPUT", "the request has more than one Host header; send one");
    }
    if (!isAnswered || isProbe(request.path)) return next();
    const authority = hostOf(request);
    // No browser speaks HTTP/1.0, in which the header may be missing.
    if (authority === undefined && request.httpVersion === "1.0") return next();
    const host = hostNameOf(authority ?? "");
    if (host !== undefined && isAnswered(host)) return next();
    const named = host === undefined ? "this host" : `the host ${host}`;
    const message = `this gateway does not answer to ${named}; PICTOGRAPH_ALLOWED_HOSTS names the hosts it answers to`;
    throw new GatewayError("MISDIRECTED", message);
  };
}

/** Tells which hosts are surely the gateway's: loopback names, IP addresses and these names. */
export function answeredHosts(hostNames: readonly string[]): (host: string) => boolean {
  const names = new Set(hostNames);
  return (host) => isIpAddress(host) || isLoopback(host) || names.has(host);
}

/** Node keeps only the first one in `headers`. */
function countHostHeaders({ rawHeaders }: Request): number {
  return rawHeaders.filter((name, index) => index % 2 === 0 && name.toLowerCase() === "host").length;
}
