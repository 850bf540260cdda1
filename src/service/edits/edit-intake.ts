import { badInput, GatewayError } from "../../errors.ts";
import type { Downloads } from "../../ports/downloads.ts";
import { UndecodableImageError } from "../../ports/image-codec.ts";
import type { EditSources, PixelSize, SourceImage } from "../../ports/image-provider.ts";
import type { ObjectStore, OpenObject } from "../../ports/object-store.ts";
import type { EditOrder, EditSource, Image, Records } from "../../ports/records.ts";
import { editTurnOf } from "../images/decode-queue.ts";
import type { ImageDelivery } from "../images/image-delivery.ts";
import type { ImageLinks } from "../images/image-links.ts";
import type { ImageFacts, ScheduledCodec } from "../images/scheduled-codec.ts";
import { toSizeText } from "../images/sizes.ts";
import { MAX_SOURCE_PIXELS } from "../images/source-check.ts";
import { type Caller, mayAccess } from "../projects/caller.ts";
import { findOrigin } from "./image-origin.ts";
import {
  type InputPlace,
  MAX_EDIT_IMAGE_BYTES,
  refusalOf,
  SourceMeter,
  type Upload,
  undecodable,
} from "./source-meter.ts";

export { MAX_EDIT_IMAGE_BYTES, type Upload } from "./source-meter.ts";

/** The most images of one edit. The vendor sets this limit. */
export const MAX_EDIT_IMAGES = 16;
/** An image to edit, or a mask. */
export type ImageReference =
  /** A stored image of the caller's own: `img_…`. */
  | { readonly id: string }
  /** An https address at a host that the operator allows. */
  | { readonly url: string }
  /** A signed URL of this gateway: its path and query, from the gateway's root. */
  | { readonly link: string }
  | Upload;

export interface EditReferences {
  /** 1–16. The first one is the picture that is edited, the others are references. */
  readonly images: readonly ImageReference[];
  /** A PNG of the first image's size with an alpha channel. The image may change only where the mask is transparent. */
  readonly mask?: ImageReference | undefined;
}

/** An image that was found but not read yet. */
interface Incoming extends Upload {
  readonly imageId?: string;
}

/** The assumed size of an image behind a link, whose real size is not known before it is decoded. */
const USUAL_SIZE: PixelSize = { width: 1024, height: 1024 };

export interface EditIntakeOptions {
  readonly records: Pick<Records, "findImages" | "findGenerations">;
  readonly objects: ObjectStore;
  readonly downloads: Downloads;
  readonly links: ImageLinks;
  readonly delivery: ImageDelivery;
  readonly codec: ScheduledCodec;
}

/** Checks and stores the images of an edit before it is accepted, and keeps them until it has ended. */
export class EditIntake {
  readonly #options: EditIntakeOptions;
  readonly #objects: ObjectStore;

  constructor(options: EditIntakeOptions) {
    this.#options = options;
    this.#objects = options.objects;
  }

