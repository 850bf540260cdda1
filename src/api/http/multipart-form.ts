import { isUtf8 } from "node:buffer";
import type { Readable } from "node:stream";
import { Busboy, type BusboyInstance } from "@fastify/busboy";
import type { Request } from "express";
import { badInput, GatewayError } from "../../errors.ts";
import { ByteCollector } from "./body-bytes.ts";
import { BodyReader } from "./body-reader.ts";
import { type IncomingBody, incomingBodyOf } from "./incoming-body.ts";
import { fileTypeOf } from "./media-type.ts";

export interface FormLimits {
  /** Parts of the form, files and text fields together. */
  readonly maxParts: number;
  /** Of all text fields together. */
  readonly maxTextBytes: number;
  /** Of the whole form. */
  readonly maxBytes: number;
}

/** What is done with the parts of a form, one after the other, in the order they come. */
export interface FormParts {
  /**
   * Decides how a part is read, before its content is.
   *
   * @param isFile whether it looks like a file: it has a file name, or a type that is not text
   * @throws to refuse the form
   */
  kindOf(name: string, isFile: boolean): "text" | "file";
  /** @throws to refuse the form */
  takeText(name: string, text: string): void;
  /**
   * Reads a file to its end. The next part comes when this has resolved.
   *
   * @param mediaType what the sender says it is; `undefined` when it said nothing, or only that it is bytes
   * @throws to refuse the form
   */
  takeFile(name: string, mediaType: string | undefined, bytes: AsyncIterable<Uint8Array>): Promise<void>;
}

/** Lines and bytes of one part's header. Clients send three lines, and a file name has at most 255 bytes. */
const MAX_HEADER_LINES = 20;
const MAX_HEADER_BYTES = 8 * 1024;
/** The longest name of a part, in characters. */
const MAX_NAME_LENGTH = 256;
/** Types of text fields that have no file name. */
const TEXT_TYPE = /^(text\/|application\/(json|graphql)$)/;

/**
 * Reads a multipart form as it arrives. When it is refused, what still comes of it is dropped.
 *
 * @throws BAD_USER_INPUT when the form is broken, PAYLOAD_TOO_LARGE when it passes a limit, OVERLOADED, and whatever
 *   `parts` throws
 */
export async function readForm(request: Request, limits: FormLimits, parts: FormParts): Promise<void> {
  const form = new ArrivingForm(request.get("Content-Type") ?? "", limits, parts, incomingBodyOf(request));
  const reader = new BodyReader(request, (piece) => form.write(piece));
  form.onFailed((error) => reader.fail(error));
  try {
    await reader.done;
  } catch (error) {
    form.fail(error);
  }
  await form.end();
}

/**
 * Reads a multipart form that has arrived.
 *
 * @param contentType the header, with the boundary
 * @throws what {@link readForm} throws
 */
export async function parseForm(
  pieces: Iterable<Buffer>,
  contentType: string,
  limits: FormLimits,
  parts: FormParts,
): Promise<void> {
  const form = new ArrivingForm(contentType, limits, parts);
  try {
    for (const piece of pieces) await form.write(piece);
  } catch (error) {
    form.fail(error);
  }
  await form.end();
}

/** The error of a form that no parser can read. */
export function brokenForm(cause?: unknown): GatewayError {
  const message = "the multipart body is broken or cut short; send it as FormData does";
  return new GatewayError("BAD_USER_INPUT", message, { field: "body", cause });
}

/**
 * The error of a form that is too large, or of a part of one.
 *
 * @param field `undefined` where the form's fields have no names that mean anything to its sender
 */
export function formTooLarge(field: string | undefined, maxBytes: number): GatewayError {
  const message = `${field ?? "the file"} is too large; send at most ${maxBytes} bytes`;
  return new GatewayError("PAYLOAD_TOO_LARGE", message, field === undefined ? {} : { field });
}

function createParser(contentType: string, { maxParts }: FormLimits): BusboyInstance {
  try {
    return new Busboy({
      headers: { "content-type": contentType },
      limits: { parts: maxParts, headerPairs: MAX_HEADER_LINES, headerSize: MAX_HEADER_BYTES },
      // Each part comes as bytes then: of text, the parser would replace what is not UTF-8.
      isPartAFile: () => true,
    });
  } catch {
    throw badInput("body", "the multipart body needs a boundary in its Content-Type; let FormData set the header");
  }
}

