import { EventEmitter } from "node:events";
import type { Events, GenerationNotice } from "../../ports/events.ts";

/** The name of the event that every notice is. No generation has it. */
const ANY = Symbol("any generation");

/** Delivers notices within one process. */
export class MemoryEvents implements Events {
  readonly #emitter = new EventEmitter().setMaxListeners(0);

  publish(notice: GenerationNotice): void {
    this.#emitter.emit(ANY, notice);
    if (!notice.isNew) this.#emitter.emit(notice.generationId, notice);
  }

  subscribe(generationId: string, listener: (notice: GenerationNotice) => void): () => void {
    return this.#listen(generationId, listener);
  }

  subscribeToAll(listener: (notice: GenerationNotice | undefined) => void): () => void {
    return this.#listen(ANY, listener);
  }

  #listen(name: string | symbol, listener: (notice: GenerationNotice) => void): () => void {
    this.#emitter.on(name, listener);
    return () => this.#emitter.off(name, listener);
  }
}
