import { availableParallelism } from "node:os";
import PQueue from "p-queue";
import { GatewayError } from "../../errors.ts";
import type { ObjectStore } from "../../ports/object-store.ts";
import type { Image, Records } from "../../ports/records.ts";
import { inspectImage } from "./pixels.ts";

/**
 * Makes the placeholders that did not fall off when an image was stored, when they are first asked for. To decode a PNG
 * costs more than all the rest of its way, and most images are never asked for theirs.
 */
export class Placeholders {
  readonly #records: Records;
  readonly #objects: ObjectStore;
  readonly #making = new Map<string, Promise<string>>();
  readonly #queue = new PQueue({ concurrency: availableParallelism() });

  constructor(records: Records, objects: ObjectStore) {
    this.#records = records;
    this.#objects = objects;
  }

  /**
   * @returns a `data:` URI under 1 KB
   * @throws NOT_FOUND when the image was deleted meanwhile
   */
  async of(image: Image): Promise<string> {
    if (image.placeholder !== undefined) return image.placeholder;
    const running = this.#making.get(image.id);
    if (running) return running;
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
    const { placeholder } = await inspectImage(object.read());
    // What could not be kept is made again.
    await this.#records.keepPlaceholder(image.id, placeholder).catch(() => {});
    return placeholder;
  }
}
