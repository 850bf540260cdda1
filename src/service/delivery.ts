import { availableParallelism } from "node:os";
import PQueue from "p-queue";
import { GatewayError } from "../errors.ts";
import type { ImageFormat } from "../ports/image-provider.ts";
import type { ObjectStore, OpenObject } from "../ports/object-store.ts";
import type { Image, Preview, Records } from "../ports/records.ts";
import { type ImageLinks, type LinkTarget, toRenditionName } from "./image-links.ts";
import { type Rendition, renderImage } from "./pixels.ts";
import { toPreviewKey } from "./previews.ts";

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

/** Opens what signed URLs stand for, and makes derivatives when they are first asked for. */
export class ImageDelivery {
  readonly #records: Records;
  readonly #objects: ObjectStore;
  readonly #links: ImageLinks;
  readonly #renderings = new Map<string, Promise<OpenObject>>();
  readonly #renderQueue = new PQueue({ concurrency: availableParallelism() });

  constructor(records: Records, objects: ObjectStore, links: ImageLinks) {
    this.#records = records;
    this.#objects = objects;
    this.#links = links;
  }

  /**
   * @param url path and query exactly as they were received
   * @throws FORBIDDEN when the URL was changed or its time is over, NOT_FOUND when the image was deleted
   */
  async open(url: string): Promise<Delivery> {
    const target = this.#links.verify(url);
    if ("preview" in target) return this.#openPreview(target);
    const { imageId, rendition, secondsLeft } = target;
    const [image] = await this.#records.findImages([imageId]);
    const original = image && (await this.#objects.open(image.key));
    if (!image || !original) throw new GatewayError("NOT_FOUND", "this image does not exist any more");
    if (!rendition) return { object: original, format: image.format, tag: image.sha256, secondsLeft };
    const object = await this.#openRendition(image, original, rendition);
    return { object, format: rendition.format, tag: `${image.sha256}-${toRenditionKey(rendition)}`, secondsLeft };
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
  async read(image: Image): Promise<OpenObject> {
    const object = await this.#objects.open(image.key);
    if (!object) throw new GatewayError("NOT_FOUND", "this image does not exist any more");
    return object;
  }

  async #openRendition(image: Image, original: OpenObject, rendition: Rendition): Promise<OpenObject> {
    const key = `${image.generationId}/${image.id}/${toRenditionKey(rendition)}`;
    const stored = await this.#objects.open(key);
    if (stored) return stored;
    const running = this.#renderings.get(key);
    if (running) return running;
    const rendering = this.#renderQueue.add(() => this.#render(key, original, rendition));
    this.#renderings.set(key, rendering);
    try {
      return await rendering;
    } finally {
      this.#renderings.delete(key);
    }
  }

  async #render(key: string, original: OpenObject, rendition: Rendition): Promise<OpenObject> {
    await this.#objects.put(key, renderImage(original.read(), rendition));
    const object = await this.#objects.open(key);
    if (!object) throw new Error("a derivative vanished while it was made");
    return object;
  }
}

function toRenditionKey(rendition: Rendition): string {
  return `${toRenditionName(rendition)}.${rendition.format.toLowerCase()}`;
}
