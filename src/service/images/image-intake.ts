import { createHash } from "node:crypto";
import { GatewayError } from "../../errors.ts";
import { type InspectedImage, type Rendition, UndecodableImageError } from "../../ports/image-codec.ts";
import type { ImageFormat, PixelSize } from "../../ports/image-provider.ts";
import type { ObjectStore, OpenObject } from "../../ports/object-store.ts";
import type { Generation, Image } from "../../ports/records.ts";
import type { ModelCatalogue } from "../models/model-catalogue.ts";
import { ContentCredentialsSearch } from "./content-credentials.ts";
import { formatOf } from "./pixels.ts";
import { PngCheck } from "./png-check.ts";
import type { ImageFacts, ScheduledCodec } from "./scheduled-codec.ts";

/** An image on its way from the provider into a generation. */
export interface Arrival {
  readonly index: number;
  readonly bytes: AsyncIterable<Uint8Array>;
}

interface ImageKeys {
  /** The key of the provider's own bytes. */
  readonly original: string;
  /** The key of the delivered bytes, if they differ from the provider's. */
  readonly delivered: string;
}

/** The size of the provider's image, and its placeholder when the image had to be decoded. */
type MadeImage = PixelSize & Partial<Pick<InspectedImage, "placeholder">>;

export interface ImageIntakeOptions {
  readonly objects: ObjectStore;
  readonly catalogue: Pick<ModelCatalogue, "digitalSourceOf">;
  readonly codec: ScheduledCodec;
  readonly now: () => Date;
  readonly newImageId: () => string;
}

/**
 * Stores the images that providers send. The provider's bytes are stored first, unchanged. A PNG that matches the
 * request is checked while its bytes stream past, and is not read again. Of any other image the stored copy is decoded.
 */
export class ImageIntake {
  readonly #options: ImageIntakeOptions;
  readonly #objects: ObjectStore;

  constructor(options: ImageIntakeOptions) {
    this.#options = options;
    this.#objects = options.objects;
  }

  /**
   * Stores an image, and passes it to `record` once its bytes are durable.
   *
   * @param record returns whether it recorded the image. If it did not, the bytes are removed again. If it throws, the
   *   image may have been recorded, so the bytes stay: a record must never lack its bytes, and bytes without a record
   *   are swept later
   * @returns the result of `record`
   * @throws UPSTREAM_FAILED when the provider did not send an image; its bytes are removed
   */
  async take(
    generation: Generation,
    arrival: Arrival,
    record: (image: Image, generatedSize: PixelSize) => Promise<boolean>,
  ): Promise<boolean> {
    const id = this.#options.newImageId();
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
    await this.#objects.put(keys.original, original);
    const { format } = original;
    if (!format) throw notAnImage();
    const made: MadeImage = original.pngSize ?? (await this.#inspect(generation, keys.original, format));
    const isAsAsked = format === generation.format && isSameSize(made, generation.requestedSize);
    const delivered = isAsAsked
      ? original
      : await this.#deliverExactly(generation, keys, { width: made.width, height: made.height, format });
    const image: Image = {
      id,
      generationId: generation.id,
      projectId: generation.projectId,
      ...(generation.endUser !== undefined && { endUser: generation.endUser }),
      index: arrival.index,
      key: isAsAsked ? keys.original : keys.delivered,
      originalKey: keys.original,
      ...generation.requestedSize,
      format: generation.format,
      byteSize: delivered.byteSize,
      sha256: delivered.sha256,
      ...(made.placeholder !== undefined && { placeholder: made.placeholder }),
      provenance: {
        digitalSourceType: this.#options.catalogue.digitalSourceOf(generation),
        hasContentCredentials: original.hasContentCredentials,
        originalFormat: format,
      },
      createdAt: this.#options.now(),
    };
    return { image, generatedSize: { width: made.width, height: made.height } };
  }

  async #remove(keys: ImageKeys): Promise<void> {
    await Promise.allSettled([keys.original, keys.delivered].map((key) => this.#objects.delete(key)));
  }

  async #inspect({ projectId, modelSize }: Generation, key: string, format: ImageFormat): Promise<MadeImage> {
    const turn = { kind: "generation", projectId } as const;
    return this.#options.codec.inspect(await this.#open(key), { ...modelSize, format }, turn).catch((error) => {
      throw toUpstreamFailure(error);
    });
  }

  async #deliverExactly(generation: Generation, keys: ImageKeys, facts: ImageFacts): Promise<Meter> {
    const { projectId, requestedSize, format, compression } = generation;
    const rendition: Rendition = {
      ...requestedSize,
      fit: "COVER",
      format,
      // The encoder's lowest quality is 1; the vendor's is 0.
      quality: compression === undefined ? undefined : Math.max(1, compression),
      digitalSourceType: this.#options.catalogue.digitalSourceOf(generation),
    };
    const turn = { kind: "generation", projectId } as const;
    const rendered = this.#options.codec.render(await this.#open(keys.original), facts, rendition, turn);
    const delivered = new Meter(rendered);
    await this.#objects.put(keys.delivered, delivered).catch((error) => {
      throw toUpstreamFailure(error);
    });
    return delivered;
  }

  async #open(key: string): Promise<OpenObject> {
    const object = await this.#objects.open(key);
    if (!object) throw new Error("a stored image is not in the object store");
    return object;
  }
}

/**
 * Counts and hashes an image's bytes while they stream past, checks a PNG, and detects format and content credentials.
 */
class Meter implements AsyncIterableIterator<Uint8Array, undefined> {
  readonly #source: AsyncIterator<Uint8Array>;
  readonly #hash = createHash("sha256");
  readonly #png = new PngCheck();
  readonly #credentials = new ContentCredentialsSearch();
  #byteSize = 0;
  #head = new Uint8Array(0);

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<Uint8Array, undefined>> {
    const step = await this.#source.next();
    if (step.done) return { done: true, value: undefined };
    this.#measure(step.value);
    return step;
  }

  async return(): Promise<IteratorResult<Uint8Array, undefined>> {
    await this.#source.return?.();
    return { done: true, value: undefined };
  }

  get byteSize(): number {
    return this.#byteSize;
  }

  /** In hexadecimal. Read it only once, after all bytes have passed. */
  get sha256(): string {
    return this.#hash.digest("hex");
  }

  /** The size of a PNG that arrived complete and undamaged; `undefined` when the image must be decoded to find out. */
  get pngSize(): PixelSize | undefined {
    return this.#png.size;
  }

  get hasContentCredentials(): boolean {
    return this.#credentials.isFound;
  }

  get format(): ImageFormat | undefined {
    return formatOf(this.#head);
  }

  #measure(chunk: Uint8Array): void {
    if (this.#head.length < 12) this.#head = Buffer.concat([this.#head, chunk.subarray(0, 12)]);
    this.#hash.update(chunk);
    this.#png.write(chunk);
    this.#credentials.write(chunk);
    this.#byteSize += chunk.byteLength;
  }
}

function toUpstreamFailure(error: unknown): unknown {
  return error instanceof UndecodableImageError ? notAnImage(error) : error;
}

function notAnImage(cause?: UndecodableImageError): GatewayError {
  const message =
    cause?.reason === "exhausting"
      ? "the provider answered with an image that needs more memory or time to decode than the gateway allows"
      : "the provider answered with something that is not an image";
  return new GatewayError("UPSTREAM_FAILED", message, { cause });
}

function isSameSize(a: PixelSize, b: PixelSize): boolean {
  return a.width === b.width && a.height === b.height;
}
