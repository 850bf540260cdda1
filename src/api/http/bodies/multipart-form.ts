import { isUtf8 } from "node:buffer";
import type { Readable } from "node:stream";
import { Busboy, type BusboyInstance } from "@fastify/busboy";
import type { Request } from "express";
import { badInput, GatewayError } from "../../../errors.ts";
import { BoundedBytes } from "../../../streamed-json/bounded-bytes.ts";
import { BodyReader } from "./body-reader.ts";
import { type IncomingBody, incomingBodyOf } from "./incoming-body.ts";
import { fileTypeOf } from "./media-type.ts";

export interface FormLimits {
  /** The most parts of the form, files and text fields together. */
  readonly maxParts: number;
  /** The most bytes of all text fields together. */
  readonly maxTextBytes: number;
  /** The most bytes of the whole form. */
  readonly maxBytes: number;
}

/** Handles the parts of a form, one after another, in the order in which they arrive. */
export interface FormParts {
  /**
   * Decides how to read a part, before its content is read.
   *
   * @param isFile whether the part looks like a file: it has a file name or a type that is not text
   * @throws to refuse the form
   */
  kindOf(name: string, isFile: boolean): "text" | "file";
  /** @throws to refuse the form */
  takeText(name: string, text: string): void;
  /**
   * Reads a file to its end. The next part is read after this has resolved.
   *
   * @param mediaType as the sender declared it; `undefined` when it declared none, or a generic one
   * @throws to refuse the form
   */
  takeFile(name: string, mediaType: string | undefined, bytes: AsyncIterable<Uint8Array>): Promise<void>;
}

/** The most lines and bytes of one part's header. Clients send three lines, and a file name has at most 255 bytes. */
const MAX_HEADER_LINES = 20;
const MAX_HEADER_BYTES = 8 * 1024;
/** The longest name of a part, in characters. */
const MAX_NAME_LENGTH = 256;
/** The types that mark a part without a file name as a text field. */
const TEXT_TYPE = /^(text\/|application\/(json|graphql)$)/;

/**
 * Reads a multipart form as it arrives. When the form is refused, the rest of it is dropped.
 *
 * @throws BAD_USER_INPUT when the form is broken, PAYLOAD_TOO_LARGE when it exceeds a limit, OVERLOADED when there is
 *   no room for it, and every error that `parts` throws
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

/** Creates the error of a form that cannot be parsed. */
export function brokenForm(cause?: unknown): GatewayError {
  const message = "the multipart body is broken or cut short; send it as FormData does";
  return new GatewayError("BAD_USER_INPUT", message, { field: "body", cause });
}

/**
 * Creates the error of a form, or of a part of it, that is too large.
 *
 * @param field names the part; `undefined` when the name would mean nothing to the sender
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
      // Delivers each part as bytes. In text, the parser would replace bytes that are not UTF-8.
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
  /** Resolves when the parser is done: the form has ended or is refused. */
  readonly #parsed = Promise.withResolvers<void>();
  #listener: ((error: unknown) => void) | undefined;
  /** Set once the form is refused. */
  #failure: { readonly error: unknown } | undefined;
  /** Resolves when every part that has begun is read. */
  #lastPart: Promise<void> = Promise.resolve();
  #current: Readable | undefined;
  #byteCount = 0;
  #textByteCount = 0;

  /** @param body counts the memory of the text fields; `undefined` counts none */
  constructor(contentType: string, limits: FormLimits, parts: FormParts, body?: IncomingBody) {
    this.#limits = limits;
    this.#parts = parts;
    this.#body = body;
    this.#parser = createParser(contentType, limits);
    this.#parser.on("file", (name, bytes, fileName, _encoding, mediaType) => {
      // When a part is cut short, the parser itself reports an error too.
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

  /** Sets the function to call when the form is refused. */
  onFailed(listener: (error: unknown) => void): void {
    this.#listener = listener;
  }

  /** Parses a piece. @returns a promise to await before the next piece; `undefined` when there is no need to wait */
  write(piece: Buffer): Promise<void> | undefined {
    this.#byteCount += piece.length;
    const { maxBytes } = this.#limits;
    if (this.#byteCount > maxBytes) throw formTooLarge("body", maxBytes);
    if (this.#failure || this.#parser.write(piece)) return undefined;
    const drained = new Promise<void>((resolve) => this.#parser.once("drain", resolve));
    return Promise.race([drained, this.#parsed.promise]);
  }

  /**
   * Ends the form and waits until reading has stopped.
   *
   * @throws the error that the form was refused with
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
      if (name.length > MAX_NAME_LENGTH)
        throw badInput("body", `send field names of at most ${MAX_NAME_LENGTH} characters`);
      if (this.#parts.kindOf(name, isFile) === "text") this.#parts.takeText(name, await this.#readText(name, bytes));
      else await this.#parts.takeFile(name, fileTypeOf(mediaType), bytes);
    } catch (error) {
      this.fail(error);
    }
  }

  async #readText(name: string, bytes: Readable): Promise<string> {
    const { maxTextBytes } = this.#limits;
    const maxBytes = maxTextBytes - this.#textByteCount;
    const collected = new BoundedBytes(maxBytes, () => formTooLarge(name, maxTextBytes));
    for await (const chunk of bytes) {
      const { heldBytes } = collected;
      collected.append(chunk);
      this.#body?.hold("memory", collected.heldBytes - heldBytes);
    }
    this.#textByteCount += collected.length;
    if (!isUtf8(collected.bytes)) throw badInput("body", "the body is not valid UTF-8");
    return collected.text(0);
  }
}
