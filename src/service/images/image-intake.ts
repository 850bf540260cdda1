import { createHash } from "node:crypto";
import { GatewayError } from "../../errors.ts";
import { type InspectedImage, type Rendition, UndecodableImageError } from "../../ports/image-codec.ts";
import type { ImageFormat, PixelSize } from "../../ports/image-provider.ts";
import type { ObjectStore, OpenObject } from "../../ports/object-store.ts";
import type { EditSource, Generation, Image, UnrecordedImage } from "../../ports/records.ts";
import type { ModelCatalogue } from "../models/model-catalogue.ts";
import { ContentCredentialsSearch } from "./content-credentials.ts";
import { formatOf } from "./pixels.ts";
import { PngCheck } from "./png-check.ts";
import type { ImageFacts, ScheduledCodec } from "./scheduled-codec.ts";
import { actionBetween, type Claim, type Signing, type StoredIngredient } from "./signing.ts";

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
  readonly catalogue: Pick<ModelCatalogue, "digitalSourceOf" | "find">;
  readonly codec: ScheduledCodec;
  readonly signing: Signing;
  readonly now: () => Date;
  readonly newImageId: () => string;
}

/**
 * Stores the images that providers send. The provider's bytes are stored first, unchanged. A PNG that matches the
 * request is checked while its bytes stream past, and is not read again. Of any other image the stored copy is decoded.
 * The files that the gateway itself draws or encodes are signed before they are stored.
 */
export class ImageIntake {
  readonly #options: ImageIntakeOptions;
  readonly #objects: ObjectStore;

  constructor(options: ImageIntakeOptions) {
    this.#options = options;
    this.#objects = options.objects;
  }

  /**
   * Stores an image. Its bytes are durable once this resolves, and the image can be recorded. If it surely was not
   * recorded, {@link discard} it. If that is not known, its bytes have to stay: a record must never lack its bytes, and
   * bytes without a record are swept later.
   *
   * @throws UPSTREAM_FAILED when the provider did not send an image; its bytes are removed
   */
  async take(generation: Generation, arrival: Arrival): Promise<UnrecordedImage> {
    const id = this.#options.newImageId();
    const keys = { original: `${generation.id}/${id}/original`, delivered: `${generation.id}/${id}/delivered` };
    return this.#store(generation, arrival, id, keys).catch(async (error) => {
      await this.#remove(Object.values(keys));
      throw error;
    });
  }

  /** Removes the bytes of an image that was not recorded. */
  discard({ image }: UnrecordedImage): Promise<void> {
    return this.#remove([image.originalKey, image.key]);
  }

  async #store(generation: Generation, arrival: Arrival, id: string, keys: ImageKeys): Promise<UnrecordedImage> {
    const arriving = this.#isDrawnHere(generation)
      ? this.#options.signing.sign(arrival.bytes, this.#claimOf(generation), "generation")
      : { bytes: arrival.bytes, isSigned: false };
    const original = new Meter(arriving.bytes);
    await this.#objects.put(keys.original, original);
    const { format } = original;
    if (!format) throw notAnImage();
    const made: MadeImage = original.pngSize ?? (await this.#inspect(generation, keys.original, format));
    const isAsAsked = format === generation.format && isSameSize(made, generation.requestedSize);
    const facts = { width: made.width, height: made.height, format };
    const { meter: delivered, isSigned } = isAsAsked
      ? { meter: original, isSigned: arriving.isSigned }
      : await this.#deliverExactly(generation, keys, facts, original.hasContentCredentials);
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
        ...(isSigned && { isSigned }),
      },
      createdAt: this.#options.now(),
    };
    return { image, generatedSize: { width: made.width, height: made.height } };
  }

  async #remove(keys: readonly string[]): Promise<void> {
    await Promise.allSettled([...new Set(keys)].map((key) => this.#objects.delete(key)));
  }

  async #inspect({ projectId, modelSize }: Generation, key: string, format: ImageFormat): Promise<MadeImage> {
    const turn = { kind: "generation", projectId } as const;
    return this.#options.codec.inspect(await this.#open(key), { ...modelSize, format }, turn).catch((error) => {
      throw toUpstreamFailure(error);
    });
  }

  async #deliverExactly(
    generation: Generation,
    keys: ImageKeys,
    facts: ImageFacts,
    hasContentCredentials: boolean,
  ): Promise<{ readonly meter: Meter; readonly isSigned: boolean }> {
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
    const claim = hasContentCredentials
      ? this.#claimOfChanged(generation, keys.original, facts)
      : this.#claimOf(generation);
    const passing = this.#options.signing.sign(rendered, claim, "generation");
    const meter = new Meter(passing.bytes);
    await this.#objects.put(keys.delivered, meter).catch((error) => {
      throw toUpstreamFailure(error);
    });
    return { meter, isSigned: passing.isSigned };
  }

  /** Whether the gateway itself draws the picture. The file of any other provider stays as it came. */
  #isDrawnHere({ model }: Generation): boolean {
    return this.#options.catalogue.find(model)?.description.isProcedural ?? false;
  }

  /** The claim of a picture that was created, or edited from the images of the request. */
  #claimOf(generation: Generation): Claim {
    const [edited, ...references] = generation.edit?.images ?? [];
    return {
      digitalSourceType: this.#options.catalogue.digitalSourceOf(generation),
      action: "edited",
      ingredients: edited
        ? [{ key: edited.key, format: edited.format, relationship: "parentOf" }, ...references.map(toInput)]
        : [],
    };
  }

  /** The claim of a copy of an original that has credentials of its own. */
  #claimOfChanged(generation: Generation, originalKey: string, facts: ImageFacts): Claim {
    // The gateway's own originals have their inputs as ingredients already.
    const inputs = this.#isDrawnHere(generation) ? [] : (generation.edit?.images ?? []);
    return {
      digitalSourceType: this.#options.catalogue.digitalSourceOf(generation),
      action: actionBetween(facts, generation.requestedSize),
      ingredients: [{ key: originalKey, format: facts.format, relationship: "parentOf" }, ...inputs.map(toInput)],
    };
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

function toInput({ key, format }: EditSource): StoredIngredient {
  return { key, format, relationship: "inputTo" };
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
