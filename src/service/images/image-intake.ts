import { createHash } from "node:crypto";
import { GatewayError } from "../../errors.ts";
import type { DigitalSourceType, ImageFormat, PixelSize } from "../../ports/image-provider.ts";
import type { ObjectStore } from "../../ports/object-store.ts";
import type { Generation, Image } from "../../ports/records.ts";
import type { ModelCatalogue } from "../models/model-catalogue.ts";
import { ContentCredentialsSearch } from "./content-credentials.ts";
import { formatOf, type InspectedImage, inspectImage, type Rendition, renderImage } from "./pixels.ts";
import { PngCheck } from "./png-check.ts";

/** An image on its way from the provider into a generation. */
export interface Arrival {
  readonly index: number;
  readonly bytes: AsyncIterable<Uint8Array>;
}

interface ImageKeys {
  /** The provider's own bytes. */
  readonly original: string;
  /** What is delivered, where that differs. */
  readonly delivered: string;
}

/** What the provider sent: known from passing it, or from decoding it, which gives a placeholder too. */
type MadeImage = PixelSize & Partial<InspectedImage>;

/**
 * Takes the images in. The provider's bytes are stored first and as they came. A PNG that is what was asked for is
 * checked while it passes, and never read again; of anything else the stored copy is read back, once.
 */
export class ImageIntake {
  readonly #objects: ObjectStore;
  readonly #now: () => Date;
  readonly #newImageId: () => string;
  readonly #catalogue: Pick<ModelCatalogue, "digitalSourceOf">;

  constructor(
    objects: ObjectStore,
    catalogue: Pick<ModelCatalogue, "digitalSourceOf">,
    now: () => Date,
    newImageId: () => string,
  ) {
    this.#objects = objects;
    this.#catalogue = catalogue;
    this.#now = now;
    this.#newImageId = newImageId;
  }

  /**
   * Stores an image, and hands it to `record` when its bytes are durable.
   *
   * @param record answers whether it took the image; when it did not, the bytes are removed again. When it throws nobody
   *   knows, and they stay: without a record they are swept, and a record must never be without its bytes
   * @returns what `record` answered
   * @throws UPSTREAM_FAILED when what arrives is not an image; nothing is left of it
   */
  async take(
    generation: Generation,
    arrival: Arrival,
    record: (image: Image, generatedSize: PixelSize) => Promise<boolean>,
  ): Promise<boolean> {
    const id = this.#newImageId();
    const keys = { original: `${generation.id}/${id}/original`, delivered: `${generation.id}/${id}/delivered` };
    const stored = await this.#store(generation, arrival, id, keys).catch(async (error) => {
      await this.#remove(keys);
      throw error;
    });
    const isTaken = await record(stored.image, stored.generatedSize);
    if (!isTaken) await this.#remove(keys);
    return isTaken;
  }

  async #store(
    generation: Generation,
    arrival: Arrival,
    id: string,
    keys: ImageKeys,
  ): Promise<{ readonly image: Image; readonly generatedSize: PixelSize }> {
    const original = new Meter(arrival.bytes);
    await this.#objects.put(keys.original, original.bytes);
    const stored = new StoredBytes(this.#objects, keys.original);
    const made: MadeImage = original.pngSize ?? (await this.#decode(stored, original.format));
    const isAsAsked = original.format === generation.format && isSameSize(made, generation.requestedSize);
    const delivered = isAsAsked ? original : await this.#deliverExactly(generation, stored, keys.delivered);
    const image: Image = {
      id,
      generationId: generation.id,
      owner: generation.owner,
      index: arrival.index,
      key: isAsAsked ? keys.original : keys.delivered,
      originalKey: keys.original,
      ...generation.requestedSize,
      format: generation.format,
      byteSize: delivered.byteSize,
      sha256: delivered.sha256,
      ...(made.placeholder !== undefined && { placeholder: made.placeholder }),
      provenance: {
        digitalSourceType: this.#catalogue.digitalSourceOf(generation),
        hasContentCredentials: original.hasContentCredentials,
        originalFormat: original.format ?? generation.format,
      },
      createdAt: this.#now(),
    };
    return { image, generatedSize: { width: made.width, height: made.height } };
  }

  async #remove(keys: ImageKeys): Promise<void> {
    await Promise.allSettled([keys.original, keys.delivered].map((key) => this.#objects.delete(key)));
  }

  async #decode(stored: StoredBytes, format: ImageFormat | undefined): Promise<MadeImage> {
    if (!format) throw notAnImage();
    const bytes = await stored.whole();
    return inspectImage(inOnePiece(bytes)).catch((cause) => {
      throw notAnImage(cause);
    });
  }

  async #deliverExactly(generation: Generation, stored: StoredBytes, key: string): Promise<Meter> {
    const { requestedSize, format, compression } = generation;
    // An encoder's least quality is 1, where the vendor's is 0.
    const quality = compression === undefined ? undefined : Math.max(1, compression);
    const rendition = { ...requestedSize, fit: "COVER", format, quality } as const;
    const source = this.#catalogue.digitalSourceOf(generation);
    const delivered = new Meter(rendered(await stored.whole(), rendition, source));
    await this.#objects.put(key, delivered.bytes);
    return delivered;
  }
}

