import type { Logger } from "pino";
import { GatewayError } from "../../errors.ts";
import type { ImageFormat } from "../../ports/image-provider.ts";
import type { ObjectStore, OpenObject } from "../../ports/object-store.ts";
import type { Image, Preview, Records } from "../../ports/records.ts";
import { toPreviewKey } from "../generations/previews.ts";
import { type ImageLinks, type LinkTarget, ORIGINAL, originalFormatOf, toRenditionName } from "./image-links.ts";
import { type Rendition, renderImage, sizeOfRendition } from "./pixels.ts";
import { RenderQueue } from "./render-queue.ts";

/** How many derivatives of one image are kept; the oldest makes room for another one, and is made again when asked for. */
export const MAX_DERIVATIVES = 64;
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

/** Opens what signed URLs stand for, and makes derivatives when they are first asked for. */
export class ImageDelivery {
  readonly #records: Records;
  readonly #objects: ObjectStore;
  readonly #links: ImageLinks;
  readonly #logger: Logger;
  readonly #believed = new Map<string, { readonly image: Image; readonly until: number }>();
  #deletions = 0;
  readonly #renderings = new Map<string, { readonly object: Promise<OpenObject>; readonly kept: Promise<void> }>();
  readonly #renderQueue = new RenderQueue();

  constructor(records: Records, objects: ObjectStore, links: ImageLinks, logger: Logger) {
    this.#records = records;
    this.#objects = objects;
    this.#links = links;
    this.#logger = logger;
  }

  /**
   * @param url path and query exactly as they were received
   * @throws FORBIDDEN when the URL was changed or its time is over, NOT_FOUND when the image was deleted, OVERLOADED when
   *   too many derivatives wait to be made
   */
  async open(url: string): Promise<Delivery> {
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
    const object = await this.#openDerivative(image, rendition);
    return { object, format: rendition.format, tag: `${image.sha256}-${toDerivativeName(rendition)}`, secondsLeft };
  }

  /**
   * To be called when the record of a generation is gone: its images are not found any more, and once this resolves
   * nothing of them is stored again. Other processes may need seconds to notice.
   */
  async forget(generationId: string): Promise<void> {
    this.#deletions++;
    for (const [id, { image }] of this.#believed) if (image.generationId === generationId) this.#believed.delete(id);
    for (const [key, { kept }] of this.#renderings) if (key.startsWith(`${generationId}/`)) await kept;
  }

  /** Resolves when no derivative is being made or stored. */
  onIdle(): Promise<void> {
    return this.#renderQueue.onIdle();
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

  async #openDerivative(image: Image, rendition: Rendition): Promise<OpenObject> {
    const key = `${toPrefix(image)}${toDerivativeName(rendition)}`;
    const stored = await this.#objects.open(key);
    if (stored) return stored;
    const running = this.#renderings.get(key);
    if (running) return running.object;
    const { promise, resolve, reject } = Promise.withResolvers<OpenObject>();
    const kept = this.#makeDerivative(image, rendition, key, resolve)
      .catch(reject)
      .finally(() => this.#renderings.delete(key));
    this.#renderings.set(key, { object: promise, kept });
    return promise;
  }

  /** Hands it over as soon as it is rendered, and resolves when it is kept as well. */
  async #makeDerivative(
    image: Image,
    rendition: Rendition,
    key: string,
    handOver: (object: OpenObject) => void,
  ): Promise<void> {
    // Another one may have been stored since it was found missing.
    const stored = await this.#objects.open(key);
    if (stored) return handOver(stored);
    const original = await this.read(image);
    const size = sizeOfRendition(image, rendition);
    const pixels = image.width * image.height + size.width * size.height;
    await this.#renderQueue.run(rendition.format === "AVIF" ? "slow" : "quick", pixels, async () => {
      const source = image.provenance?.digitalSourceType ?? "trainedAlgorithmicMedia";
      const whole = original.read(undefined, Buffer.allocUnsafeSlow(original.byteSize));
      const [bytes = new Uint8Array()] = await Array.fromAsync(renderImage(whole, { ...rendition, ...size }, source));
      handOver(toObject(key, bytes));
      await this.#keep(image, key, bytes).catch((err) => {
        this.#logger.warn(
          { imageId: image.id, err },
          "a derivative could not be kept; it is made again when asked for",
        );
      });
    });
  }

  async #keep(image: Image, key: string, bytes: Uint8Array): Promise<void> {
    await this.#objects.put(key, once(bytes));
    await this.#makeRoom(image, key);
    // Deleted meanwhile: what was put back has to go again.
    const [known] = await this.#records.findImages([image.id]);
    if (!known) await this.#objects.delete(key);
  }

  async #makeRoom(image: Image, newKey: string): Promise<void> {
    const kept = [image.key, image.originalKey, newKey];
    const stored = await Array.fromAsync(this.#objects.list(toPrefix(image)));
    const older = stored.filter(({ key }) => !kept.includes(key));
    older.sort((a, b) => b.modifiedAt.getTime() - a.modifiedAt.getTime());
    for (const { key } of older.slice(MAX_DERIVATIVES - 1)) await this.#objects.delete(key);
  }
}

/** Where everything of an image lies. */
function toPrefix({ id, generationId }: Image): string {
  return `${generationId}/${id}/`;
}

function toDerivativeName(rendition: Rendition): string {
  return `${toRenditionName(rendition)}.${rendition.format.toLowerCase()}`;
}

/** A derivative that is not stored yet. */
function toObject(key: string, bytes: Uint8Array): OpenObject {
  const { byteLength } = bytes;
  const read = ({ start, end } = { start: 0, end: byteLength - 1 }) => once(bytes.subarray(start, end + 1));
  return { key, byteSize: byteLength, modifiedAt: new Date(), read };
}

async function* once(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  yield bytes;
}

function deleted(): GatewayError {
  return new GatewayError("NOT_FOUND", "this image does not exist any more");
}
