import type { Logger } from "pino";
import type { Generation, Records } from "../../ports/records.ts";

/** Facts that the record of an ended generation lacks. */
export interface EndMeasures {
  /** How many images are stored. */
  readonly imageCount: number;
  /** How long all calls to providers took together, in milliseconds; `undefined` if this process made none. */
  readonly providerMs?: number | undefined;
}

/**
 * Logs the end of a generation: its model, operation, images, cost and durations. The cost is what the budgets were
 * charged. Never the prompt.
 */
export function logEnd(logger: Logger, ended: Generation, { imageCount, providerMs }: EndMeasures): void {
  const { id: generationId, status, model, edit, failure, n, cost, costIsEstimated } = ended;
  const { createdAt, startedAt, finishedAt = createdAt } = ended;
  const facts = {
    generationId,
    status,
    ...(failure && { code: failure.code, billed: failure.billed }),
    model,
    operation: edit ? "EDIT" : "GENERATE",
    requestedImages: n,
    imageCount,
    ...(cost !== undefined && { costUsd: cost, costIsEstimated: costIsEstimated === true }),
    queuedMs: msBetween(createdAt, startedAt ?? finishedAt),
    ...(startedAt && { runMs: msBetween(startedAt, finishedAt) }),
    ...(providerMs !== undefined && { providerMs: Math.round(providerMs) }),
  };
  logger.info(facts, "generation ended");
}

/** Logs the end of generations that no process was running when they ended. */
export async function logRecordedEnds(
  { records, logger }: { readonly records: Records; readonly logger: Logger },
  generationIds: readonly string[],
): Promise<void> {
  if (generationIds.length === 0) return;
  const images = Map.groupBy(await records.findImagesOf(generationIds), ({ generationId }) => generationId);
  for (const ended of await records.findGenerations(generationIds)) {
    logEnd(logger, ended, { imageCount: images.get(ended.id)?.length ?? 0 });
  }
}

/** The clocks of two processes may differ, so a later time may look earlier. */
function msBetween(from: Date, to: Date): number {
  return Math.max(0, to.getTime() - from.getTime());
}
