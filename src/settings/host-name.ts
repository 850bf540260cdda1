import { isIP } from "node:net";
import ipaddr from "ipaddr.js";

/** A host name or an IP address, with or without a port. It has no user name, path, percent sign or white space. */
const AUTHORITY = /^(?:[A-Za-z0-9._-]{1,255}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?$/;

/**
 * Reads the host out of an authority, such as the value of a `Host` header: `Example.COM.:8080` gives `example.com`,
 * `[::1]:80` gives `::1`, `127.1` gives `127.0.0.1`.
 *
 * @returns the host in lower case, without port, brackets and final dot; `undefined` when the text is no authority
 */
export function hostNameOf(authority: string): string | undefined {
  if (!AUTHORITY.test(authority)) return undefined;
  return URL.parse(`http://${authority}`)?.hostname.replace(/^\[|\]$|\.$/g, "");
}

/** @param host as {@link hostNameOf} gives it */
export function isIpAddress(host: string): boolean {
  return isIP(host) !== 0;
}

/**
 * Whether the name always leads to this machine: `localhost`, names below it (RFC 6761), 127.0.0.0/8 and ::1. Other
 * names are not looked up.
 *
 * @param host as {@link hostNameOf} gives it
 */
export function isLoopback(host: string): boolean {
  if (isIpAddress(host)) return ipaddr.process(host).range() === "loopback";
  return host === "localhost" || host.endsWith(".localhost");
}
