import { isUtf8 } from "node:buffer";
import type { Request } from "express";
import { badInput, GatewayError } from "../../../errors.ts";
import { parseJson } from "./json-body.ts";
import { mediaTypeOf, refuseUnlessUtf8 } from "./media-type.ts";
import { brokenForm, parseForm } from "./multipart-form.ts";

/** The fields of a body by their names. Values are as sent: text, or any JSON value. */
export type FormFields = ReadonlyMap<string, unknown>;

const KINDS = ["multipart/form-data", "application/x-www-form-urlencoded", "application/json"] as const;
type Kind = (typeof KINDS)[number];

const MAX_FIELDS = 100;
const EXAMPLE = '{"prompt": "…", "n": "2", "size": "1024x1024"}';

/**
 * Parses a form as the clients of 2022 send it: multipart, urlencoded or JSON. A body without a `Content-Type` is
 * recognised by its content.
 *
 * @param body the whole body
 * @param isKnown whether a field has a meaning; fields without one may come more than once
 * @throws UNSUPPORTED_MEDIA_TYPE when it has none of these types, BAD_USER_INPUT when it is broken or not UTF-8, or has
 *   a file or the same field twice
 */
export async function parseFormBody(
  body: Buffer,
  request: Request,
  isKnown: (name: string) => boolean = () => true,
): Promise<FormFields> {
  const declaredType = request.get("Content-Type")?.trim();
  const contentType = declaredType || guessContentType(body);
  const kind = kindOf(contentType);
  // Some clients send every body as urlencoded by default.
  if ((!declaredType || kind === "application/x-www-form-urlencoded") && isYaml(body)) {
    throw badInput("body", `the body is YAML, as the document of 2022 shows it; send the same as JSON: ${EXAMPLE}`);
  }
  switch (kind) {
    case "multipart/form-data":
      return parseMultipart(body, contentType, isKnown);
    case "application/x-www-form-urlencoded":
      return parseUrlencoded(body, isKnown);
    case "application/json":
      return toFields(parseJson(body, request, EXAMPLE));
    default:
      return kind satisfies never;
  }
}

function kindOf(contentType: string): Kind {
  const mediaType = mediaTypeOf(contentType);
  const kind = KINDS.find((candidate) => candidate === mediaType);
  if (!kind) throw new GatewayError("UNSUPPORTED_MEDIA_TYPE", `send the body as ${KINDS.join(", ")}`);
  refuseUnlessUtf8(contentType);
  return kind;
}

function guessContentType(body: Buffer): string {
  const [, boundary] = /^--([^\r\n]{1,70})\r\n/.exec(body.subarray(0, 80).toString("latin1")) ?? [];
  if (boundary) return `multipart/form-data; boundary="${boundary}"`;
  const firstCharacter = /\S/.exec(body.subarray(0, 1024).toString("latin1"))?.[0];
  const looksLikeForm = /^[^\s{["=&]+=/.test(body.subarray(0, 1024).toString("latin1").trimStart());
  return firstCharacter === undefined || looksLikeForm ? "application/x-www-form-urlencoded" : "application/json";
}

/** Whether a body begins like YAML: `prompt: a fox`. */
function isYaml(body: Buffer): boolean {
  const lines = body
    .toString("utf8", 0, 1024)
    .replace(/^\uFEFF/, "")
    .split("\n")
    .map((line) => line.trim());
  const first = lines.find((line) => line !== "" && line !== "---") ?? "";
  return /^["']?(prompt|n|size)["']? *:/.test(first);
}

/**
 * Returns the fields of a body that is already parsed.
 *
 * @throws BAD_USER_INPUT when it is not an object
 */
export function toFields(value: unknown): FormFields {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw badInput("body", `the body must be a JSON object: ${EXAMPLE}`);
  }
  return new Map(Object.entries(value));
}

function parseUrlencoded(body: Buffer, isKnown: (name: string) => boolean): FormFields {
  const text = toText(body);
  const fields = new FieldCollector(isKnown);
  for (const pair of text.split("&")) {
    if (pair === "") continue;
    const separator = pair.indexOf("=");
    const name = separator === -1 ? pair : pair.slice(0, separator);
    fields.add(decodeFormText(name), separator === -1 ? "" : decodeFormText(pair.slice(separator + 1)));
  }
  return fields.collected;
}

function decodeFormText(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll("+", " ").replaceAll(/%(?![0-9A-Fa-f]{2})/g, "%25"));
  } catch {
    throw notUtf8();
  }
}

async function parseMultipart(
  body: Buffer,
  contentType: string,
  isKnown: (name: string) => boolean,
): Promise<FormFields> {
  const fields = new FieldCollector(isKnown);
  const limits = { maxParts: MAX_FIELDS, maxTextBytes: body.length, maxBytes: body.length };
  await parseForm([body], contentType, limits, {
    kindOf(name, isFile) {
      if (isFile) throw badInput(name, `${name} was sent as a file; send it as a text field`);
      return "text";
    },
    takeText: (name, text) => fields.add(name, text),
    async takeFile() {},
  });
  if (fields.collected.size === 0) throw brokenForm();
  return fields.collected;
}

class FieldCollector {
  readonly collected = new Map<string, string>();
  readonly #isKnown: (name: string) => boolean;
  #count = 0;

  constructor(isKnown: (name: string) => boolean) {
    this.#isKnown = isKnown;
  }

  add(name: string, value: string): void {
    if (++this.#count > MAX_FIELDS) throw badInput("body", `send at most ${MAX_FIELDS} fields`);
    if (this.collected.has(name) && this.#isKnown(name)) throw badInput(name, `${name} was sent twice; send it once`);
    this.collected.set(name, value);
  }
}

function toText(body: Buffer): string {
  if (!isUtf8(body)) throw notUtf8();
  return body.toString("utf8").replace(/^\uFEFF/, "");
}

function notUtf8(): GatewayError {
  return badInput("body", "the body is not valid UTF-8");
}
