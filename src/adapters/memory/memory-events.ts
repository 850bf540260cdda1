import { EventEmitter } from "node:events";
import type { Events, GenerationNotice } from "../../ports/events.ts";

/** Delivers notices within one process. */
export class MemoryEvents implements Events {
  readonly #emitter = new EventEmitter().setMaxListeners(0);

  publish(notice: GenerationNotice): void {
    this.#emitter.emit(notice.generationId, notice);
  }

  subscribe(generationId: string, listener: (notice: GenerationNotice) => void): () => void {
    this.#emitter.on(generationId, listener);
    return () => this.#emitter.off(generationId, listener);
  }
}
