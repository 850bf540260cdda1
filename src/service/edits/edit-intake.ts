import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import PQueue from "p-queue";
import sharp from "sharp";
import { badInput, GatewayError } from "../../errors.ts";
import type { Downloads } from "../../ports/downloads.ts";
import {
  type EditSources,
  type ImageFormat,
  type PixelSize,
  SOURCE_FORMATS,
  type SourceFormat,
  type SourceImage,
} from "../../ports/image-provider.ts";
import type { ObjectStore } from "../../ports/object-store.ts";
import type { EditOrder, EditSource, Image, Records } from "../../ports/records.ts";
import type { ImageDelivery } from "../images/image-delivery.ts";
import type { ImageLinks } from "../images/image-links.ts";
import { formatOf, renderImage } from "../images/pixels.ts";
import { toSizeText } from "../images/sizes.ts";
import { findOrigin } from "./image-origin.ts";

/** The most images of one edit; the vendor's number. */
export const MAX_EDIT_IMAGES = 16;
/** The largest file that goes into an edit, in bytes: the vendor takes "less than 50MB". */
export const MAX_EDIT_IMAGE_BYTES = 50_000_000;
/** The most pixels of an image that goes into an edit: those of the largest cameras in phones. */
export const MAX_EDIT_IMAGE_PIXELS = 50_000_000;

/** An image that a caller wants to have changed, or a mask. */
export type ImageReference =
  /** A stored image of the caller's own: `img_…`. */
  | { readonly id: string }
  /** An https address at a host that the operator allows. */
  | { readonly url: string }
  /** A signed URL of this gateway: its path and query, from the gateway's root. */
  | { readonly link: string }
  | Upload;

/** A file on its way in, read at most once. */
export interface Upload {
  readonly bytes: AsyncIterable<Uint8Array>;
  /** What the sender says it is, such as `image/png`; `undefined` when nothing was said. */
  readonly mediaType?: string | undefined;
}

export interface EditReferences {
  /** 1–16. The first one is the picture that is edited, the others are references. */
  readonly images: readonly ImageReference[];
  /** A PNG of the first image's size with an alpha channel: only where it is transparent may the image change. */
  readonly mask?: ImageReference | undefined;
}

/** Which input an image is. */
interface Place {
  readonly field: "images" | "mask";
  /** For messages: `image 2 of 3`, `the mask`. */
  readonly name: string;
}

/** An image that was found, and not read yet. */
interface Incoming extends Upload {
  readonly imageId?: string;
}

export interface EditIntakeOptions {
  readonly records: Pick<Records, "findImages" | "findGenerations">;
  readonly objects: ObjectStore;
  readonly downloads: Downloads;
  readonly links: ImageLinks;
  readonly delivery: ImageDelivery;
}

/** Takes in what edits change, before they are accepted, and keeps it until they have ended. */
export class EditIntake {
  readonly #options: EditIntakeOptions;
  readonly #objects: ObjectStore;
  // A decoder holds a whole file, and of some kinds of file all the pixels: one at a time.
  readonly #decoding = new PQueue({ concurrency: 1 });

  constructor(options: EditIntakeOptions) {
    this.#options = options;
    this.#objects = options.objects;
  }

  /**
   * Checks the images and stores a copy of each. Once this resolves they are durable; when it throws, nothing is left.
   *
   * @throws BAD_USER_INPUT, PAYLOAD_TOO_LARGE, UNSUPPORTED_MEDIA_TYPE, NOT_FOUND, FORBIDDEN, UPSTREAM_FAILED or
   *   UPSTREAM_TIMEOUT naming `images` or `mask`, and whatever the bytes of an upload throw
   */
  async take(generationId: string, owner: string, { images, mask }: EditReferences): Promise<EditOrder> {
    const taken: EditSource[] = [];
    const takeOne = async (reference: ImageReference, place: Place): Promise<EditSource> => {
      const incoming = await this.#find(reference, owner).catch((error) => {
        throw namedAs(place, error);
      });
      const source = await this.#store(`${generationId}/sources/${taken.length}`, incoming, place);
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
   * The SHA-256 of each upload, in its place among the images with the mask behind them, and nothing of the others.
   *
   * @throws what {@link take} throws of uploads
   */
  async hashUploads({ images, mask }: EditReferences): Promise<(string | undefined)[]> {
    const hashes: (string | undefined)[] = [];
    for (const [index, reference] of [...images, mask].entries()) {
      const isUpload = reference !== undefined && "bytes" in reference;
      hashes.push(isUpload ? await hashOf(reference, placeOf(index, images.length)) : undefined);
    }
    return hashes;
  }

