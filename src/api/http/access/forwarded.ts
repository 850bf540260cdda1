import { isIP, isIPv4 } from "node:net";
import type { TLSSocket } from "node:tls";
import type { Request } from "express";
import ipaddr from "ipaddr.js";
import { hostNameOf } from "../../../settings/host-name.ts";

const DEFAULT_PORTS: ReadonlySet<number> = new Set([80, 443]);
const SEGMENT = /^[A-Za-z0-9._~-]+$/;
/** Segments that lead to another path. */
const DOTS: ReadonlySet<string> = new Set([".", ".."]);
/** Far longer than any real prefix. Prefixes become part of every URL that the gateway returns. */
const MAX_PREFIX_LENGTH = 200;

/**
 * Returns the host that the client requested, as the nearest trusted proxy or else the client sent it; `undefined` for
 * none.
 */
export function hostOf(request: Request): string | undefined {
  return forwardedValue(request, "x-forwarded-host") ?? request.headers.host;
}

/** Returns the protocol that the client used, as the nearest trusted proxy sent it, or else that of the connection. */
export function protocolOf(request: Request): "http" | "https" {
  const { encrypted: isEncrypted = false } = request.socket as Partial<TLSSocket>;
  const protocol = forwardedValue(request, "x-forwarded-proto") ?? (isEncrypted ? "https" : "http");
  return protocol === "https" ? "https" : "http";
}

/**
 * Returns the port that the client used, as the nearest trusted proxy sent it; `undefined` if no proxy did, or if it is
 * the default of its protocol. Proxies behind another one often send the default port of the wrong protocol, so that
 * counts as a default too.
 */
export function forwardedPortOf(request: Request): number | undefined {
  const value = forwardedValue(request, "x-forwarded-port") ?? "";
  const port = /^[0-9]{1,5}$/.test(value) ? Number(value) : 0;
  return port > 0 && port < 65_536 && !DEFAULT_PORTS.has(port) ? port : undefined;
}

/**
 * Returns the path that the nearest trusted proxy has taken away from the front of the URL, without a trailing slash:
 * `/pictures`. Empty if it took none, or sent something else than a plain path.
 */
export function forwardedPrefixOf(request: Request): string {
  const prefix = forwardedValue(request, "x-forwarded-prefix")?.replace(/\/$/, "") ?? "";
  if (prefix.length > MAX_PREFIX_LENGTH) return "";
  const [start, ...segments] = prefix.split("/");
  const isPath = start === "" && segments.every((segment) => SEGMENT.test(segment) && !DOTS.has(segment));
  return isPath ? prefix : "";
}

/**
 * Returns the last value of a forwarding header. Proxies append to such a list, so the last value is the only one that
 * a client cannot have sent. Express uses the first value instead.
 */
function forwardedValue(request: Request, name: string): string | undefined {
  const header = request.headers[name];
  if (header === undefined || !isTrusted(request)) return undefined;
  return String(header).split(",").at(-1)?.trim() || undefined;
}

/** Whether the connection comes from a trusted proxy. */
function isTrusted(request: Request): boolean {
  const trust: (address: string | undefined, hop: number) => boolean = request.app.get("trust proxy fn");
  return trust(request.socket.remoteAddress, 0);
}

/**
 * Returns the network that a client's limits are counted for: its IPv4 address or its IPv6 /64 network. One internet
 * subscriber has at least a /64 network.
 */
export function networkOf(request: Request): string {
  const address = addressIn(request.ip) ?? addressIn(request.socket.remoteAddress);
  if (address === undefined) return "unknown";
  if (isIPv4(address)) return address;
  // Converts an IPv4-mapped IPv6 address to the IPv4 address.
  const parsed = ipaddr.process(address);
  if (parsed instanceof ipaddr.IPv4) return parsed.toString();
  return `${parsed.parts
    .slice(0, 4)
    .map((part) => part.toString(16))
    .join(":")}::/64`;
}

/**
 * Returns the IP address in a text, without a zone or a port, which some proxies add; `undefined` when there is none.
 */
function addressIn(text: string | undefined): string | undefined {
  if (text === undefined || isIP(text)) return text?.replace(/%.*/, "");
  const host = hostNameOf(text);
  return host !== undefined && isIP(host) ? host : undefined;
}
