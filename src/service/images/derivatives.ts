import type { Logger } from "pino";
import { GatewayError } from "../../errors.ts";
import { type Rendition, UndecodableImageError } from "../../ports/image-codec.ts";
import type { DigitalSourceType, PixelSize } from "../../ports/image-provider.ts";
import type { Metrics } from "../../ports/metrics.ts";
import type { ObjectStore, OpenObject, StoredObject } from "../../ports/object-store.ts";
import type { Image } from "../../ports/records.ts";
import type { Traces } from "../../ports/traces.ts";
import { toRenditionName } from "./image-links.ts";
import { sizeOfRendition } from "./pixels.ts";
import type { ScheduledCodec } from "./scheduled-codec.ts";
import { actionBetween, type Claim, type Signing } from "./signing.ts";
import type { StorageBudget } from "./storage-budget.ts";
import { UnstoredImages } from "./unstored-images.ts";

export interface DerivativesOptions {
  readonly budget: StorageBudget;
  readonly objects: ObjectStore;
  readonly codec: ScheduledCodec;
  readonly metrics: Pick<Metrics, "derivativeStored">;
  readonly traces: Pick<Traces, "within">;
  readonly signing: Signing;
  readonly logger: Logger;
}

/** A derivative that a viewer requested. */
interface Wanted {
  readonly image: Image;
  readonly rendition: Rendition;
  readonly key: string;
  readonly network: string | undefined;
}

/** Makes a derivative of an image when it is first requested, and stores it for later requests. */
export class Derivatives {
  readonly #options: DerivativesOptions;
  /** The derivatives being made, by key. Each resolves to `undefined` once stored, or to the unstored derivative. */
  readonly #making = new Map<string, Promise<OpenObject | undefined>>();
  readonly #unstored = new UnstoredImages();

  constructor(options: DerivativesOptions) {
    this.#options = options;
  }

  /**
   * Opens a derivative. It is stored before anyone reads it, so that a slow viewer keeps none of it in memory.
   *
   * @param network the viewer's network; viewers of different networks take turns
   * @throws NOT_FOUND when the image was deleted, OVERLOADED when too many derivatives wait to be made, UPSTREAM_FAILED
   *   when the image needs too much memory or time to decode
   */
  async open(image: Image, rendition: Rendition, network?: string): Promise<OpenObject> {
    const key = `${image.generationId}/${image.id}/${toDerivativeName(rendition)}`;
    const { objects, budget } = this.#options;
    const stored = await objects.open(key);
    if (stored) {
      budget.use(key);
      return stored;
    }
    const wanted = { image, rendition, key, network };
    const made = await this.#make(wanted);
    // Another process may have deleted it in the meantime.
    return made ?? (await objects.open(key)) ?? this.#makeUnstored(wanted);
  }

  /** Call this after a generation was deleted. Once it resolves, no derivative of the generation is stored again. */
  async forget(generationId: string): Promise<void> {
    const making = [...this.#making].filter(([key]) => key.startsWith(`${generationId}/`));
    await Promise.allSettled(making.map(([, made]) => made));
  }

  /** Resolves when no derivative is being made or stored. */
  async close(): Promise<void> {
    await Promise.allSettled(this.#making.values());
    await this.#options.budget.close();
  }

  /** Makes a derivative once for all viewers who request it in the meantime. */
  #make(wanted: Wanted): Promise<OpenObject | undefined> {
    const { key } = wanted;
    const running = this.#making.get(key);
    if (running) return running;
    const attributes = { "pictograph.image.id": wanted.image.id, "pictograph.image.format": wanted.rendition.format };
    const making = this.#options.traces
      .within({ name: "make derivative", attributes }, () => this.#store(wanted))
      .finally(() => this.#making.delete(key));
    this.#making.set(key, making);
    return making;
  }

  async #store(wanted: Wanted): Promise<OpenObject | undefined> {
    const { objects, logger } = this.#options;
    const { image, key } = wanted;
    // Another request may have stored it since the caller found it missing.
    if (await objects.open(key)) return undefined;
    const rendered = new Rendered(this.#render(wanted));
    let stored: StoredObject;
    try {
      stored = await objects.put(key, rendered.bytes);
    } catch (err) {
      if (rendered.failure) throw toGatewayError(rendered.failure.error);
      logger.warn({ imageId: image.id, err }, "a derivative could not be stored; it is made again at the next request");
      return this.#makeUnstored(wanted);
    }
    this.#options.metrics.derivativeStored(stored.byteSize);
    await this.#count(image, stored);
    return undefined;
  }

  /** Makes a derivative in memory, for the current viewers only. */
  async #makeUnstored(wanted: Wanted): Promise<OpenObject> {
    return this.#unstored.take(wanted.key, this.#render(wanted)).catch((error) => {
      throw toGatewayError(error);
    });
  }

  async *#render({ image, rendition, network }: Wanted): AsyncIterable<Uint8Array> {
    const original = await this.#options.objects.open(image.key);
    if (!original) throw deleted();
    const size = sizeOfRendition(image, rendition);
    const exactly = { ...rendition, ...size, digitalSourceType: digitalSourceOf(image) };
    const turn = { kind: "view", projectId: image.projectId, callerId: network } as const;
    const rendered = this.#options.codec.render(original, image, exactly, turn);
    yield* this.#options.signing.sign(rendered, claimOf(image, size), "view").bytes;
  }

  /**
   * Adds a stored derivative to the storage budget.
   *
   * @throws NOT_FOUND when the image was deleted in the meantime; the derivative is then removed again
   */
  async #count(image: Image, stored: StoredObject): Promise<void> {
    const { budget, objects, logger } = this.#options;
    const isCounted = await budget.add(image.id, stored).catch((err) => {
      logger.warn({ imageId: image.id, err }, "a derivative could not be recorded yet; the next sweep records it");
      return true;
    });
    if (isCounted) return;
    await objects.delete(stored.key);
    throw deleted();
  }
}

function digitalSourceOf({ provenance }: Image): DigitalSourceType {
  return provenance?.digitalSourceType ?? "trainedAlgorithmicMedia";
}

/** The claim of a derivative. The image that it is made from is its parent if that has credentials. */
function claimOf(image: Image, size: PixelSize): Claim {
  const { key, originalKey, format, provenance } = image;
  const hasCredentials = provenance?.isSigned || (provenance?.hasContentCredentials && key === originalKey);
  return {
    digitalSourceType: digitalSourceOf(image),
    action: actionBetween(image, size),
    ingredients: hasCredentials ? [{ key, format, relationship: "parentOf" }] : [],
  };
}

/** The bytes of a rendition on their way into the store. It tells a failure to render from a failure to store. */
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

/** The name of a rendition's file. The same options always give the same name. */
export function toDerivativeName(rendition: Rendition): string {
  return `${toRenditionName(rendition)}.${rendition.format.toLowerCase()}`;
}

function toGatewayError(error: unknown): unknown {
  if (!(error instanceof UndecodableImageError) || error.reason !== "exhausting") return error;
  const message =
    "this image needs more memory or time to decode than the gateway allows; load it without a size, format or quality";
  return new GatewayError("UPSTREAM_FAILED", message, { isRetryable: false, cause: error });
}

function deleted(): GatewayError {
  return new GatewayError("NOT_FOUND", "this image was deleted");
}