  /** What a provider gets to read. */
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

  /** Removes what was taken in for a generation that has ended, or was never accepted. */
  async discard({ images, mask }: EditOrder): Promise<void> {
    await this.#remove([...images, ...(mask ? [mask] : [])].map(({ key }) => key));
  }

  /** What cannot be removed now is swept later. */
  async #remove(keys: readonly string[]): Promise<void> {
    await Promise.allSettled(keys.map((key) => this.#objects.delete(key)));
  }

  async #find(reference: ImageReference, owner: string): Promise<Incoming> {
    if ("bytes" in reference) return reference;
    if ("url" in reference) return { bytes: this.#options.downloads.read(reference.url, DOWNLOAD_LIMITS) };
    if ("link" in reference) return this.#follow(reference.link, owner);
    const image = await this.#ownImage(reference.id, owner);
    if (!image) throw new GatewayError("NOT_FOUND", "you have no such image");
    return { imageId: image.id, bytes: asSource(this.#read(image.key), image.format) };
  }

  /** Whoever has a signed URL may see what it stands for; that it came from an image only the image's owner is told. */
  async #follow(link: string, owner: string): Promise<Incoming> {
    const { object, format } = await this.#options.delivery.open(link);
    const target = this.#options.links.verify(link);
    const image = "imageId" in target ? await this.#ownImage(target.imageId, owner) : undefined;
    return { bytes: asSource(object.read(), format), ...(image && { imageId: image.id }) };
  }

  async #ownImage(id: string, owner: string): Promise<Image | undefined> {
    const [image] = await this.#options.records.findImages([id]);
    return image?.owner === owner ? image : undefined;
  }

  async #store(key: string, incoming: Incoming, place: Place): Promise<EditSource> {
    const meter = new SourceMeter(incoming, place);
    await this.#objects.put(key, meter.bytes).catch((error) => {
      throw namedAs(place, error);
    });
    try {
      const size = await this.#decoding.add(() => this.#inspect(key, place));
      const { format, byteSize, sha256 } = meter;
      return { key, ...size, format, byteSize, sha256, ...(incoming.imageId && { imageId: incoming.imageId }) };
    } catch (error) {
      await this.#remove([key]);
      throw error;
    }
  }

  /** Decodes an image whole: a provider that would refuse it is not asked. */
  async #inspect(key: string, { field, name }: Place): Promise<PixelSize> {
    const damaged = (cause: unknown) =>
      new GatewayError("BAD_USER_INPUT", `${name} is damaged or cut short; send it again`, { field, cause });
    // The number of pixels is checked here, where the caller can be told of it.
    const decoder = sharp({ limitInputPixels: false });
    const [metadata] = await Promise.all([decoder.metadata(), pipeline(Readable.from(this.#read(key)), decoder)]).catch(
      (cause) => {
        throw damaged(cause);
      },
    );
    const { width, height } = metadata.autoOrient;
    if (width * height > MAX_EDIT_IMAGE_PIXELS) {
      throw badInput(field, `${name} has ${toSizeText({ width, height })} pixels; send at most 50 million`);
    }
    if ((metadata.pages ?? 1) > 1) throw badInput(field, `${name} is an animation; send a single picture`);
    if (field === "mask" && !metadata.hasAlpha) {
      throw badInput(field, "the mask has no alpha channel; make transparent what may change");
    }
    await decoder
      .clone()
      .resize(16, 16)
      .raw()
      .toBuffer()
      .catch((cause) => {
        throw damaged(cause);
      });
    return { width, height };
  }

  async *#read(key: string): AsyncIterable<Uint8Array> {
    const object = await this.#objects.open(key);
    if (!object) throw new Error("an image that goes into an edit is not in the object store");
    yield* object.read();
  }
}

/** Counts and hashes the bytes of an image as they pass, and stops those that are none, or too many. */
class SourceMeter {
  readonly bytes: AsyncIterable<Uint8Array>;
  readonly #hash = createHash("sha256");
  readonly #place: Place;
  readonly #mediaType: string | undefined;
  #byteSize = 0;
  #format: SourceFormat | undefined;

