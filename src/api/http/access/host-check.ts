import type { Request } from "express";
import { GatewayError } from "../../../errors.ts";
import { isIpAddress, isLoopback } from "../../../settings/host-name.ts";
import { isProbe } from "../health/probes.ts";
import { contextOf } from "../request-context.ts";
import type { Step } from "../steps.ts";
import { hostOf } from "./forwarded.ts";

/**
 * Refuses requests for a host name that is not the gateway's. This stops DNS rebinding: a page of evil.example makes
 * its own name resolve to the gateway's address. The browser then treats the gateway as evil.example and allows the
 * page to read every answer. The attack needs a host name that the attacker owns.
 *
 * @param hostNames the gateway's names, besides loopback names and IP addresses; `undefined` to accept every host
 */
export function checkHost(hostNames: readonly string[] | undefined): Step {
  const isAnswered = hostNames && answeredHosts(hostNames);
  return (request) => {
    if (countHostHeaders(request) > 1) {
      throw new GatewayError("BAD_USER_INPUT", "the request has more than one Host header; send one");
    }
    if (!isAnswered || isProbe(request.path)) return;
    const { hostName } = contextOf(request);
    // In HTTP/1.0 the header may be missing. No browser uses HTTP/1.0.
    if (request.httpVersion === "1.0" && hostOf(request) === undefined) return;
    if (hostName !== undefined && isAnswered(hostName)) return;
    const named = hostName === undefined ? "this host" : `the host ${hostName}`;
    const message = `this gateway does not answer to ${named}; PICTOGRAPH_ALLOWED_HOSTS names the hosts it answers to`;
    throw new GatewayError("MISDIRECTED", message);
  };
}

/**
 * Returns a function that tells whether a host is the gateway's: a loopback name, an IP address or one of these names.
 */
export function answeredHosts(hostNames: readonly string[]): (host: string) => boolean {
  const names = new Set(hostNames);
  return (host) => isIpAddress(host) || isLoopback(host) || names.has(host);
}

/** Counts in `rawHeaders`, because Node keeps only the first one in `headers`. */
function countHostHeaders({ rawHeaders }: Request): number {
  return rawHeaders.filter((name, index) => index % 2 === 0 && name.toLowerCase() === "host").length;
}
