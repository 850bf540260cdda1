import type { Response } from "express";
import { GatewayError } from "../../../errors.ts";
import type { OpenObject } from "../../../ports/object-store.ts";
import { Scratches } from "../scratches.ts";
import { base64Length, MIN_TEXT_BYTES, toBase64 } from "./base64-text.ts";

/** A part of an answer: text, or an object that is sent as base64. */
export type Part = string | OpenObject;

/** The memory of one answer, in bytes. A store reads into its last three quarters, whose base64 text fills it. */
const MEMORY_BYTES = 256 * 1024;

export interface Base64SenderOptions {
  /** A client that reads nothing for this long is disconnected, in milliseconds. @defaultValue 30 s */
  readonly stallMs?: number;
  /** The most answers that are sent at once; each has 256 KiB of memory. @defaultValue 500 */
  readonly maxAnswers?: number;
}

const STALL_MS = 30_000;
/** 125 MiB of memory. */
const MAX_ANSWERS = 500;
const RETRY_AFTER_SECONDS = 5;

/** Sends stored images as base64 within other text. It holds only a small part of one image in memory. */
export class Base64Sender {
  readonly #stallMs: number;
  readonly #maxAnswers: number;
  readonly #scratches = new Scratches(MEMORY_BYTES);
  #answerCount = 0;

  constructor({ stallMs = STALL_MS, maxAnswers = MAX_ANSWERS }: Base64SenderOptions = {}) {
    this.#stallMs = stallMs;
    this.#maxAnswers = maxAnswers;
  }

  /**
   * Sends the body of an answer whose headers are set. If the client disconnects, reading stops at once and nothing is
   * thrown.
   *
   * @throws OVERLOADED when too many answers are being sent; nothing has been sent then
   */
  async send(response: Response, parts: readonly Part[]): Promise<void> {
    if (this.#answerCount >= this.#maxAnswers) throw overloaded();
    this.#answerCount++;
    try {
      await this.#sendParts(response, parts);
    } finally {
      this.#answerCount--;
    }
  }

  async #sendParts(response: Response, parts: readonly Part[]): Promise<void> {
    const memory = this.#scratches.take(response);
    const writer = new PieceWriter(response, this.#stallMs);
    for (const part of parts) {
      if (typeof part === "string") response.write(part);
      else await sendObject(response, part, memory, writer);
      if (response.destroyed) return;
    }
    response.setTimeout(this.#stallMs);
    response.end();
    // The answer counts until its memory may be used again.
    await writer.untilTaken();
  }
}

/** Does not wait for the last piece, so that the text after it is sent together with it. */
async function sendObject(response: Response, object: OpenObject, memory: Buffer, writer: PieceWriter): Promise<void> {
  // The memory holds the last piece of the object before.
  await writer.untilTaken();
  const chunks = object.read(undefined, memory.subarray(MEMORY_BYTES / 4))[Symbol.asyncIterator]();
  const leave = () => void chunks.return?.().catch(() => undefined);
  response.once("close", leave);
  try {
    let left = base64Length(object.byteSize);
    for await (const piece of toBase64(object.byteSize, { [Symbol.asyncIterator]: () => chunks }, memory)) {
      left -= piece.length;
      writer.write(piece);
      if (left > 0) await writer.untilTaken();
      if (response.destroyed) return;
    }
  } catch (error) {
    if (!response.destroyed) throw error;
  } finally {
    response.off("close", leave);
  }
}

/** Writes the pieces of one answer, which lie in the same memory one after the other. */
class PieceWriter {
  readonly #response: Response;
  readonly #stallMs: number;
  #isTaken: Promise<void> | undefined;
  #resolve = () => {};

  constructor(response: Response, stallMs: number) {
    this.#response = response;
    this.#stallMs = stallMs;
    response.on("timeout", () => response.destroy());
    response.once("close", () => this.#resolve());
  }

  /** Only the client's silence counts as a stall, and not that of the store from which the next piece is read. */
  write(piece: Buffer): void {
    const response = this.#response;
    response.setTimeout(this.#stallMs);
    this.#isTaken = new Promise((resolve) => {
      this.#resolve = resolve;
      response.write(piece, () => {
        if (!response.writableEnded) response.setTimeout(0);
        resolve();
      });
    });
  }

  /** Resolves when the memory of the last piece may be used again, or the connection is closed. */
  async untilTaken(): Promise<void> {
    await this.#isTaken;
  }
}

function overloaded(): GatewayError {
  const message = "too many images are being sent; repeat the request, with the same Idempotency-Key if it has one";
  return new GatewayError("OVERLOADED", message, { retryAfterSeconds: RETRY_AFTER_SECONDS });
}

/** The length of these parts together, in bytes of UTF-8. */
export function lengthOf(parts: readonly Part[]): number {
  const lengths = parts.map((part) =>
    typeof part === "string" ? Buffer.byteLength(part) : base64Length(part.byteSize),
  );
  return lengths.reduce((sum, length) => sum + length, 0);
}

/** Yields the parts as pieces of text, for callers that send them piece by piece. */
export async function* textOf(parts: readonly Part[]): AsyncGenerator<string> {
  for (const part of parts) {
    if (typeof part === "string") yield part;
    else
      for await (const piece of toBase64(part.byteSize, part.read(), Buffer.allocUnsafeSlow(MIN_TEXT_BYTES)))
        yield `${piece}`;
  }
}
