/** Something about a generation changed; what, the records tell. */
export interface GenerationNotice {
  readonly generationId: string;
  /** Set when the change could not be recorded: who waits for it in this process would wait in vain. */
  readonly isUnrecorded?: boolean;
  /** The worker that made the change, where it is known: it need not look for itself. */
  readonly worker?: string;
}

/** Tells every process that listens, in this one and in others, that a generation changed. */
export interface Events {
  publish(notice: GenerationNotice): void;
  /** Calls `listener` for each notice about this generation until the returned function is called. */
  subscribe(generationId: string, listener: (notice: GenerationNotice) => void): () => void;
}
