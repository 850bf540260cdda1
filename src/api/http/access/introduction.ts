import type { Request } from "express";
import { GatewayError } from "../../../errors.ts";

/** Everything that a request says about its sender: all values of each header. */
export interface Introduction {
  readonly authorization: readonly string[];
  readonly apiKey: readonly string[];
  readonly project: readonly string[];
  readonly endUser: readonly string[];
}

/** The field that each header, in lower case, belongs to. */
const NAMES = {
  authorization: "authorization",
  "x-api-key": "apiKey",
  "pictograph-project": "project",
  "pictograph-end-user": "endUser",
} as const satisfies Readonly<Record<string, keyof Introduction>>;

/** Reads the headers of a request. */
export function readHeaders({ rawHeaders }: Request): Introduction {
  const introduction = { authorization: [], apiKey: [], project: [], endUser: [] } as Record<
    keyof Introduction,
    string[]
  >;
  for (const [index, text] of rawHeaders.entries()) {
    const name = text.toLowerCase();
    // Names and values alternate.
    if (index % 2 > 0 || !Object.hasOwn(NAMES, name)) continue;
    introduction[NAMES[name as keyof typeof NAMES]].push(toUtf8(rawHeaders[index + 1] ?? ""));
  }
  return introduction;
}

/**
 * Reads the `connectionParams` in the first message of a WebSocket. Their names are the names of headers, in any case.
 *
 * @throws UNAUTHENTICATED when a value is not a text
 */
export function readParams(params: Readonly<Record<string, unknown>>): Introduction {
  const entries = Object.entries(params).map(([name, value]) => [name.toLowerCase(), value] as const);
  return toIntroduction((name) => {
    const values = entries.flatMap(([given, value]) => (given === name && value != null ? [value] : []));
    if (values.every((value) => typeof value === "string")) return values;
    throw unauthenticated(`${name} must be a text`);
  });
}

export function mergeIntroductions(first: Introduction, second: Introduction): Introduction {
  return toIntroduction((name) => {
    const field = NAMES[name as keyof typeof NAMES];
    return [...first[field], ...second[field]];
  });
}

/**
 * Returns the only secret that was sent; `undefined` when there is none.
 *
 * @throws UNAUTHENTICATED when there are several different ones, or `Authorization` has another form than Bearer
 */
export function secretOf({ authorization, apiKey }: Introduction): string | undefined {
  const bearers = authorization.map((value) => {
    const { secret } = /^Bearer +(?<secret>[\x21-\x7e]+)$/i.exec(value)?.groups ?? {};
    if (secret === undefined) throw unauthenticated("Authorization must have the form: Bearer pgk_…");
    return secret;
  });
  const secrets = new Set([...bearers, ...apiKey]);
  if (secrets.size > 1) {
    const where = bearers.length > 0 && apiKey.length > 0 ? "Authorization and X-API-Key carry" : "the request carries";
    throw unauthenticated(`${where} different credentials; send one of them`);
  }
  const [secret] = secrets;
  return secret;
}

/**
 * Returns the only value of a header; `undefined` when there is none.
 *
 * @throws BAD_USER_INPUT when there are several different ones
 */
export function onlyValue(name: string, values: readonly string[]): string | undefined {
  const [value, ...others] = new Set(values);
  if (others.length > 0) throw new GatewayError("BAD_USER_INPUT", `${name} has several values; send one`);
  return value;
}

function toIntroduction(valuesOf: (name: string) => readonly string[]): Introduction {
  const entries = Object.entries(NAMES).map(([name, field]) => [field, valuesOf(name)] as const);
  return Object.fromEntries(entries) as unknown as Introduction;
}

/** Decodes a header as UTF-8. Node reads headers as Latin-1. */
function toUtf8(header: string): string {
  return Buffer.from(header, "latin1").toString();
}

function unauthenticated(message: string): GatewayError {
  return new GatewayError("UNAUTHENTICATED", message);
}
