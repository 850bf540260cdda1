import type { Generation, GenerationStatus, Image, Preview } from "../../../ports/records.ts";
import { isEnded } from "../running/generation-end.ts";

/** Something that happened to a generation. */
export type GenerationEvent =
  | { readonly type: "status"; readonly generation: Generation }
  | ({ readonly type: "partial"; readonly generation: Generation } & Preview)
  | { readonly type: "image"; readonly generation: Generation; readonly image: Image };

/** Remembers what one viewer has seen of a generation. */
export class GenerationProgress {
  /** Created with the first entry: there are many viewers, and most wait for long. */
  #seen: Set<string> | undefined;
  /** The number of previews and images at the last read. */
  #count = 0;
  #status: GenerationStatus | undefined;

  /**
   * Compares the records with what the viewer has seen.
   *
   * @returns the events that are new to the viewer; the current state on the first call
   */
  advance(generation: Generation, images: readonly Image[]): readonly GenerationEvent[] {
    const count = images.length + (generation.previews?.length ?? 0);
    // Usually nothing changed for this viewer.
    if (generation.status === this.#status && count === this.#count) return [];
    this.#count = count;
    const isFirst = this.#status === undefined;
    const hasEnded = isEnded(generation);
    const events: GenerationEvent[] = [];
    // The generation ran and ended between two reads. A viewer that saw it queued sees it run first.
    if (hasEnded && this.#status === "QUEUED" && generation.startedAt)
      events.push(...this.#statusOf(asItRan(generation)));
    if (isFirst || !hasEnded) events.push(...this.#statusOf(generation));
    // A viewer that joins when an image is complete needs none of its previews.
    const known = isFirst ? images.map(({ index }) => index) : [];
    const isLate = isFirst && hasEnded;
    for (const preview of isLate ? [] : (generation.previews ?? [])) {
      if (!known.includes(preview.imageIndex)) events.push(...this.#previewOf(generation, preview));
    }
    for (const image of images) {
      if (this.#isNew(`image ${image.index}`)) events.push({ type: "image", generation, image });
    }
    return hasEnded ? [...events, ...this.#statusOf(generation)] : events;
  }

  #statusOf(generation: Generation): readonly GenerationEvent[] {
    if (generation.status === this.#status) return [];
    this.#status = generation.status;
    return [{ type: "status", generation }];
  }

  #previewOf(generation: Generation, { imageIndex, partialIndex }: Preview): readonly GenerationEvent[] {
    if (this.#seen?.has(`image ${imageIndex}`) || !this.#isNew(`preview ${imageIndex} ${partialIndex}`)) return [];
    return [{ type: "partial", generation, imageIndex, partialIndex }];
  }

  #isNew(name: string): boolean {
    this.#seen ??= new Set();
    return this.#seen.size < this.#seen.add(name).size;
  }
}

function asItRan(generation: Generation): Generation {
  const { finishedAt: _finishedAt, failure: _failure, usage: _usage, ...running } = generation;
  return { ...running, status: "RUNNING" };
}
