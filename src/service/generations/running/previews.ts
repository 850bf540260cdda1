import { setTimeout as delay } from "node:timers/promises";
import PQueue from "p-queue";
import type { Logger } from "pino";
import type { Events } from "../../../ports/events.ts";
import type { PixelSize, ProviderEvent } from "../../../ports/image-provider.ts";
import type { ObjectStore } from "../../../ports/object-store.ts";
import type { Generation, Preview, Records } from "../../../ports/records.ts";
import { formatOf } from "../../images/pixels.ts";
import type { ScheduledCodec } from "../../images/scheduled-codec.ts";
import type { ModelCatalogue } from "../../models/model-catalogue.ts";

export interface PreviewsOptions {
  readonly objects: ObjectStore;
  readonly records: Records;
  readonly events: Events;
  readonly catalogue: Pick<ModelCatalogue, "digitalSourceOf">;
  readonly codec: ScheduledCodec;
  readonly logger: Logger;
  /** The id of this process. */
  readonly worker: string;
  /** How long a preview can be loaded after its generation's end. @defaultValue one minute */
  readonly graceMs?: number;
}

type Partial = Extract<ProviderEvent, { type: "partial" }>;

/** Pixels on the longer side. */
const MAX_SIDE = 512;
const QUALITY = 70;
/** Larger previews are dropped. */
const MAX_BYTES = 16 * 1024 * 1024;
/** How many previews wait to be scaled down, over all generations. Further ones are dropped. */
const MAX_WAITING = 8;
const GRACE_MS = 60_000;
/** How long the last removals may take. Maintenance removes what is left. */
const LAST_REMOVALS_MS = 2_000;

/** The object key of a preview, a WebP file. */
export function toPreviewKey(generationId: string, { imageIndex, partialIndex }: Preview): string {
  return `${generationId}/previews/${imageIndex}-${partialIndex}.webp`;
}

/**
 * Stores small previews of images that a provider is still making, and removes them a while after the generation ends.
 * No image waits for a preview: late previews are dropped, and a preview that cannot be made is not a failure.
 * Maintenance removes what a crash leaves behind.
 */
export class Previews {
  readonly #options: PreviewsOptions;
  readonly #making = new PQueue({ concurrency: 1 });
  readonly #removals = new Map<PreviewStrip, NodeJS.Timeout>();

  constructor(options: PreviewsOptions) {
    this.#options = options;
  }

  /** Starts the previews of a generation that this process runs. */
  begin(generation: Generation): PreviewStrip {
    const { graceMs = GRACE_MS, codec } = this.#options;
    // The codec takes a moment to start, and late previews are dropped.
    if (generation.partialImages) codec.prepare();
    const strip: PreviewStrip = new PreviewStrip(generation, this.#options, this.#making, () => {
      this.#removals.set(strip, setTimeout(() => void this.#remove(strip), graceMs).unref());
    });
    return strip;
  }

  /** Removes all previews now, and gives up after two seconds. */
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

  /** Accepts a preview. Resolves when its bytes have been read or dropped, so that the provider can continue. */
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

  /** Call it when an image is complete: its previews are not needed any more. */
  finish(imageIndex: number): void {
    this.#finished.add(imageIndex);
  }

  /** Call it when the generation has ended: no more previews are stored, and the stored ones are removed later. */
  end(): void {
    this.#isOver = true;
    if (this.#keys.size > 0) this.#leave();
  }

  /** Removes the stored previews. */
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
        events.publish({ generationId: id, worker });
        // `end` ran while this was stored, and did not see this key.
        if (this.#isOver && this.#keys.size === 1) this.#leave();
        return;
      }
    } catch (err) {
      logger.warn({ generationId: id, err }, "a preview could not be made or stored");
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
    const image = { byteSize: picture.byteLength, read: () => inOnePiece(picture) };
    const facts = { ...modelSize, format: formatOf(picture) ?? "PNG" };
    return codec.render(image, facts, rendition, { kind: "generation", projectId });
  }

  async #removeObject(key: string): Promise<void> {
    const { objects, logger } = this.#options;
    await objects.delete(key).catch((err) => logger.warn({ err }, "a preview could not be removed yet"));
  }
}

/** `undefined` if the preview is too large. */
async function readWhole(bytes: AsyncIterable<Uint8Array>): Promise<Uint8Array | undefined> {
  const chunks: Uint8Array[] = [];
  let byteSize = 0;
  for await (const chunk of bytes) {
    byteSize += chunk.byteLength;
    if (byteSize > MAX_BYTES) return undefined;
    // The provider may reuse its buffer.
    chunks.push(Uint8Array.from(chunk));
  }
  return Buffer.concat(chunks);
}

/** The size of a preview: the shape of its image, at most {@link MAX_SIDE} pixels on the longer side. */
function fitInto({ width, height }: PixelSize): PixelSize {
  const scale = Math.min(1, MAX_SIDE / Math.max(width, height));
  return { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) };
}

async function* inOnePiece(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  yield bytes;
}
