import { GatewayError } from "../../errors.ts";
import type { Rendition } from "../../ports/image-codec.ts";
import type { ImageFormat } from "../../ports/image-provider.ts";
import type { ObjectStore, OpenObject } from "../../ports/object-store.ts";
import type { Image, Preview, Records } from "../../ports/records.ts";
import { toPreviewKey } from "../generations/running/previews.ts";
import { type Derivatives, toDerivativeName } from "./derivatives.ts";
import { type ImageLinks, type LinkTarget, ORIGINAL, originalFormatOf } from "./image-links.ts";

/** How long the record of an image is cached. Images never change; they are only deleted. */
const CACHED_MS = 2_000;
/** The most records that are cached. */
const MAX_CACHED = 1_000;

type PreviewTarget = Extract<LinkTarget, { readonly preview: unknown }>;

/** The bytes behind a signed URL, and the facts that an HTTP cache needs. */
export interface Delivery {
  readonly object: OpenObject;
  readonly format: ImageFormat;
  /** Different bytes have different tags. */
  readonly tag: string;
  /** How long the URL remains valid. */
  readonly secondsLeft: number;
}

export interface ImageDeliveryOptions {
  readonly records: Pick<Records, "findImages">;
  readonly objects: ObjectStore;
  readonly links: ImageLinks;
  readonly derivatives: Derivatives;
}

/** Opens the images and previews that signed URLs name. */
export class ImageDelivery {
  readonly #records: Pick<Records, "findImages">;
  readonly #objects: ObjectStore;
  readonly #links: ImageLinks;
  readonly #derivatives: Derivatives;
  readonly #cached = new Map<string, { readonly image: Image; readonly until: number }>();
  #deletions = 0;

  constructor({ records, objects, links, derivatives }: ImageDeliveryOptions) {
    this.#records = records;
    this.#objects = objects;
    this.#links = links;
    this.#derivatives = derivatives;
  }

  /**
   * Opens the image or preview that a signed URL names.
   *
   * @param url path and query exactly as they were received
   * @param network the viewer's network
   * @throws FORBIDDEN when the URL was changed or has expired, NOT_FOUND when the image was deleted, and what
   *   {@link Derivatives.open} throws
   */
  async open(url: string, network?: string): Promise<Delivery> {
    const target = this.#links.verify(url);
    if ("preview" in target) return this.#openPreview(target);
    const { imageId, rendition, secondsLeft } = target;
    const image = await this.#find(imageId);
    if (!rendition) {
      const object = await this.read(image);
      return { object, format: image.format, tag: image.sha256, secondsLeft };
    }
    if (rendition === ORIGINAL) {
      const object = await this.#openKey(image.originalKey);
      return { object, format: originalFormatOf(image), tag: `${image.sha256}-${ORIGINAL}`, secondsLeft };
    }
    const object = await this.#derivatives.open(image, rendition, network);
    return { object, format: rendition.format, tag: tagOfDerivative(image, rendition, object), secondsLeft };
  }

  /**
   * Call this after the record of a generation was deleted. Its images are not found any more, and once this resolves,
   * no derivative of them is stored again. Other processes may take a few seconds to notice.
   */
  async forget(generationId: string): Promise<void> {
    this.#deletions++;
    for (const [id, { image }] of this.#cached) if (image.generationId === generationId) this.#cached.delete(id);
    await this.#derivatives.forget(generationId);
  }

  /** Resolves when no derivative is being made or stored. */
  close(): Promise<void> {
    return this.#derivatives.close();
  }

  /** Previews have no records. When a preview is no longer shown, its bytes are deleted. */
  async #openPreview({ generationId, preview, secondsLeft }: PreviewTarget): Promise<Delivery> {
    const key = toPreviewKey(generationId, preview);
    const object = await this.#objects.open(key);
    if (!object) throw new GatewayError("NOT_FOUND", "this preview has been removed; request the image itself");
    return { object, format: "WEBP", tag: key.replaceAll("/", "-"), secondsLeft };
  }

  /** A preview's bytes, a WebP; `undefined` when the preview has been removed. */
  readPreview(generationId: string, preview: Preview): Promise<OpenObject | undefined> {
    return this.#objects.open(toPreviewKey(generationId, preview));
  }

  /** @throws NOT_FOUND when the image was deleted */
  read({ key }: Image): Promise<OpenObject> {
    return this.#openKey(key);
  }

  async #openKey(key: string): Promise<OpenObject> {
    const object = await this.#objects.open(key);
    if (!object) throw deleted();
    return object;
  }

  async #find(imageId: string): Promise<Image> {
    const now = performance.now();
    const cached = this.#cached.get(imageId);
    if (cached && cached.until > now) return cached.image;
    const deletions = this.#deletions;
    const [image] = await this.#records.findImages([imageId]);
    this.#cached.delete(imageId);
    if (!image) throw deleted();
    // The record may have been read just before it was deleted: after any deletion it is not cached.
    if (deletions === this.#deletions) this.#cached.set(imageId, { image, until: now + CACHED_MS });
    const [oldest] = this.#cached.keys();
    if (oldest !== undefined && this.#cached.size > MAX_CACHED) this.#cached.delete(oldest);
    return image;
  }
}

/**
 * A derivative that is made again has other bytes, because its signature is new. So its ETag contains the time at which
 * it was stored.
 */
function tagOfDerivative({ sha256 }: Image, rendition: Rendition, { modifiedAt }: OpenObject): string {
  return `${sha256}-${toDerivativeName(rendition)}-${modifiedAt.getTime().toString(36)}`;
}

function deleted(): GatewayError {
  return new GatewayError("NOT_FOUND", "this image was deleted");
}
