import { isIP } from "node:net";
import { MIN_ADMIN_KEY_LENGTH, MIN_SECRET_LENGTH } from "../bounds.ts";
import { parseDownloadHost } from "../ports/downloads.ts";
import { isUsd, toAmount } from "../ports/projects/money.ts";
import { hostNameOf, isLoopback } from "./host-name.ts";

/**
 * Parses the value of one environment variable. The error says what the value must be. It never repeats the value,
 * which could be a secret.
 *
 * @param text not empty, without white space at either end
 */
export type Parse<Value> = (text: string) => Value;

export function wholeNumber(min: number, max: number): Parse<number> {
  return (text) => {
    const value = /^[0-9]{1,9}$/.test(text) ? Number(text) : Number.NaN;
    if (!(value >= min && value <= max)) throw new Error(`must be a whole number from ${min} to ${max}`);
    return value;
  };
}

/** Converts a parsed number to another unit, for example seconds to milliseconds. */
export function times(factor: number, parse: Parse<number>): Parse<number> {
  return (text) => parse(text) * factor;
}

/** Also accepts `none`, for no limit. */
export function orNone(parse: Parse<number>): Parse<number | undefined> {
  return (text) => {
    if (text === "none") return undefined;
    try {
      return parse(text);
    } catch (error) {
      throw new Error(`${(error as Error).message}, or none`);
    }
  };
}

export function oneOf<Word extends string>(...words: readonly Word[]): Parse<Word> {
  return (text) => {
    const word = words.find((candidate) => candidate === text);
    if (word) return word;
    throw new Error(`must be one of ${words.join(", ")}`);
  };
}

export function parseBoolean(text: string): boolean {
  return oneOf("true", "false")(text) === "true";
}

/** Parses keys of at least {@link MIN_ADMIN_KEY_LENGTH} characters, separated by commas. */
export function parseAdminKeys(text: string): readonly string[] {
  const keys = text.split(",").map((key) => key.trim());
  if (keys.every((key) => key.length >= MIN_ADMIN_KEY_LENGTH && /^[\x21-\x7e]+$/.test(key))) return keys;
  throw new Error(
    `must be ${MIN_ADMIN_KEY_LENGTH} or more printable ASCII characters without spaces, or several such keys separated by commas; openssl rand -hex 32 makes one`,
  );
}

/** Parses the address to listen on. */
export function parseHost(text: string): string {
  if (isIP(text) || /^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$/.test(text)) return text;
  throw new Error("must be an IP address or a host name, such as 127.0.0.1 or 0.0.0.0");
}

/** Parses the gateway's host names. Returns them in lower case. */
export function parseHostNames(text: string): readonly string[] {
  return text.split(",").map((entry) => {
    const name = entry.trim();
    if (isIP(name)) return name;
    const host = name.includes(":") ? undefined : hostNameOf(name);
    if (host) return host;
    throw new Error("must be host names without ports, separated by commas, such as pictures.example,pictograph");
  });
}

export function parseHttpUrl(text: string): string {
  const url = URL.parse(text);
  if (!url || !/^https?:$/.test(url.protocol) || url.username || url.search || url.hash) {
    throw new Error("must be an http or https URL without credentials or a query, such as https://host.example/v1");
  }
  return url.href.replace(/\/$/, "");
}

/** Parses the URL of a key server: https, or http on loopback, so that nobody on the way can change its answer. */
export function parseKeyServerUrl(text: string): string {
  const url = URL.parse(text);
  const host = url ? hostNameOf(url.host) : undefined;
  const isSafe = url?.protocol === "https:" || (url?.protocol === "http:" && host !== undefined && isLoopback(host));
  if (url && isSafe && !url.username && !url.password && !url.hash) return url.href;
  throw new Error(
    "must be an https URL without credentials, or an http URL on loopback, such as https://id.example/.well-known/jwks.json",
  );
}

