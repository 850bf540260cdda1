import { isUtf8 } from "node:buffer";
import type { Readable } from "node:stream";
import { Busboy, type BusboyInstance } from "@fastify/busboy";
import { badInput, GatewayError } from "../../errors.ts";
import { ByteCollector } from "./body-bytes.ts";
import type { IncomingBody } from "./incoming-body.ts";
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
 * @param contentType the header, with the boundary
 * @param body whose room the text fields take
 * @throws BAD_USER_INPUT when the form is broken, PAYLOAD_TOO_LARGE when it passes a limit, OVERLOADED, and whatever
 *   `parts` throws
 */
export function readForm(
  source: Readable,
  contentType: string,
  limits: FormLimits,
  parts: FormParts,
  body?: IncomingBody,
): Promise<void> {
  return new ArrivingForm(source, createParser(contentType, limits), limits, parts, body).read();
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
  readonly #source: Readable;
  readonly #parser: BusboyInstance;
  readonly #limits: FormLimits;
  readonly #parts: FormParts;
  readonly #body: IncomingBody | undefined;
  readonly #done = Promise.withResolvers<void>();
  /** Settles when every part that has begun was read. */
  #lastPart: Promise<void> = Promise.resolve();
  #current: Readable | undefined;
  #isOver = false;
  #byteCount = 0;
  #textByteCount = 0;

  constructor(
    source: Readable,
    parser: BusboyInstance,
    limits: FormLimits,
    parts: FormParts,
    body: IncomingBody | undefined,
  ) {
    this.#source = source;
    this.#parser = parser;
    this.#limits = limits;
    this.#parts = parts;
    this.#body = body;
  }

  read(): Promise<void> {
    const { maxParts } = this.#limits;
    this.#parser.on("file", (name, bytes, fileName, _encoding, mediaType) => {
      // A part that breaks off is a form that breaks off, of which the parser tells.
      bytes.on("error", () => {});
      const isFile = fileName !== undefined || !TEXT_TYPE.test(mediaType);
      this.#lastPart = this.#lastPart.then(() => this.#readPart(name, isFile, mediaType, bytes));
    });
    this.#parser.on("partsLimit", () => this.#fail(badInput("body", `send at most ${maxParts} parts in one form`)));
    this.#parser.on("error", (error: unknown) => this.#fail(brokenForm(error)));
    this.#parser.on("finish", () => this.#finish());
    this.#body?.onRefused((error) => this.#fail(error));
    this.#source.on("data", this.#count).on("error", this.#breakOff).on("close", this.#breakOff).pipe(this.#parser);
    return this.#done.promise;
  }

  readonly #count = (chunk: Buffer) => {
    this.#byteCount += chunk.length;
    const { maxBytes } = this.#limits;
    if (this.#byteCount > maxBytes) this.#fail(formTooLarge("body", maxBytes));
  };

  readonly #breakOff = () => {
    if (!this.#source.readableEnded) this.#fail(brokenForm());
  };

  async #readPart(name: string | undefined, isFile: boolean, mediaType: string, bytes: Readable): Promise<void> {
    if (this.#isOver) return;
    this.#current = bytes;
    try {
      if (name === undefined) throw brokenForm();
      if (name.length > MAX_NAME_LENGTH) throw badInput("body", "the form has a field with a name that is too long");
      if (this.#parts.kindOf(name, isFile) === "text") this.#parts.takeText(name, await this.#readText(name, bytes));
      else await this.#parts.takeFile(name, fileTypeOf(mediaType), bytes);
    } catch (error) {
      this.#fail(error);
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

  async #finish(): Promise<void> {
    await this.#lastPart;
    if (this.#isOver) return;
    this.#end();
    this.#body?.arrived();
    this.#done.resolve();
  }

  #fail(error: unknown): void {
    if (this.#isOver) return;
    this.#end();
    this.#source.unpipe(this.#parser);
    this.#source.resume();
    this.#current?.destroy(error as Error);
    // Nothing of it is read any more when its files are removed.
    void this.#lastPart.then(() => this.#done.reject(error));
  }

  #end(): void {
    this.#isOver = true;
    this.#source.off("data", this.#count).off("error", this.#breakOff).off("close", this.#breakOff);
  }
}
