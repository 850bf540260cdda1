import { createHash } from "node:crypto";
import type { Logger } from "pino";
import { GatewayError } from "../errors.ts";
import type { Events } from "../ports/events.ts";
import type { ImageFormat, PixelSize, ProviderEvent, TokenUsage } from "../ports/image-provider.ts";
import type { ObjectStore } from "../ports/object-store.ts";
import {
  FAILURE_CODES,
  type Generation,
  type GenerationFailure,
  type GenerationOutcome,
  type Image,
  type Records,
} from "../ports/records.ts";
import type { ModelCatalogue } from "./model-catalogue.ts";
import { formatOf, inspectImage, renderImage } from "./pixels.ts";
import { untilAborted } from "./until-aborted.ts";

export interface RunnerOptions {
  readonly records: Records;
  readonly objects: ObjectStore;
  readonly events: Events;
  readonly catalogue: ModelCatalogue;
  readonly logger: Logger;
  readonly now: () => Date;
  readonly newImageId: () => string;
  /** How long one provider call may take. */
  readonly upstreamTimeoutMs: number;
}

/** Carries out accepted generations: provider → storage → records. Whoever asked for them may be gone. */
export class Runner {
  readonly #options: RunnerOptions;
  readonly #stop = new AbortController();

  constructor(options: RunnerOptions) {
    this.#options = options;
  }

  /** Brings one generation to its end. Never rejects; does nothing when the generation is not queued (any more). */
  async run(generationId: string): Promise<void> {
    const { records, events, logger, now } = this.#options;
    try {
      const generation = await records.start(generationId, now());
      if (!generation) return;
      events.publish({ generationId });
      const outcome = await this.#carryOut(generation);
      await records.finish(generationId, outcome, now());
      logger.info({ generationId, status: outcome.status, ...failureFacts(outcome) }, "generation ended");
    } catch (error) {
      logger.error({ generationId, err: error }, "generation could not be recorded");
      events.publish({ generationId, isUnrecorded: true });
      return;
    }
    events.publish({ generationId });
  }

  /** Cuts off every running provider call; their generations end as `INTERRUPTED`. */
  interrupt(): void {
    this.#stop.abort(new GatewayError("INTERRUPTED", "the gateway was stopped while the provider was at work"));
  }

  async #carryOut(generation: Generation): Promise<GenerationOutcome> {
    const storedIndexes = new Set<number>();
    let usage: TokenUsage | undefined;
    const timeout = new AbortController();
    const timer = setTimeout(() => timeout.abort(upstreamTimeout()), this.#options.upstreamTimeoutMs);
    const signal = AbortSignal.any([this.#stop.signal, timeout.signal]);
    try {
      for await (const event of untilAborted(this.#generate(generation, signal), signal)) {
        if (event.type === "usage") usage = event.usage;
        if (event.type === "image" && event.index < generation.n && !storedIndexes.has(event.index)) {
          await this.#store(generation, { ...event, bytes: untilAborted(event.bytes, signal) });
          storedIndexes.add(event.index);
        }
      }
      if (storedIndexes.size < generation.n) {
        const message = `the provider answered with ${storedIndexes.size} of ${generation.n} images`;
        throw new GatewayError("UPSTREAM_FAILED", message, { billed: storedIndexes.size > 0 ? "YES" : "UNKNOWN" });
      }
      return { status: "SUCCEEDED", ...(usage && { usage }) };
    } catch (error) {
      const failure = this.#toFailure(generation, error);
      const billed = storedIndexes.size > 0 ? "YES" : failure.billed;
      return { status: "FAILED", failure: { ...failure, billed }, ...(usage && { usage }) };
    } finally {
      clearTimeout(timer);
    }
  }

  #generate(generation: Generation, signal: AbortSignal): AsyncIterable<ProviderEvent> {
    const model = this.#options.catalogue.find(generation.model);
    if (!model) throw new GatewayError("MODEL_UNAVAILABLE", "the model is not configured any more", { billed: "NO" });
    return model.provider.generate(
      {
        model: generation.model,
        prompt: generation.prompt,
        n: generation.n,
        size: generation.modelSize,
        quality: generation.quality,
        format: formatToAskFor(generation.format, model.description.formats),
        background: generation.background,
        partialImages: 0,
        ...(generation.seed !== undefined && { seed: generation.seed }),
      },
      signal,
    );
  }

  /** The provider's bytes are stored first and as they came; whatever else is needed is made from the stored copy. */
  async #store(generation: Generation, event: Extract<ProviderEvent, { type: "image" }>): Promise<void> {
    const { records, objects, events, now, newImageId } = this.#options;
    const id = newImageId();
    const originalKey = `${generation.id}/${id}/original`;
    const keys = [originalKey];
    try {
      const original = new Meter(event.bytes);
      await objects.put(originalKey, original.bytes);
      const made = await this.#inspect(originalKey, original.format);
      const isAsAsked = original.format === generation.format && isSameSize(made, generation.requestedSize);
      const key = isAsAsked ? originalKey : `${generation.id}/${id}/delivered`;
      if (!isAsAsked) keys.push(key);
      const delivered = isAsAsked ? original : await this.#deliverExactly(generation, originalKey, key);
      const image: Image = {
        id,
        generationId: generation.id,
        owner: generation.owner,
        index: event.index,
        key,
        originalKey,
        ...generation.requestedSize,
        format: generation.format,
        byteSize: delivered.byteSize,
        sha256: delivered.sha256,
        placeholder: made.placeholder,
        createdAt: now(),
      };
      const isAdded = await records.addImage(image, { width: made.width, height: made.height });
      if (!isAdded) throw new Error("the generation ended while an image was stored");
    } catch (error) {
      await Promise.allSettled(keys.map((key) => objects.delete(key)));
      throw error;
    }
    events.publish({ generationId: generation.id });
  }

  async #inspect(key: string, format: ImageFormat | undefined) {
    const notAnImage = "the provider answered with something that is not an image";
    if (!format) throw new GatewayError("UPSTREAM_FAILED", notAnImage);
    const stored = await this.#read(key);
    return inspectImage(stored).catch((cause) => {
      throw new GatewayError("UPSTREAM_FAILED", notAnImage, { cause });
    });
  }