/** Parses the gateway's own address. Returns it without a trailing slash. */
export function parsePublicUrl(text: string): string {
  const url = URL.parse(text);
  const bare = text.replace(/\/$/, "");
  const isPlain = url && /^https?:$/.test(url.protocol) && !url.username && !url.password && !/[?#]/.test(text);
  if (isPlain && bare === url.href.replace(/\/$/, "")) return bare;
  throw new Error("must be an http or https URL with its host in lower case, such as https://images.example/pictures");
}

function parseOrigin(text: string): string {
  const url = URL.parse(text);
  if (url && /^https?:$/.test(url.protocol) && !url.username && (text === url.origin || text === `${url.origin}/`)) {
    return url.origin;
  }
  throw new Error("must be an origin");
}

/** Parses the origins of pages; `*` for any. */
export function parseOrigins(text: string): "*" | readonly string[] {
  if (text === "*") return "*";
  try {
    return text.split(",").map((origin) => parseOrigin(origin.trim()));
  } catch {
    throw new Error("must be * or origins separated by commas, such as https://app.example,http://localhost:3000");
  }
}

export function parseDownloadHosts(text: string): readonly string[] {
  const hosts = text.split(",").map((host) => host.trim());
  try {
    hosts.forEach(parseDownloadHost);
    return hosts;
  } catch {
    throw new Error("must be hosts separated by commas, such as images.example,*.cdn.example");
  }
}

/** Parses the number of proxies, or their addresses. */
export function parseTrustProxy(text: string): number | readonly string[] {
  if (/^[0-9]{1,2}$/.test(text)) return Number(text);
  const addresses = text.split(",").map((address) => address.trim());
  if (addresses.every(isProxyAddress)) return addresses;
  throw new Error("must be the number of proxies, or their addresses separated by commas, such as 10.0.0.0/8,loopback");
}

function isProxyAddress(text: string): boolean {
  if (["loopback", "linklocal", "uniquelocal"].includes(text)) return true;
  const [address = "", prefix, ...rest] = text.split("/");
  const version = isIP(address);
  if (version === 0 || rest.length > 0) return false;
  return prefix === undefined || (/^[0-9]{1,3}$/.test(prefix) && Number(prefix) <= (version === 4 ? 32 : 128));
}

/** @param example a valid name, for the error */
export function modelName(example: string): Parse<string> {
  return (text) => {
    if (/^[A-Za-z0-9][A-Za-z0-9._:/-]{0,99}$/.test(text)) return text;
    throw new Error(`must be a model's name, such as ${example}`);
  };
}

/** Parses secrets of at least {@link MIN_SECRET_LENGTH} characters, separated by commas. Returns them as they are. */
export function parseSecrets(text: string): string {
  if (splitSecrets(text).every((secret) => secret.length >= MIN_SECRET_LENGTH)) return text;
  throw new Error(
    `must have at least ${MIN_SECRET_LENGTH} characters, or be several such secrets separated by commas; openssl rand -base64 32 makes a good one`,
  );
}

export function splitSecrets(text: string): readonly string[] {
  return text.split(",").map((secret) => secret.trim());
}

export function parseDatabaseUrl(text: string): string {
  const url = URL.parse(text);
  if (url && /^postgres(ql)?:$/.test(url.protocol) && url.hostname && url.pathname.length > 1) return text;
  throw new Error("must be the URL of a PostgreSQL database, such as postgres://user:password@host:5432/database");
}

export function parseBucket(text: string): string {
  if (/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(text)) return text;
  throw new Error("must be the name of a bucket: 3 to 63 lower case letters, digits, dots and hyphens");
}

export function parseWord(text: string): string {
  if (/^[\x21-\x7e]+$/.test(text)) return text;
  throw new Error("must be printable ASCII without spaces");
}

/** Parses a prefix for GraphQL type names: `Pictograph`. */
export function parseTypePrefix(text: string): string {
  if (/^[A-Z]\w{0,31}$/.test(text)) return text;
  throw new Error("must be a capital letter, then up to 31 letters, digits or _");
}

/** The largest budget, in US dollars: far more than any operator spends in a day. */
const MAX_USD = "1000000";

/** Parses US dollars, and returns them as the same decimal string. */
export function parseUsd(text: string): string {
  if (isUsd(text) && toAmount(text) <= toAmount(MAX_USD)) return text;
  throw new Error(`must be US dollars from 0 to ${MAX_USD}, such as 20 or 0.50, or none`);
}
