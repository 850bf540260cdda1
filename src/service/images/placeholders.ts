import { availableParallelism } from "node:os";
import PQueue from "p-queue";
import { GatewayError } from "../../errors.ts";
import type { ObjectStore } from "../../ports/object-store.ts";
import type { Image, Records } from "../../ports/records.ts";
import type { ScheduledCodec } from "./scheduled-codec.ts";

/** How many placeholders may wait to be made: ten pages of the longest list. */
const MAX_WAITING = 1_000;
const RETRY_AFTER_SECONDS = 5;

/**
 * Makes placeholders when they are first asked for, unless the image was decoded anyway when it was stored. Decoding a
 * PNG costs more than everything else that happens to it, and most placeholders are never asked for.
 */
export class Placeholders {
  readonly #records: Records;
  readonly #objects: ObjectStore;
  readonly #codec: ScheduledCodec;
  readonly #making = new Map<string, Promise<string>>();
  readonly #queue = new PQueue({ concurrency: availableParallelism() });

  constructor(records: Records, objects: ObjectStore, codec: ScheduledCodec) {
    this.#records = records;
    this.#objects = objects;
    this.#codec = codec;
  }

  /**
   * @returns a `data:` URI under 1 KB
   * @throws NOT_FOUND when the image was deleted meanwhile, OVERLOADED when too many wait to be made
   */
  async of(image: Image): Promise<string> {
    if (image.placeholder !== undefined) return image.placeholder;
    const running = this.#making.get(image.id);
    if (running) return running;
    if (this.#queue.size >= MAX_WAITING) throw overloaded();
    const making = this.#queue.add(() => this.#make(image));
    this.#making.set(image.id, making);
    try {
      return await making;
    } finally {
      this.#making.delete(image.id);
    }
  }

  async #make(image: Image): Promise<string> {
    const object = await this.#objects.open(image.key);
    if (!object) throw new GatewayError("NOT_FOUND", "this image does not exist any more");
    const turn = { kind: "view", projectId: image.projectId } as const;
    const { placeholder } = await this.#codec.inspect(object, image, turn);
    // What could not be kept is made again.
    await this.#records.keepPlaceholder(image.id, placeholder).catch(() => {});
    return placeholder;
  }
}

function overloaded(): GatewayError {
  const message = "too many placeholders wait to be made; ask for this one again later";
  return new GatewayError("OVERLOADED", message, { retryAfterSeconds: RETRY_AFTER_SECONDS });
}