  async #deliverExactly(generation: Generation, originalKey: string, key: string): Promise<Meter> {
    const { requestedSize, format } = generation;
    const rendered = renderImage(await this.#read(originalKey), { ...requestedSize, fit: "COVER", format });
    const delivered = new Meter(rendered);
    await this.#options.objects.put(key, delivered.bytes);
    return delivered;
  }

  async #read(key: string): Promise<AsyncIterable<Uint8Array>> {
    const object = await this.#options.objects.open(key);
    if (!object) throw new Error("a stored image is not in the object store");
    return object.read();
  }

  #toFailure({ id }: Generation, error: unknown): GenerationFailure {
    const known = error instanceof GatewayError ? FAILURE_CODES.find((code) => code === error.code) : undefined;
    if (error instanceof GatewayError && known) {
      const { billed = "UNKNOWN", retryAfterSeconds } = error.details;
      this.#options.logger.warn({ generationId: id, err: error }, "provider call failed");
      return {
        code: known,
        message: error.message,
        retryable: error.isRetryable,
        billed,
        ...(retryAfterSeconds !== undefined && { retryAfterSeconds }),
      };
    }
    this.#options.logger.error({ generationId: id, err: error }, "generation failed");
    const message = `an internal error stopped this generation; the operator finds it under ${id}`;
    return { code: "INTERNAL", message, retryable: false, billed: "UNKNOWN" };
  }
}

/** Counts, hashes and recognises bytes as they pass. */
class Meter {
  readonly bytes: AsyncIterable<Uint8Array>;
  readonly #hash = createHash("sha256");
  #byteSize = 0;
  #head = new Uint8Array(0);

  constructor(source: AsyncIterable<Uint8Array>) {
    this.bytes = this.#measure(source);
  }

  get byteSize(): number {
    return this.#byteSize;
  }

  /** In hexadecimal; asked for once, when all bytes have passed. */
  get sha256(): string {
    return this.#hash.digest("hex");
  }

  get format(): ImageFormat | undefined {
    return formatOf(this.#head);
  }

  async *#measure(source: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
    for await (const chunk of source) {
      if (this.#head.length < 12) this.#head = Buffer.concat([this.#head, chunk.subarray(0, 12)]);
      this.#hash.update(chunk);
      this.#byteSize += chunk.byteLength;
      yield chunk;
    }
  }
}

function upstreamTimeout(): GatewayError {
  return new GatewayError("UPSTREAM_TIMEOUT", "the provider did not answer in time");
}

/** A format the model does not make is made here, from the one that loses nothing. */
function formatToAskFor(wanted: ImageFormat, offered: readonly ImageFormat[]): ImageFormat {
  return offered.includes(wanted) ? wanted : "PNG";
}

function isSameSize(a: PixelSize, b: PixelSize): boolean {
  return a.width === b.width && a.height === b.height;
}

function failureFacts(outcome: GenerationOutcome): { code?: string; billed?: string } {
  return outcome.status === "FAILED" ? { code: outcome.failure.code, billed: outcome.failure.billed } : {};
}
