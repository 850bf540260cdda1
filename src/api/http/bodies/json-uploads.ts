import type { Request } from "express";
import { badInput, GatewayError } from "../../../errors.ts";
import { Base64Decoder, DECODER_BYTES } from "../../../streamed-json/base64-decoder.ts";
import { recogniseDataUri } from "../../../streamed-json/data-uri.ts";
import { type JsonPath, JsonStrings, type StringToken } from "../../../streamed-json/json-strings.ts";
import { UnreadableJson } from "../../../streamed-json/unreadable-json.ts";
import { arrivingBytes, isReadable, readBytes } from "./body-bytes.ts";
import { incomingBodyOf } from "./incoming-body.ts";
import { parseJson } from "./json-body.ts";
import { fileTypeOf } from "./media-type.ts";
import { KeptUpload, type UploadedFile, type UploadLimits } from "./uploaded-files.ts";

/** A JSON body that contained files as `data:` URIs. */
export interface JsonWithUploads {
  /** The body, with `""` in place of each file. */
  readonly value: unknown;
  /** The files by their place in the body, such as `images[0].image_url`, which is also their name. */
  readonly files: ReadonlyMap<string, UploadedFile>;
}

/** The error of a text that is not a `data:` URI, or whose content is not base64. */
export class BadDataUri extends GatewayError {
  constructor(place: string) {
    super("BAD_USER_INPUT", `${place} must be a data: URI with base64`, { field: place });
  }
}

/** The error of a body that is not JSON or not UTF-8. */
export class NotJson extends GatewayError {
  constructor() {
    super("BAD_USER_INPUT", "the body is not valid JSON in UTF-8", { field: "body" });
  }
}

/** How much longer base64 may be than the bytes that it encodes: a third, plus line breaks. */
const TEXT_FACTOR = 1.5;

/**
 * Receives a JSON body and passes it to `use`. The files in it go to disk as they arrive and are never held in memory.
 * They are removed when `use` has settled. A body that the host's app has already read is in memory as a whole.
 *
 * @param paths the places where files may be
 * @throws BadDataUri, NotJson, BAD_USER_INPUT when there are too many files or the body is cut short or too slow,
 *   PAYLOAD_TOO_LARGE when it exceeds a limit, OVERLOADED when there is no room for it
 */
export async function withJsonUploads<Result>(
  request: Request,
  paths: readonly JsonPath[],
  limits: UploadLimits,
  use: (body: JsonWithUploads) => Promise<Result>,
): Promise<Result> {
  const reader = new JsonUploads(request, paths, limits);
  try {
    return await use(await reader.read());
  } finally {
    await reader.close();
  }
}

class JsonUploads {
  readonly #request: Request;
  readonly #limits: UploadLimits;
  readonly #decoder = new Base64Decoder();
  readonly #json: JsonStrings;
  readonly #files = new Map<string, UploadedFile>();
  readonly #kept: KeptUpload[] = [];
  #heldBytes = 0;

  constructor(request: Request, paths: readonly JsonPath[], limits: UploadLimits) {
    this.#request = request;
    this.#limits = limits;
    const recognise = (_field: string, text: string, isWhole: boolean) => recogniseDataUri(text, isWhole);
    const maxOtherBytes = limits.maxTextBytes;
    this.#json = new JsonStrings({ paths, recognise, decoder: this.#decoder, maxOtherBytes });
  }

  async read(): Promise<JsonWithUploads> {
    try {
      const tokens = this.#tokens();
      for await (const token of tokens) {
        if (token.type === "start") await this.#keep(this.#json.place, token.prefix, tokens);
      }
    } catch (error) {
      throw this.#toCallerError(error);
    }
    return { value: this.#parse(), files: this.#files };
  }

  #parse(): unknown {
    try {
      return parseJson(this.#json.collected, this.#request);
    } catch (error) {
      throw error instanceof GatewayError && error.code === "BAD_USER_INPUT" ? new NotJson() : error;
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.#kept.map((file) => file.close()));
    this.#decoder.release();
  }

  async *#tokens(): AsyncGenerator<StringToken> {
    for await (const chunk of this.#chunks()) {
      yield* this.#json.write(chunk);
      this.#hold(this.#json.heldBytes + DECODER_BYTES);
    }
  }

  async *#chunks(): AsyncIterable<Buffer> {
    const { maxFiles, maxFileBytes, maxTextBytes } = this.#limits;
    const { body } = this.#request as { body?: unknown };
    if (!isReadable(this.#request)) {
      yield Buffer.isBuffer(body) || typeof body === "string"
        ? Buffer.from(body)
        : Buffer.from(JSON.stringify(body ?? ""));
    } else if (this.#request.get("Content-Encoding") === undefined) {
      yield* arrivingBytes(this.#request, maxFiles * maxFileBytes * TEXT_FACTOR + maxTextBytes);
    } else {
      // A streaming decompressor would hold more memory than the whole decompressed body.
      yield await readBytes(this.#request, maxTextBytes);
    }
  }

  #hold(bytes: number): void {
    if (bytes <= this.#heldBytes) return;
    incomingBodyOf(this.#request)?.hold("memory", bytes - this.#heldBytes);
    this.#heldBytes = bytes;
  }

  async #keep(place: string, prefix: string, tokens: AsyncGenerator<StringToken>): Promise<void> {
    const { maxFiles, maxFileBytes } = this.#limits;
    if (this.#kept.length === maxFiles) throw badInput(place, `send at most ${maxFiles} files`);
    const upload = new KeptUpload({ maxBytes: maxFileBytes, body: incomingBodyOf(this.#request), field: place });
    this.#kept.push(upload);
    this.#files.set(place, { name: place, mediaType: typeIn(prefix), bytes: upload.read() });
    await upload.save(untilEnd(tokens));
  }

  #toCallerError(error: unknown): unknown {
    if (!(error instanceof UnreadableJson)) return error;
    switch (error.reason) {
      case "not base64":
      case "too large":
        return new BadDataUri(this.#json.place);
      case "too much": {
        const { maxTextBytes } = this.#limits;
        const message = `the body is too large apart from its files; send at most ${maxTextBytes} bytes of text`;
        return new GatewayError("PAYLOAD_TOO_LARGE", message);
      }
      case "not JSON":
      case "nested":
        return new NotJson();
      default:
        return error.reason satisfies never;
    }
  }
}

/** Returns the media type at the beginning of a `data:` URI; `undefined` when it has none that helps. */
function typeIn(prefix: string): string | undefined {
  const [, type] = /^\s*data:([^;,]*)/i.exec(prefix) ?? [];
  return fileTypeOf(type);
}

/** Yields the bytes of the current file and stops at its end. */
async function* untilEnd(tokens: AsyncGenerator<StringToken>): AsyncGenerator<Uint8Array> {
  for (;;) {
    const { value, done } = await tokens.next();
    // When the body is cut short, the parser reports it at the end.
    if (done || value.type === "end") return;
    if (value.type === "bytes") yield value.bytes;
  }
}
