import { setTimeout as delay } from "node:timers/promises";
import PQueue from "p-queue";
import type { Logger } from "pino";
import type { Events } from "../../ports/events.ts";
import type { PixelSize, ProviderEvent } from "../../ports/image-provider.ts";
import type { ObjectStore } from "../../ports/object-store.ts";
import type { Generation, Preview, Records } from "../../ports/records.ts";
import { formatOf } from "../images/pixels.ts";
import type { ScheduledCodec } from "../images/scheduled-codec.ts";
import type { ModelCatalogue } from "../models/model-catalogue.ts";

export interface PreviewsOptions {
  readonly objects: ObjectStore;
  readonly records: Records;
  readonly events: Events;
  readonly catalogue: Pick<ModelCatalogue, "digitalSourceOf">;
  readonly codec: ScheduledCodec;
  readonly logger: Logger;
  /** This process among all that share the records. */
  readonly worker: string;
  /** How long a preview can be loaded after its generation's end. @defaultValue one minute */
  readonly graceMs?: number;
}

type Partial = Extract<ProviderEvent, { type: "partial" }>;

/** Pixels on the longer side. */
const MAX_SIDE = 512;
const QUALITY = 70;
/** A preview of more bytes is left out. */
const MAX_BYTES = 16 * 1024 * 1024;
/** As many wait to be made small, over all generations; what comes on top is left out. */
const MAX_WAITING = 8;
const GRACE_MS = 60_000;
/** How long the last removals may take; what is left then is swept. */
const LAST_REMOVALS_MS = 2_000;

/** Where the bytes of a preview are, in WebP. */
export function toPreviewKey(generationId: string, { imageIndex, partialIndex }: Preview): string {
  return `${generationId}/previews/${imageIndex}-${partialIndex}.webp`;
}

/**
 * Shows what a provider lets see of its images before they are there: small files, told of when they are stored, and
 * removed a while after the generation's end. An image never waits for a preview: what comes too late is left out, and
 * one that cannot be made is no failure. What a crash leaves, the maintenance sweeps.
 */
export class Previews {
  readonly #options: PreviewsOptions;
  readonly #making = new PQueue({ concurrency: 1 });
  readonly #removals = new Map<PreviewStrip, NodeJS.Timeout>();

  constructor(options: PreviewsOptions) {
    this.#options = options;
  }

  /** The previews of one generation that runs here. */
  begin(generation: Generation): PreviewStrip {
    const { graceMs = GRACE_MS, codec } = this.#options;
    // A preview that comes late is not shown at all.
    if (generation.partialImages) codec.prepare();
    const strip: PreviewStrip = new PreviewStrip(generation, this.#options, this.#making, () => {
      this.#removals.set(strip, setTimeout(() => void this.#remove(strip), graceMs).unref());
    });
    return strip;
  }

  /** Removes at once what would be removed later, as far as the store lets it. */
  async close(): Promise<void> {
    const removed = this.#making.onIdle().then(() => Promise.all([...this.#removals.keys()].map(this.#remove)));
    await Promise.race([removed, delay(LAST_REMOVALS_MS, undefined, { ref: false })]);
  }

  readonly #remove = async (strip: PreviewStrip): Promise<void> => {
    clearTimeout(this.#removals.get(strip));
    this.#removals.delete(strip);
    await strip.remove();
  };
}

export class PreviewStrip {
  readonly #generation: Generation;
  readonly #options: PreviewsOptions;
  readonly #making: PQueue;
  readonly #leave: () => void;
  readonly #keys = new Set<string>();
  readonly #finished = new Set<number>();
  #isOver = false;

  constructor(generation: Generation, options: PreviewsOptions, making: PQueue, leave: () => void) {
    this.#generation = generation;
    this.#options = options;
    this.#making = making;
    this.#leave = leave;
  }

  /** Takes a preview in. Resolves when its bytes are read or left, so that the provider can go on. */
  async take({ index: imageIndex, partialIndex, bytes }: Partial): Promise<void> {
    const { n, partialImages = 0 } = this.#generation;
    const preview = { imageIndex, partialIndex };
    const key = toPreviewKey(this.#generation.id, preview);
    const isWanted = imageIndex < n && partialIndex < partialImages && !this.#keys.has(key);
    if (!isWanted || this.#making.size >= MAX_WAITING) {
      await bytes[Symbol.asyncIterator]().return?.();
      return;
    }
    const picture = await readWhole(bytes);
    if (!picture) return;
    void this.#making.add(() => this.#show(preview, key, picture));
  }

  /** No preview of this image is shown any more. */
  finish(imageIndex: number): void {
    this.#finished.add(imageIndex);
  }

  /** No preview is shown any more, and those that were are removed in a while. */
  end(): void {
    this.#isOver = true;
    if (this.#keys.size > 0) this.#leave();
  }

  /** Removes what was shown. */
  async remove(): Promise<void> {
    for (const key of this.#keys) await this.#removeObject(key);
  }

  async #show(preview: Preview, key: string, picture: Uint8Array): Promise<void> {
    const { objects, records, events, worker, logger } = this.#options;
    const { id } = this.#generation;
    const isLate = () => this.#isOver || this.#finished.has(preview.imageIndex);
    if (isLate()) return;
    try {
      await objects.put(key, this.#render(picture));
      if (!isLate() && (await records.addPreview(id, preview, worker))) {
        this.#keys.add(key);
        events.publish({ generationId: id });
        // Whoever ended meanwhile counted without it.
        if (this.#isOver && this.#keys.size === 1) this.#leave();
        return;
      }
    } catch (err) {
      logger.warn({ generationId: id, err }, "a preview could not be shown");
    }
    await this.#removeObject(key);
  }

  #render(picture: Uint8Array): AsyncIterable<Uint8Array> {
    const { codec, catalogue } = this.#options;
    const { projectId, modelSize, requestedSize } = this.#generation;
    const rendition = {
      ...fitInto(requestedSize),
      fit: "COVER",
      format: "WEBP",
      quality: QUALITY,
      isHasty: true,
      digitalSourceType: catalogue.digitalSourceOf(this.#generation),
    } as const;
    const image = { byteSize: picture.byteLength, read: () => once(picture) };
    const facts = { ...modelSize, format: formatOf(picture) ?? "PNG" };
    return codec.render(image, facts, rendition, { kind: "generation", projectId });
  }

  async #removeObject(key: string): Promise<void> {
    const { objects, logger } = this.#options;
    await objects.delete(key).catch((err) => logger.warn({ err }, "a preview could not be removed yet"));
  }
}

/** `undefined`, and the rest left, when it is too large. */
async function readWhole(bytes: AsyncIterable<Uint8Array>): Promise<Uint8Array | undefined> {
  const chunks: Uint8Array[] = [];
  let byteSize = 0;
  for await (const chunk of bytes) {
    byteSize += chunk.byteLength;
    if (byteSize > MAX_BYTES) return undefined;
    // A provider may use its buffer again.
    chunks.push(Uint8Array.from(chunk));
  }
  return Buffer.concat(chunks);
}

/** The shape of the images, at most {@link MAX_SIDE} pixels on the longer side. */
function fitInto({ width, height }: PixelSize): PixelSize {
  const scale = Math.min(1, MAX_SIDE / Math.max(width, height));
  return { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) };
}

async function* once(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  yield bytes;
}