  /**
   * Checks the images and stores a copy of each. Once this resolves, the copies are durable. If it throws, none
   * remains.
   *
   * @throws BAD_USER_INPUT, PAYLOAD_TOO_LARGE, UNSUPPORTED_MEDIA_TYPE, NOT_FOUND, FORBIDDEN, UPSTREAM_FAILED,
   *   UPSTREAM_TIMEOUT or OVERLOADED naming `images` or `mask`, and any error from reading an upload
   */
  async take(generationId: string, caller: Caller, { images, mask }: EditReferences): Promise<EditOrder> {
    const taken: EditSource[] = [];
    const takeOne = async (reference: ImageReference, place: InputPlace): Promise<EditSource> => {
      const incoming = await this.#find(reference, caller).catch((error) => {
        throw namedAs(place, error);
      });
      const source = await this.#store(`${generationId}/sources/${taken.length}`, caller, incoming, place);
      taken.push(source);
      return source;
    };
    try {
      const sources: EditSource[] = [];
      for (const reference of images) {
        sources.push(await takeOne(reference, placeOf(sources.length, images.length)));
      }
      if (!mask) return { images: sources };
      const maskSource = await takeOne(mask, placeOf(sources.length, images.length));
      checkSameSize(maskSource, sources[0] ?? maskSource);
      return { images: sources, mask: maskSource };
    } catch (error) {
      await this.#remove(taken.map(({ key }) => key));
      throw error;
    }
  }

  /**
   * The sizes of the images that are stored images of the caller, each at its index. The others are not read, and have
   * `undefined`.
   *
   * @throws NOT_FOUND naming `images` or `mask`
   */
  async sizesOf(caller: Caller, { images, mask }: EditReferences): Promise<(PixelSize | undefined)[]> {
    const references = [...images, ...(mask ? [mask] : [])];
    const ids = references.flatMap((reference) => ("id" in reference ? [reference.id] : []));
    const found = new Map((await this.#options.records.findImages(ids)).map((image) => [image.id, image]));
    const sizes = references.map((reference, index) => {
      if (!("id" in reference)) return undefined;
      const image = found.get(reference.id);
      if (image && mayAccess(caller, image)) return { width: image.width, height: image.height };
      throw namedAs(placeOf(index, images.length), notFound());
    });
    return sizes.slice(0, images.length);
  }

  /**
   * Hashes the uploads with SHA-256. Each hash has the index of its image; the mask comes last. The images that are not
   * uploads have `undefined`.
   *
   * @throws the errors that {@link take} throws for uploads
   */
  async hashUploads({ images, mask }: EditReferences): Promise<(string | undefined)[]> {
    const hashes: (string | undefined)[] = [];
    for (const [index, reference] of [...images, mask].entries()) {
      const isUpload = reference !== undefined && "bytes" in reference;
      hashes.push(isUpload ? await hashOf(reference, placeOf(index, images.length)) : undefined);
    }
    return hashes;
  }

  /** Opens the stored images for a provider. */
  open({ images, mask }: EditOrder): EditSources {
    const { records } = this.#options;
    const toSource = ({ key, width, height, format, byteSize, imageId }: EditSource): SourceImage => ({
      width,
      height,
      format,
      byteSize,
      read: () => this.#read(key),
      origin: async () => (imageId === undefined ? undefined : findOrigin(records, imageId)),
    });
    return { images: images.map(toSource), ...(mask && { mask: toSource(mask) }) };
  }

  /** Removes the stored images of an edit that has ended or was not accepted. */
  async discard({ images, mask }: EditOrder): Promise<void> {
    await this.#remove([...images, ...(mask ? [mask] : [])].map(({ key }) => key));
  }

  /** Removes stored images. Those that cannot be removed now are swept later. */
  async #remove(keys: readonly string[]): Promise<void> {
    await Promise.allSettled(keys.map((key) => this.#objects.delete(key)));
  }

  async #find(reference: ImageReference, caller: Caller): Promise<Incoming> {
    if ("bytes" in reference) return reference;
    if ("url" in reference) return { bytes: this.#options.downloads.read(reference.url, DOWNLOAD_LIMITS) };
    if ("link" in reference) return this.#follow(reference.link, caller);
    const image = await this.#ownImage(reference.id, caller);
    if (!image) throw notFound();
    return { imageId: image.id, bytes: this.#asSource(await this.#open(image.key), image, caller) };
  }

  /** Opens a signed URL, which any caller may use. The image's id is kept only if the caller may access the image. */
  async #follow(link: string, caller: Caller): Promise<Incoming> {
    const { object, format } = await this.#options.delivery.open(link, caller.network);
    const target = this.#options.links.verify(link);
    const image = "imageId" in target ? await this.#ownImage(target.imageId, caller) : undefined;
    const bytes = this.#asSource(object, { ...USUAL_SIZE, format }, caller);
    return { bytes, ...(image && { imageId: image.id }) };
  }

  async #ownImage(id: string, caller: Caller): Promise<Image | undefined> {
    const [image] = await this.#options.records.findImages([id]);
    return image && mayAccess(caller, image) ? image : undefined;
  }

  /** Converts AVIF to PNG, because no model accepts AVIF. */
  #asSource(object: OpenObject, facts: ImageFacts, caller: Caller): AsyncIterable<Uint8Array> {
    if (facts.format !== "AVIF") return object.read();
    return this.#options.codec.render(object, facts, { fit: "COVER", format: "PNG" }, editTurnOf(caller));
  }

  async #store(key: string, caller: Caller, incoming: Incoming, place: InputPlace): Promise<EditSource> {
    const meter = new SourceMeter(incoming, place);
    await this.#objects.put(key, meter.bytes).catch((error) => {
      throw namedAs(place, error);
    });
    try {
      const size = await this.#inspect(key, caller, meter.facts, place);
      const { byteSize, sha256 } = meter;
      const { format } = meter.facts;
      return { key, ...size, format, byteSize, sha256, ...(incoming.imageId && { imageId: incoming.imageId }) };
    } catch (error) {
      await this.#remove([key]);
      throw namedAs(place, error);
    }
  }

  /** Decodes the whole image, so that no damaged image is sent to a provider. */
  async #inspect(key: string, caller: Caller, facts: ImageFacts, place: InputPlace): Promise<PixelSize> {
    const object = await this.#open(key);
    const turn = editTurnOf(caller);
    const image = await this.#options.codec.inspect(object, facts, turn, MAX_SOURCE_PIXELS).catch((error) => {
      if (error instanceof UndecodableImageError) throw undecodable(place, error);
      throw error;
    });
    if (image.frameCount > 1) throw refusalOf({ kind: "animation" }, place);
    if (place.field === "mask" && !image.hasAlpha) {
      throw badInput(
        "mask",
        "the mask has no alpha channel; send a PNG that is transparent where the image may change",
      );
    }
    return { width: image.width, height: image.height };
  }

  async #open(key: string): Promise<OpenObject> {
    const object = await this.#objects.open(key);
    if (!object) throw new Error("an image that goes into an edit is not in the object store");
    return object;
  }

  async *#read(key: string): AsyncIterable<Uint8Array> {
    yield* (await this.#open(key)).read();
  }
}