  constructor({ bytes, mediaType }: Upload, place: Place) {
    this.#place = place;
    this.#mediaType = mediaType;
    this.bytes = this.#measure(bytes);
  }

  get byteSize(): number {
    return this.#byteSize;
  }

  /** In hexadecimal; asked for once, when all bytes have passed. */
  get sha256(): string {
    return this.#hash.digest("hex");
  }

  get format(): SourceFormat {
    if (!this.#format) throw new Error("the format is known when the bytes have passed");
    return this.#format;
  }

  async *#measure(source: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
    let head: Uint8Array | undefined = new Uint8Array(0);
    for await (const chunk of source) {
      this.#byteSize += chunk.byteLength;
      if (this.#byteSize >= MAX_EDIT_IMAGE_BYTES) throw this.#tooLarge();
      this.#hash.update(chunk);
      if (!head) {
        yield chunk;
        continue;
      }
      head = Buffer.concat([head, chunk]);
      if (head.byteLength < HEAD_BYTES) continue;
      this.#format = this.#recognise(head);
      yield head;
      head = undefined;
    }
    if (head) this.#format = this.#recognise(head);
  }

  #recognise(head: Uint8Array): SourceFormat {
    const { field, name } = this.#place;
    const accepted: readonly SourceFormat[] = field === "mask" ? ["PNG"] : SOURCE_FORMATS;
    const found = formatOf(head);
    const format = accepted.find((candidate) => candidate === found);
    if (!format) throw unsupported(field, `${name} is not a ${accepted.join(", ")} file`);
    if (!isTypeOf(this.#mediaType, format)) {
      throw unsupported(field, `${name} was sent as another type than it is; it is a ${format}`);
    }
    return format;
  }

  #tooLarge(): GatewayError {
    const { field, name } = this.#place;
    return new GatewayError("PAYLOAD_TOO_LARGE", `${name} is too large; send less than 50 MB`, { field });
  }
}

/** For one download. */
const DOWNLOAD_LIMITS = { maxBytes: MAX_EDIT_IMAGE_BYTES - 1, timeoutMs: 60_000 };

/** @param index of an image from 0; the mask stands behind them */
function placeOf(index: number, imageCount: number): Place {
  if (index === imageCount) return { field: "mask", name: "the mask" };
  return { field: "images", name: `image ${index + 1} of ${imageCount}` };
}

async function hashOf(upload: Upload, place: Place): Promise<string> {
  const meter = new SourceMeter(upload, place);
  for await (const _ of meter.bytes);
  return meter.sha256;
}

/** No model reads AVIF. */
function asSource(bytes: AsyncIterable<Uint8Array>, format: ImageFormat): AsyncIterable<Uint8Array> {
  return format === "AVIF" ? renderImage(bytes, { fit: "COVER", format: "PNG" }) : bytes;
}

/** Says which image an error is about that does not know. */
function namedAs({ field, name }: Place, error: unknown): unknown {
  if (!(error instanceof GatewayError) || error.details.field !== undefined) return error;
  const { code, message, isRetryable, details, cause } = error;
  return new GatewayError(code, `${name}: ${message}`, { ...details, field, isRetryable, cause });
}

/** By so many bytes a format is recognised. */
const HEAD_BYTES = 12;

/** A sender that does not know says so, or nothing; one that says it wrongly may be wrong about the image too. */
function isTypeOf(mediaType: string | undefined, format: SourceFormat): boolean {
  const [type = ""] = (mediaType ?? "").toLowerCase().split(";");
  const said = type.trim().replace("image/jpg", "image/jpeg");
  return said === "" || said === "application/octet-stream" || said === `image/${format.toLowerCase()}`;
}

function unsupported(field: string, message: string): GatewayError {
  return new GatewayError("UNSUPPORTED_MEDIA_TYPE", message, { field });
}

function checkSameSize(mask: PixelSize, image: PixelSize): void {
  if (mask.width === image.width && mask.height === image.height) return;
  const [has, must] = [toSizeText(mask), toSizeText(image)];
  throw badInput("mask", `the mask has ${has} pixels; it must have those of the first image, ${must}`);
}
