import { isUtf8 } from "node:buffer";
import { Busboy, type BusboyInstance } from "@fastify/busboy";
import { badInput, GatewayError } from "../../errors.ts";

/** The fields of a body, by name. Values are what was sent: text, or in JSON anything. */
export type FormFields = ReadonlyMap<string, unknown>;

const KINDS = ["multipart/form-data", "application/x-www-form-urlencoded", "application/json"] as const;
type Kind = (typeof KINDS)[number];

const MAX_FIELDS = 100;

/**
 * Reads a form as the clients of 2022 send it: multipart, urlencoded or JSON. A body without a `Content-Type` is
 * recognised by its content.
 *
 * @param contentType the header as it was received
 * @throws UNSUPPORTED_MEDIA_TYPE when it is none of these, BAD_USER_INPUT when it is broken, not UTF-8, carries a file
 *   or a field twice
 */
export async function parseFormBody(body: Buffer, contentType: string | undefined): Promise<FormFields> {
  const header = contentType?.trim() || guessContentType(body);
  const kind = kindOf(header);
  switch (kind) {
    case "multipart/form-data":
      return parseMultipart(body, header);
    case "application/x-www-form-urlencoded":
      return parseUrlencoded(body);
    case "application/json":
      return parseJson(body);
    default:
      return kind satisfies never;
  }
}

function kindOf(contentType: string): Kind {
  const [mediaType = "", ...parameters] = contentType.split(";");
  const kind = KINDS.find((candidate) => candidate === mediaType.trim().toLowerCase());
  if (!kind) throw new GatewayError("UNSUPPORTED_MEDIA_TYPE", `send the body as ${KINDS.join(", ")}`);
  for (const parameter of parameters) {
    const [, charset] = /^\s*charset\s*=\s*"?([^"\s]+)"?\s*$/i.exec(parameter) ?? [];
    if (charset && !/^(utf-?8|us-ascii)$/i.test(charset)) {
      throw new GatewayError("UNSUPPORTED_MEDIA_TYPE", "this charset is not supported; send UTF-8");
    }
  }
  return kind;
}

function guessContentType(body: Buffer): string {
  const [, boundary] = /^--([^\r\n]{1,70})\r\n/.exec(body.subarray(0, 80).toString("latin1")) ?? [];
  if (boundary) return `multipart/form-data; boundary="${boundary}"`;
  const firstCharacter = /\S/.exec(body.subarray(0, 1024).toString("latin1"))?.[0];
  const looksLikeForm = /^[^\s{["=&]+=/.test(body.subarray(0, 1024).toString("latin1").trimStart());
  return firstCharacter === undefined || looksLikeForm ? "application/x-www-form-urlencoded" : "application/json";
}

function parseJson(body: Buffer): FormFields {
  const text = toText(body);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw badInput("body", `the body is not valid JSON; send {"prompt": "…", "n": "2", "size": "1024x1024"}`);
  }
  return toFields(value);
}

/**
 * The fields of a body that was parsed already.
 *
 * @throws BAD_USER_INPUT when it is not an object
 */
export function toFields(value: unknown): FormFields {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw badInput("body", `the body must be a JSON object: {"prompt": "…", "n": "2", "size": "1024x1024"}`);
  }
  return new Map(Object.entries(value));
}

function parseUrlencoded(body: Buffer): FormFields {
  const text = toText(body);
  const fields = new FieldCollector();
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

function parseMultipart(body: Buffer, contentType: string): Promise<FormFields> {
  return new Promise((resolve, reject) => {
    const fields = new FieldCollector();
    const broken = () =>
      reject(badInput("body", "the multipart body is broken or cut short; send it as FormData does"));
    let parser: BusboyInstance;
    try {
      parser = new Busboy({
        headers: { "content-type": contentType },
        limits: { fields: MAX_FIELDS, fieldSize: body.length, parts: MAX_FIELDS },
      });
    } catch {
      reject(badInput("body", "the multipart body needs a boundary in its Content-Type; let FormData set the header"));
      return;
    }
    parser.on("field", (name, value) => {
      try {
        fields.add(name, value);
      } catch (error) {
        reject(error);
      }
    });
    parser.on("file", (name, stream) => {
      stream.resume();
      reject(badInput(name, `${name} was sent as a file; send it as a text field`));
    });
    parser.on("fieldsLimit", broken);
    parser.on("error", broken);
    parser.on("finish", () => {
      if (!isUtf8(body)) reject(notUtf8());
      else if (fields.collected.size === 0) broken();
      else resolve(fields.collected);
    });
    parser.end(body);
  });
}

class FieldCollector {
  readonly collected = new Map<string, string>();

  add(name: string, value: string): void {
    if (this.collected.has(name)) throw badInput(name, `${name} was sent twice; send it once`);
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
