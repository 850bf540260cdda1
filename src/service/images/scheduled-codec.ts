import { setTimeout as delay } from "node:timers/promises";
import {
  type EncodedImage,
  type ImageCodec,
  type InspectedImage,
  type PixelBox,
  type Pixels,
  type Rendition,
  UndecodableImageError,
} from "../../ports/image-codec.ts";
import type { ImageFormat, PixelSize } from "../../ports/image-provider.ts";
import { DecodeQueue, type Turn } from "./decode-queue.ts";
import { sizeOfRendition } from "./pixels.ts";
import { MAX_SIDE } from "./sizes.ts";
import { MAX_SOURCE_PIXELS } from "./source-check.ts";

/** The facts about an image that are known before it is decoded. */
export interface ImageFacts extends PixelSize {
  readonly format: ImageFormat;
  /** Whether the file stores the picture in several passes, as interlaced PNGs and progressive JPEGs do. */
  readonly isInterlaced?: boolean | undefined;
}

/** The most pixels of a generated image; larger images cannot be requested. */
export const MAX_PIXELS = MAX_SIDE * MAX_SIDE;

/** Milliseconds of one processor for a million pixels of a busy picture, measured with sharp 0.35. */
const DECODE_MS = { PNG: 12, JPEG: 6, WEBP: 25, AVIF: 110 } as const;
const ENCODE_MS = { PNG: 65, JPEG: 35, WEBP: 195, AVIF: 130 } as const;
/** An interlaced image takes this many times as long to decode. */
const INTERLACED_FACTOR = 5;
/** Small AVIFs are encoded with more effort. */
const SMALL_AVIF = { maxPixels: 500_000, encodeMs: 430 } as const;
/** The fixed cost of every image: starting, and copying its bytes. */
const BASE_MS = 2;

/**
 * How often an image is tried. Images of a generation are paid for and are tried again: their decoder may have been
 * killed, or could not start, because other images used up the memory.
 */
const ATTEMPTS: Readonly<Record<Turn["kind"], number>> = { edit: 1, generation: 3, view: 1 };
const PAUSE_MS = 500;
/** The most bytes of a rendition that are kept in memory, so that its decoder need not wait for the store. */
const MAX_HELD_BYTES = 1024 * 1024;

/** A codec whose every call waits for its turn in the gateway's one decode queue. */
export class ScheduledCodec {
  readonly #codec: ImageCodec;
  readonly #queue = new DecodeQueue();

  constructor(codec: ImageCodec) {
    this.#codec = codec;
  }

  /** The images that wait for a decoder. */
  get waiting(): number {
    return this.#queue.waiting;
  }

  /** @throws OVERLOADED, and what {@link ImageCodec.inspect} throws */
  inspect(image: EncodedImage, facts: ImageFacts, turn: Turn, maxPixels = MAX_PIXELS): Promise<InspectedImage> {
    return this.#inTurn(turn, decodeMs(facts), () => this.#codec.inspect(image, maxPixels));
  }

  /** @throws OVERLOADED, and what {@link ImageCodec.render} throws */
  async *render(image: EncodedImage, facts: ImageFacts, rendition: Rendition, turn: Turn): AsyncIterable<Uint8Array> {
    const made = { ...sizeOfRendition(facts, rendition), format: rendition.format };
    const done = await this.#queue.enter(turn, decodeMs(facts) + encodeMs(made));
    const rendered = renderAgain(ATTEMPTS[turn.kind], () => this.#codec.render(image, rendition, MAX_PIXELS));
    const held: Uint8Array[] = [];
    let heldBytes = 0;
    try {
      for await (const piece of rendered) {
        held.push(piece);
        heldBytes += piece.byteLength;
        if (heldBytes < MAX_HELD_BYTES) continue;
        yield* held.splice(0);
        heldBytes = 0;
      }
    } finally {
      done();
    }
    yield* held;
  }

  /** @throws OVERLOADED, and what {@link ImageCodec.decode} throws */
  decode(image: EncodedImage, facts: ImageFacts, box: PixelBox, turn: Turn): Promise<Pixels> {
    return this.#inTurn(turn, decodeMs(facts), () => this.#codec.decode(image, box, MAX_SOURCE_PIXELS));
  }

  /** Prepares the codec for an image that is about to arrive. */
  prepare(): void {
    this.#codec.prepare();
  }

  /** Resolves when no image is being decoded and none waits. */
  onIdle(): Promise<void> {
    return this.#queue.onIdle();
  }

  async #inTurn<Result>(turn: Turn, workMs: number, work: () => Promise<Result>): Promise<Result> {
    const done = await this.#queue.enter(turn, workMs);
    try {
      return await workAgain(ATTEMPTS[turn.kind], work);
    } finally {
      done();
    }
  }
}

async function workAgain<Result>(attempts: number, work: () => Promise<Result>): Promise<Result> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      if (attempt === attempts || isDamaged(error)) throw error;
      await delay(PAUSE_MS);
    }
  }
}

/** Renders again if rendering failed before it produced its first piece. */
async function* renderAgain(attempts: number, render: () => AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  for (let attempt = 1; ; attempt++) {
    let hasBegun = false;
    try {
      for await (const piece of render()) {
        hasBegun = true;
        yield piece;
      }
      return;
    } catch (error) {
      if (hasBegun || attempt === attempts || isDamaged(error)) throw error;
      await delay(PAUSE_MS);
    }
  }
}

function isDamaged(error: unknown): boolean {
  return error instanceof UndecodableImageError && error.reason === "damaged";
}

function decodeMs({ width, height, format, isInterlaced = false }: ImageFacts): number {
  return BASE_MS + ((width * height) / 1_000_000) * DECODE_MS[format] * (isInterlaced ? INTERLACED_FACTOR : 1);
}

function encodeMs({ width, height, format }: ImageFacts): number {
  const pixels = width * height;
  const isSmallAvif = format === "AVIF" && pixels <= SMALL_AVIF.maxPixels;
  return (pixels / 1_000_000) * (isSmallAvif ? SMALL_AVIF.encodeMs : ENCODE_MS[format]);
}
