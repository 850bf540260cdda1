import type { Generation, Image } from "./records.ts";

/** A notice that a generation changed. The records have the change. */
export interface GenerationNotice {
  readonly generationId: string;
  /**
   * Set when the change could not be recorded. Callers of this process that wait for the generation must not wait any
   * longer.
   */
  readonly isUnrecorded?: boolean;
  /** Set if the generation was just accepted. Only listeners to all generations get this notice. */
  readonly isNew?: boolean;
  /** Set if the generation is still running. Callers that wait for its end need not read the records. */
  readonly isRunning?: boolean;
  /** The worker that made the change, if known. It ignores its own notices. */
  readonly worker?: string;
  /** The records after the end, if this process wrote it and no later notice was sent: they need not be read. */
  readonly end?: EndedGeneration;
}

/** A generation that has ended, as recorded. */
export interface EndedGeneration {
  readonly generation: Generation;
  /** All its images; `undefined` if they have to be read. */
  readonly images?: readonly Image[];
}

/** Sends notices about generations to every process that listens, including this one. */
export interface Events {
  publish(notice: GenerationNotice): void;
  /** Calls `listener` for each notice about this generation until the returned function is called. */
  subscribe(generationId: string, listener: (notice: GenerationNotice) => void): () => void;
  /**
   * Calls `listener` for each notice about any generation until the returned function is called; with `undefined` when
   * notices may have been lost.
   */
  subscribeToAll(listener: (notice: GenerationNotice | undefined) => void): () => void;
}