/** The limits of one download. */
const DOWNLOAD_LIMITS = { maxBytes: MAX_EDIT_IMAGE_BYTES - 1, timeoutMs: 60_000 };

/** @param index the index of an image, from 0; `imageCount` for the mask */
function placeOf(index: number, imageCount: number): InputPlace {
  if (index === imageCount) return { field: "mask", name: "the mask" };
  return { field: "images", name: `image ${index + 1} of ${imageCount}` };
}

async function hashOf(upload: Upload, place: InputPlace): Promise<string> {
  const meter = new SourceMeter(upload, place);
  for await (const _ of meter.bytes);
  return meter.sha256;
}

function notFound(): GatewayError {
  return new GatewayError("NOT_FOUND", "you have no such image");
}

/** Adds to an error which image it is about, unless the error already names a field. */
function namedAs({ field, name }: InputPlace, error: unknown): unknown {
  if (!(error instanceof GatewayError) || error.details.field !== undefined) return error;
  const { code, message, isRetryable, details, cause } = error;
  return new GatewayError(code, `${name}: ${message}`, { ...details, field, isRetryable, cause });
}

function checkSameSize(mask: PixelSize, image: PixelSize): void {
  if (mask.width === image.width && mask.height === image.height) return;
  const [has, must] = [toSizeText(mask), toSizeText(image)];
  throw badInput("mask", `the mask has ${has} pixels; it must have the same size as the first image, ${must}`);
}
