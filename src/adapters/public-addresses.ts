import { lookup as lookUp } from "node:dns/promises";
import { isIP, type LookupFunction } from "node:net";
import ipaddr from "ipaddr.js";

export interface ResolvedAddress {
  readonly address: string;
  readonly family: number;
}

/** Finds the addresses of a host. */
export type Resolve = (host: string) => Promise<readonly ResolvedAddress[]>;

/** The range of all public IPv6 addresses. @see https://www.iana.org/assignments/ipv6-address-space */
const GLOBAL_UNICAST = "2000::/3";

/** Asks the system's resolver. */
export const systemResolve: Resolve = (host) => lookUp(host, { all: true });

/** Whether an IP address is public: not loopback, private, link-local (cloud metadata) or otherwise reserved. */
export function isPublicAddress(text: string): boolean {
  // Extracts the IPv4 address from an IPv4-mapped IPv6 address.
  const address = ipaddr.process(text);
  if (address.range() !== "unicast") return false;
  return address instanceof ipaddr.IPv4 || address.match(ipaddr.IPv6.parseCIDR(GLOBAL_UNICAST));
}

/** The IP address that is the host of a URL; `undefined` if it has a name. No lookup is made for an IP address. */
export function addressIn({ hostname }: URL): string | undefined {
  const literal = hostname.replace(/^\[|\]$/g, "");
  return isIP(literal) ? literal : undefined;
}

/**
 * Returns the lookup of a connection, which checks every address that it finds. So a name that resolves to something
 * else a moment later (DNS rebinding) changes nothing.
 *
 * @param check throws if no connection may be made to the address
 */
export function checkedLookup(resolve: Resolve, check: (address: string) => void): LookupFunction {
  return (host, options, callback) => {
    resolve(host)
      .then((found) => {
        for (const { address } of found) check(address);
        const [first] = found;
        if (!first) throw new Error("the host has no address");
        if (options.all) callback(null, [...found]);
        else callback(null, first.address, first.family);
      })
      .catch((error) => callback(error, ""));
  };
}
