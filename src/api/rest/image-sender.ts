import type { Response } from "express";
import { GatewayError } from "../../errors.ts";
import type { ByteRange, OpenObject } from "../../ports/object-store.ts";
import { SCRATCH_BYTES, Scratches } from "./scratches.ts";

export interface ImageSenderOptions {
  /** A viewer that reads nothing for this long is disconnected, in milliseconds. @defaultValue 30 s */
  readonly stallMs?: number;
  /** The most memory of all answers together, in bytes. @defaultValue 64 MiB */
  readonly maxBytesInFlight?: number;
}

const STALL_MS = 30_000;
/** Enough for about five hundred viewers that do not read. */
const MAX_BYTES_IN_FLIGHT = 64 * 1024 * 1024;
const RETRY_AFTER_SECONDS = 5;

/** Sends images from the store to viewers. It holds little of them in memory, however slowly the viewers read. */
export class ImageSender {
  readonly #stallMs: number;
  readonly #maxBytesInFlight: number;
  readonly #scratches = new Scratches();
  #bytesInFlight = 0;

  constructor({ stallMs = STALL_MS, maxBytesInFlight = MAX_BYTES_IN_FLIGHT }: ImageSenderOptions) {
    this.#stallMs = stallMs;
    this.#maxBytesInFlight = maxBytesInFlight;
  }

  /**
   * Sends an image or a range of it as the body of an answer whose headers are set. If the viewer disconnects, reading
   * stops at once and nothing is thrown.
   *
   * @param byteSize the number of bytes to send, more than 0
   * @throws OVERLOADED when too many answers are in memory; nothing has been sent then
   */
  async send(response: Response, object: OpenObject, byteSize: number, range?: ByteRange): Promise<void> {
    this.#hold(response, Math.min(byteSize, SCRATCH_BYTES));
    response.setTimeout(this.#stallMs, () => response.destroy());
    await sendBytes(response, object.read(range, this.#scratchFor(response, byteSize)), byteSize);
  }

  #hold(response: Response, heldBytes: number): void {
    if (this.#bytesInFlight + heldBytes > this.#maxBytesInFlight) throw overloaded();
    this.#bytesInFlight += heldBytes;
    response.once("close", () => {
      this.#bytesInFlight -= heldBytes;
    });
  }

  /**
   * Returns memory for the chunks of one answer. It is reused when the operating system has taken all of the answer.
   */
  #scratchFor(response: Response, byteSize: number): Buffer | undefined {
    // With a larger buffer, the connection might still be sending one chunk when the next one overwrites it.
    if (byteSize > SCRATCH_BYTES && response.writableHighWaterMark > SCRATCH_BYTES) return undefined;
    return this.#scratches.take(response);
  }
}

async function sendBytes(response: Response, bytes: AsyncIterable<Uint8Array>, byteSize: number): Promise<void> {
  const chunks = bytes[Symbol.asyncIterator]();
  const leave = () => void chunks.return?.().catch(() => undefined);
  response.once("close", leave);
  try {
    for (let left = byteSize; left > 0 && !response.destroyed; ) {
      const { value, done } = await chunks.next();
      if (done || value.byteLength > left) throw new Error("an object does not have the size that its store reported");
      left -= value.byteLength;
      if (left === 0) response.end(value);
      else if (!response.write(value)) await untilWritable(response);
    }
  } catch (error) {
    if (!response.destroyed) throw error;
  }
}

function untilWritable(response: Response): Promise<void> {
  return new Promise((resolve) => {
    const proceed = () => {
      response.off("drain", proceed).off("close", proceed);
      resolve();
    };
    response.once("drain", proceed).once("close", proceed);
  });
}

function overloaded(): GatewayError {
  const message = "too many images are being sent; load this one again later";
  return new GatewayError("OVERLOADED", message, { retryAfterSeconds: RETRY_AFTER_SECONDS });
}
