import type { Logger } from "pino";
import { GatewayError } from "../../errors.ts";
import { type Rendition, UndecodableImageError } from "../../ports/image-codec.ts";
import type { ObjectStore, OpenObject, StoredObject } from "../../ports/object-store.ts";
import type { Image } from "../../ports/records.ts";
import { toRenditionName } from "./image-links.ts";
import { sizeOfRendition } from "./pixels.ts";
import type { ScheduledCodec } from "./scheduled-codec.ts";
import type { StorageBudget } from "./storage-budget.ts";
import { UnstoredImages } from "./unstored-images.ts";

export interface DerivativesOptions {
  readonly budget: StorageBudget;
  readonly objects: ObjectStore;
  readonly codec: ScheduledCodec;
  readonly logger: Logger;
}

/** Makes derivatives of images when they are first asked for, and keeps them. */
export class Derivatives {
  readonly #options: DerivativesOptions;
  /** What is being made, by its key; `undefined` when it was stored, and otherwise what could not be. */
  readonly #making = new Map<string, Promise<OpenObject | undefined>>();
  readonly #unstored = new UnstoredImages();

  constructor(options: DerivativesOptions) {
    this.#options = options;
  }

  /**
   * Opens a derivative, which is stored before anybody reads it: a viewer that reads slowly holds none of it in memory.
   *
   * @throws NOT_FOUND when the image was deleted, OVERLOADED when too many derivatives wait to be made, UPSTREAM_FAILED
   *   when the image takes too much to decode
   */
  async open(image: Image, rendition: Rendition): Promise<OpenObject> {
    const key = `${toPrefix(image)}${toDerivativeName(rendition)}`;
    const { objects, budget } = this.#options;
    const stored = await objects.open(key);
    if (stored) {
      budget.use(key);
      return stored;
    }
    const made = await this.#make(image, rendition, key);
    // Another process may have deleted it meanwhile.
    return made ?? (await objects.open(key)) ?? this.#makeUnstored(image, rendition, key);
  }

  /** To be called when a generation is gone: once this resolves, nothing of it is stored again. */
  async forget(generationId: string): Promise<void> {
    const making = [...this.#making].filter(([key]) => key.startsWith(`${generationId}/`));
    await Promise.allSettled(making.map(([, made]) => made));
  }

  /** Resolves when no derivative is being made or stored. */
  async close(): Promise<void> {
    await Promise.allSettled(this.#making.values());
    await this.#options.budget.close();
  }

  /** One work for all who ask meanwhile. */
  #make(image: Image, rendition: Rendition, key: string): Promise<OpenObject | undefined> {
    const running = this.#making.get(key);
    if (running) return running;
    const making = this.#store(image, rendition, key).finally(() => this.#making.delete(key));
    this.#making.set(key, making);
    return making;
  }

  async #store(image: Image, rendition: Rendition, key: string): Promise<OpenObject | undefined> {
    const { objects, logger } = this.#options;
    // Another one may have been stored since it was found missing.
    if (await objects.open(key)) return undefined;
    const rendered = new Rendered(this.#render(image, rendition));
    let stored: StoredObject;
    try {
      stored = await objects.put(key, rendered.bytes);
    } catch (err) {
      if (rendered.failure) throw toGatewayError(rendered.failure.error);
      logger.warn({ imageId: image.id, err }, "a derivative could not be kept; it is made again when asked for");
      return this.#makeUnstored(image, rendition, key);
    }
    await this.#count(image, stored);
    return undefined;
  }

  /** For these viewers alone, from memory. */
  async #makeUnstored(image: Image, rendition: Rendition, key: string): Promise<OpenObject> {
    return this.#unstored.take(key, this.#render(image, rendition)).catch((error) => {
      throw toGatewayError(error);
    });
  }

  async *#render(image: Image, rendition: Rendition): AsyncIterable<Uint8Array> {
    const original = await this.#options.objects.open(image.key);
    if (!original) throw deleted();
    const digitalSourceType = image.provenance?.digitalSourceType ?? "trainedAlgorithmicMedia";
    const exactly = { ...rendition, ...sizeOfRendition(image, rendition), digitalSourceType };
    yield* this.#options.codec.render(original, image, exactly, { kind: "view", projectId: image.projectId });
  }

  /** @throws NOT_FOUND when the image was deleted meanwhile; what was put back is removed again */
  async #count(image: Image, stored: StoredObject): Promise<void> {
    const { budget, objects, logger } = this.#options;
    const isCounted = await budget.add(image.id, stored).catch((err) => {
      logger.warn({ imageId: image.id, err }, "a derivative could not be counted yet; the next sweep finds it");
      return true;
    });
    if (isCounted) return;
    await objects.delete(stored.key);
    throw deleted();
  }
}

/** A rendition on its way into the store, which knows whether it was the rendering that failed. */
class Rendered {
  readonly bytes: AsyncIterable<Uint8Array>;
  #failure: { readonly error: unknown } | undefined;

  constructor(rendering: AsyncIterable<Uint8Array>) {
    this.bytes = this.#pass(rendering);
  }

  get failure(): { readonly error: unknown } | undefined {
    return this.#failure;
  }

  async *#pass(rendering: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
    try {
      yield* rendering;
    } catch (error) {
      this.#failure = { error };
      throw error;
    }
  }
}

/** Where everything of an image lies. */
function toPrefix({ id, generationId }: Image): string {
  return `${generationId}/${id}/`;
}

/** The name of a rendition's file, the same for the same pixels. */
export function toDerivativeName(rendition: Rendition): string {
  return `${toRenditionName(rendition)}.${rendition.format.toLowerCase()}`;
}

function toGatewayError(error: unknown): unknown {
  if (!(error instanceof UndecodableImageError) || error.reason !== "exhausting") return error;
  const message = "this image takes more memory or time to decode than any may; load it as it is stored";
  return new GatewayError("UPSTREAM_FAILED", message, { isRetryable: false, cause: error });
}

function deleted(): GatewayError {
  return new GatewayError("NOT_FOUND", "this image does not exist any more");
}
