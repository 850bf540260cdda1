import type { PixelSize } from "../../../ports/image-provider.ts";
import type { Generation, GenerationFailure, GenerationOutcome } from "../../../ports/records.ts";

/** Whether the generation has ended: nothing happens to it any more. */
export function isEnded({ status }: Generation): boolean {
  return status === "SUCCEEDED" || status === "FAILED" || status === "CANCELED";
}

/**
 * The record of a generation after its end was written.
 *
 * @param running the generation while it ran, without previews
 * @param generatedSize `undefined` if the model made no image
 */
export function toEnded(
  running: Generation,
  outcome: GenerationOutcome,
  at: Date,
  generatedSize: PixelSize | undefined,
): Generation {
  const { status, usage, warnings = running.warnings } = outcome;
  // Of a generation whose cost is not known, the highest possible cost is charged.
  const most = running.maxCost === undefined ? undefined : { usd: running.maxCost, isEstimated: true };
  const cost = outcome.cost ?? most;
  return {
    ...running,
    status,
    warnings,
    ...(generatedSize && { generatedSize }),
    ...(status === "FAILED" && { failure: outcome.failure }),
    ...(usage && { usage }),
    ...(cost && { cost: cost.usd, ...(cost.isEstimated && { costIsEstimated: true }) }),
    finishedAt: at,
  };
}

/** The failure of a generation whose process died while the provider was working. */
export const INTERRUPTED: GenerationFailure = {
  code: "INTERRUPTED",
  message: "the gateway stopped while the provider was working; it is not known whether it was billed",
  retryable: true,
  billed: "UNKNOWN",
};

/** The failure of a generation that a caller canceled while the provider was working. */
export const CANCELED_WHILE_RUNNING: GenerationFailure = {
  code: "INTERRUPTED",
  message: "the generation was canceled while the provider was working; it is not known whether it was billed",
  retryable: false,
  billed: "UNKNOWN",
};
