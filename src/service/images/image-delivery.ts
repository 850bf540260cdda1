import { GatewayError } from "../../errors.ts";
import type { ImageFormat } from "../../ports/image-provider.ts";
import type { ObjectStore, OpenObject } from "../../ports/object-store.ts";
import type { Image, Preview, Records } from "../../ports/records.ts";
import { toPreviewKey } from "../generations/previews.ts";
import { type Derivatives, toDerivativeName } from "./derivatives.ts";
import { type ImageLinks, type LinkTarget, ORIGINAL, originalFormatOf } from "./image-links.ts";

/** How long a record is believed without asking again: images never change, they are only deleted. */
const BELIEVED_MS = 2_000;
const MAX_BELIEVED = 1_000;

type PreviewTarget = Extract<LinkTarget, { readonly preview: unknown }>;

/** The bytes behind a signed URL, and what a cache may know about them. */
export interface Delivery {
  readonly object: OpenObject;
  readonly format: ImageFormat;
  /** Different bytes have different tags. */
  readonly tag: string;
  /** How long the URL goes on working. */
  readonly secondsLeft: number;
}

export interface ImageDeliveryOptions {
  readonly records: Pick<Records, "findImages">;
  readonly objects: ObjectStore;
  readonly links: ImageLinks;
  readonly derivatives: Derivatives;
}

/** Opens what signed URLs stand for. */
export class ImageDelivery {
  readonly #records: Pick<Records, "findImages">;
  readonly #objects: ObjectStore;
  readonly #links: ImageLinks;
  readonly #derivatives: Derivatives;
  readonly #believed = new Map<string, { readonly image: Image; readonly until: number }>();
  #deletions = 0;

  constructor({ records, objects, links, derivatives }: ImageDeliveryOptions) {
    this.#records = records;
    this.#objects = objects;
    this.#links = links;
    this.#derivatives = derivatives;
  }

  /**
   * @param url path and query exactly as they were received
   * @param network where the viewer is
   * @throws FORBIDDEN when the URL was changed or its time is over, NOT_FOUND when the image was deleted, and what
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
    return { object, format: rendition.format, tag: `${image.sha256}-${toDerivativeName(rendition)}`, secondsLeft };
  }

  /**
   * To be called when the record of a generation is gone: its images are not found any more, and once this resolves
   * nothing of them is stored again. Other processes may need seconds to notice.
   */
  async forget(generationId: string): Promise<void> {
    this.#deletions++;
    for (const [id, { image }] of this.#believed) if (image.generationId === generationId) this.#believed.delete(id);
    await this.#derivatives.forget(generationId);
  }

  /** Resolves when no derivative is being made or stored. */
  close(): Promise<void> {
    return this.#derivatives.close();
  }

  /** Previews have no record of their own: once they are not shown any more, their bytes are gone. */
  async #openPreview({ generationId, preview, secondsLeft }: PreviewTarget): Promise<Delivery> {
    const key = toPreviewKey(generationId, preview);
    const object = await this.#objects.open(key);
    if (!object) throw new GatewayError("NOT_FOUND", "this preview is not shown any more; look for the image itself");
    return { object, format: "WEBP", tag: key.replaceAll("/", "-"), secondsLeft };
  }

  /** A preview's bytes, a WebP; `undefined` when it is not shown any more. */
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
    const believed = this.#believed.get(imageId);
    if (believed && believed.until > now) return believed.image;
    const deletions = this.#deletions;
    const [image] = await this.#records.findImages([imageId]);
    this.#believed.delete(imageId);
    if (!image) throw deleted();
    // What was deleted meanwhile may have been read before.
    if (deletions === this.#deletions) this.#believed.set(imageId, { image, until: now + BELIEVED_MS });
    const [oldest] = this.#believed.keys();
    if (oldest !== undefined && this.#believed.size > MAX_BELIEVED) this.#believed.delete(oldest);
    return image;
  }
}

function deleted(): GatewayError {
  return new GatewayError("NOT_FOUND", "this image does not exist any more");
}