class ArrivingForm {
  readonly #parser: BusboyInstance;
  readonly #limits: FormLimits;
  readonly #parts: FormParts;
  readonly #body: IncomingBody | undefined;
  /** Settles when the parser has no more to do: the form has ended, or is refused. */
  readonly #parsed = Promise.withResolvers<void>();
  #listener: ((error: unknown) => void) | undefined;
  /** Set once the form is refused. */
  #failure: { readonly error: unknown } | undefined;
  /** Settles when every part that has begun was read. */
  #lastPart: Promise<void> = Promise.resolve();
  #current: Readable | undefined;
  #byteCount = 0;
  #textByteCount = 0;

  /** @param body whose room the text fields take */
  constructor(contentType: string, limits: FormLimits, parts: FormParts, body?: IncomingBody) {
    this.#limits = limits;
    this.#parts = parts;
    this.#body = body;
    this.#parser = createParser(contentType, limits);
    this.#parser.on("file", (name, bytes, fileName, _encoding, mediaType) => {
      // A part that breaks off is a form that breaks off, of which the parser tells.
      bytes.on("error", () => {});
      const isFile = fileName !== undefined || !TEXT_TYPE.test(mediaType);
      this.#lastPart = this.#lastPart.then(() => this.#readPart(name, isFile, mediaType, bytes));
    });
    this.#parser.on("partsLimit", () => {
      this.fail(badInput("body", `send at most ${limits.maxParts} parts in one form`));
    });
    this.#parser.on("error", (error: unknown) => this.fail(brokenForm(error)));
    this.#parser.on("finish", this.#parsed.resolve);
  }

  /** Calls `listener` when the form is refused. */
  onFailed(listener: (error: unknown) => void): void {
    this.#listener = listener;
  }

  /** Answers with a promise when the next piece has to wait. */
  write(piece: Buffer): Promise<void> | undefined {
    this.#byteCount += piece.length;
    const { maxBytes } = this.#limits;
    if (this.#byteCount > maxBytes) throw formTooLarge("body", maxBytes);
    if (this.#failure || this.#parser.write(piece)) return undefined;
    const drained = new Promise<void>((resolve) => this.#parser.once("drain", resolve));
    return Promise.race([drained, this.#parsed.promise]);
  }

  /**
   * Settles when nothing of the form is read any more.
   *
   * @throws why it was refused
   */
  async end(): Promise<void> {
    if (!this.#failure) this.#parser.end();
    await this.#parsed.promise;
    await this.#lastPart;
    if (this.#failure) throw this.#failure.error;
  }

  fail(error: unknown): void {
    if (this.#failure) return;
    this.#failure = { error };
    this.#current?.destroy(error as Error);
    this.#parsed.resolve();
    this.#listener?.(error);
  }

  async #readPart(name: string | undefined, isFile: boolean, mediaType: string, bytes: Readable): Promise<void> {
    if (this.#failure) return;
    this.#current = bytes;
    try {
      if (name === undefined) throw brokenForm();
      if (name.length > MAX_NAME_LENGTH) throw badInput("body", "the form has a field with a name that is too long");
      if (this.#parts.kindOf(name, isFile) === "text") this.#parts.takeText(name, await this.#readText(name, bytes));
      else await this.#parts.takeFile(name, fileTypeOf(mediaType), bytes);
    } catch (error) {
      this.fail(error);
    }
  }

  async #readText(name: string, bytes: Readable): Promise<string> {
    const { maxTextBytes } = this.#limits;
    const collector = new ByteCollector();
    for await (const chunk of bytes) {
      this.#textByteCount += chunk.length;
      if (this.#textByteCount > maxTextBytes) throw formTooLarge(name, maxTextBytes);
      const heldBytes = collector.append(chunk);
      this.#body?.hold("memory", heldBytes);
    }
    if (!isUtf8(collector.bytes)) throw badInput("body", "the body is not valid UTF-8");
    return collector.bytes.toString("utf8");
  }
}
