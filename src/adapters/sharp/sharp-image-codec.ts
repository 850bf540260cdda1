import type { EncodedImage, ImageCodec, InspectedImage, PixelBox, Pixels, Rendition } from "../../ports/image-codec.ts";
import { type DecoderLimits, DecoderProcess } from "./decoder-process.ts";
import type { Operation, OperationResult } from "./operations.ts";

export interface SharpImageCodecOptions extends DecoderLimits {
  /** How long a process waits for another image before it ends, in milliseconds. */
  readonly idleMs: number;
}

/**
 * Measured with sharp 0.35: the largest images that go in take 470 MB (50 million pixels of 16 bits, interlaced) and
 * those that come out 430 MB (AVIF of 3840x3840).
 */
const DEFAULTS: SharpImageCodecOptions = { maxBytes: 640_000_000, deadlineMs: 60_000, idleMs: 30_000 };

/**
 * Decodes and encodes with sharp, in separate processes with limits of memory and time. A call that finds no idle
 * process starts a new one, so there are as many processes as concurrent calls.
 */
export class SharpImageCodec implements ImageCodec {
  readonly #options: SharpImageCodecOptions;
  readonly #processes = new Set<DecoderProcess>();
  /** The idle processes, the most recently used last, each with the timer that ends it. */
  readonly #idle = new Map<DecoderProcess, NodeJS.Timeout>();
  #isClosed = false;

  constructor(options: Partial<SharpImageCodecOptions> = {}) {
    this.#options = { ...DEFAULTS, ...options };
  }

  async inspect(image: EncodedImage, maxPixels: number): Promise<InspectedImage> {
    const { facts } = await this.#whole({ name: "inspect", maxPixels }, image);
    return facts as InspectedImage;
  }

  async *render(image: EncodedImage, rendition: Rendition, maxPixels: number): AsyncIterable<Uint8Array> {
    yield* this.#run({ name: "render", rendition, maxPixels }, image);
  }

  async decode(image: EncodedImage, box: PixelBox, maxPixels: number): Promise<Pixels> {
    const { facts, bytes } = await this.#whole({ name: "decode", box, maxPixels }, image);
    return { ...(facts as Omit<Pixels, "data">), data: bytes };
  }

  prepare(): void {
    if (this.#idle.size === 0 && !this.#isClosed) this.#putBack(this.#startProcess());
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const process of this.#processes) process.end();
    await Promise.all([...this.#processes].map((process) => process.ended));
  }

  async #whole(operation: Operation, image: EncodedImage): Promise<Required<OperationResult>> {
    const run = this.#run(operation, image);
    const pieces: Uint8Array[] = [];
    for (;;) {
      const { value, done } = await run.next();
      if (done) return { facts: value, bytes: Buffer.concat(pieces) };
      pieces.push(value);
    }
  }

  async *#run(operation: Operation, image: EncodedImage): AsyncGenerator<Uint8Array, OperationResult["facts"]> {
    const process = this.#takeProcess();
    try {
      return yield* process.run(operation, image);
    } finally {
      if (process.isReusable) this.#putBack(process);
    }
  }

  #takeProcess(): DecoderProcess {
    if (this.#isClosed) throw new Error("the image codec is closed");
    const [process, timer] = [...this.#idle].at(-1) ?? [];
    if (process) {
      clearTimeout(timer);
      this.#idle.delete(process);
      return process;
    }
    return this.#startProcess();
  }

  #startProcess(): DecoderProcess {
    const started = new DecoderProcess(this.#options);
    this.#processes.add(started);
    void started.ended.then(() => {
      this.#processes.delete(started);
      clearTimeout(this.#idle.get(started));
      this.#idle.delete(started);
    });
    return started;
  }

  #putBack(process: DecoderProcess): void {
    this.#idle.set(process, setTimeout(() => process.end(), this.#options.idleMs).unref());
  }
}
