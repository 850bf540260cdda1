import { isIP } from "node:net";
import type { TLSSocket } from "node:tls";
import type { Request } from "express";
import ipaddr from "ipaddr.js";
import { hostNameOf } from "../../../host-name.ts";

/** The host that the client asked for, as it or the nearest trusted proxy wrote it; `undefined` when nobody did. */
export function hostOf(request: Request): string | undefined {
  return forwardedValue(request, "x-forwarded-host") ?? request.headers.host;
}

/** The protocol that the client used, as far as the gateway or the nearest trusted proxy knows. */
export function protocolOf(request: Request): "http" | "https" {
  const { encrypted: isEncrypted = false } = request.socket as Partial<TLSSocket>;
  const protocol = forwardedValue(request, "x-forwarded-proto") ?? (isEncrypted ? "https" : "http");
  return protocol === "https" ? "https" : "http";
}

/**
 * Proxies that add to a list add at its end, so that its last value is the only one that a client cannot have written.
 * Express takes the first.
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
 * The network that a client's limits are counted for: its IPv4 address, or the first 64 bits of its IPv6 address, since
 * one subscriber has at least so many.
 */
export function networkOf(request: Request): string {
  const address = addressIn(request.ip) ?? addressIn(request.socket.remoteAddress);
  if (address === undefined) return "unknown";
  // Takes the IPv4 address out of a mapped one.
  const parsed = ipaddr.process(address);
  if (parsed instanceof ipaddr.IPv4) return parsed.toString();
  return `${parsed.parts
    .slice(0, 4)
    .map((part) => part.toString(16))
    .join(":")}::/64`;
}

/** Some proxies write a port behind the address. */
function addressIn(text: string | undefined): string | undefined {
  if (text === undefined || isIP(text)) return text?.replace(/%.*/, "");
  const host = hostNameOf(text);
  return host !== undefined && isIP(host) ? host : undefined;
}
