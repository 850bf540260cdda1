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
 * Makes a placeholder when it is first requested, unless one was made when the image was stored. Decoding a PNG costs
 * more than all other work on it, and most placeholders are never requested.
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
   * The placeholder of an image.
   *
   * @returns a `data:` URI under 1 KB
   * @throws NOT_FOUND when the image was deleted in the meantime, OVERLOADED when too many placeholders wait to be made
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
    if (!object) throw new GatewayError("NOT_FOUND", "this image was deleted");
    const turn = { kind: "view", projectId: image.projectId } as const;
    const { placeholder } = await this.#codec.inspect(object, image, turn);
    // A placeholder that could not be stored is made again at the next request.
    await this.#records.keepPlaceholder(image.id, placeholder).catch(() => {});
    return placeholder;
  }
}

function overloaded(): GatewayError {
  const message = "too many placeholders wait to be made; ask for this one again later";
  return new GatewayError("OVERLOADED", message, { retryAfterSeconds: RETRY_AFTER_SECONDS });
}