/** An image that was stored, read back at most once: a decoder holds it whole anyway. */
class StoredBytes {
  readonly #objects: ObjectStore;
  readonly #key: string;
  #bytes: Buffer | undefined;

  constructor(objects: ObjectStore, key: string) {
    this.#objects = objects;
    this.#key = key;
  }

  async whole(): Promise<Buffer> {
    if (this.#bytes) return this.#bytes;
    const object = await this.#objects.open(this.#key);
    if (!object) throw new Error("a stored image is not in the object store");
    this.#bytes = Buffer.concat(await Array.fromAsync(object.read()));
    return this.#bytes;
  }
}

/** Counts, hashes, checks and recognises bytes as they pass. */
class Meter {
  readonly bytes: AsyncIterable<Uint8Array>;
  readonly #hash = createHash("sha256");
  readonly #png = new PngCheck();
  readonly #credentials = new ContentCredentialsSearch();
  #byteSize = 0;
  #head = new Uint8Array(0);

  constructor(source: AsyncIterable<Uint8Array>) {
    this.bytes = this.#measure(source);
  }

  get byteSize(): number {
    return this.#byteSize;
  }

  /** In hexadecimal; asked for once, when all bytes have passed. */
  get sha256(): string {
    return this.#hash.digest("hex");
  }

  /** The size of a PNG that came whole and undamaged; `undefined` when only decoding can tell. */
  get pngSize(): PixelSize | undefined {
    return this.#png.size;
  }

  get hasContentCredentials(): boolean {
    return this.#credentials.isFound;
  }

  get format(): ImageFormat | undefined {
    return formatOf(this.#head);
  }

  async *#measure(source: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
    for await (const chunk of source) {
      if (this.#head.length < 12) this.#head = Buffer.concat([this.#head, chunk.subarray(0, 12)]);
      this.#hash.update(chunk);
      this.#png.write(chunk);
      this.#credentials.write(chunk);
      this.#byteSize += chunk.byteLength;
      yield chunk;
    }
  }
}

async function* inOnePiece(bytes: Buffer): AsyncIterable<Uint8Array> {
  yield bytes;
}

/** @throws UPSTREAM_FAILED when the bytes cannot be decoded */
async function* rendered(bytes: Buffer, rendition: Rendition, source: DigitalSourceType): AsyncIterable<Uint8Array> {
  try {
    yield* renderImage(inOnePiece(bytes), rendition, source);
  } catch (cause) {
    throw notAnImage(cause);
  }
}

function notAnImage(cause?: unknown): GatewayError {
  return new GatewayError("UPSTREAM_FAILED", "the provider answered with something that is not an image", { cause });
}

function isSameSize(a: PixelSize, b: PixelSize): boolean {
  return a.width === b.width && a.height === b.height;
}
