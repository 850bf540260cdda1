import { isIP, isIPv4 } from "node:net";
import type { TLSSocket } from "node:tls";
import type { Request } from "express";
import ipaddr from "ipaddr.js";
import { hostNameOf } from "../../../settings/host-name.ts";

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
