import type { Generation, GenerationFailure } from "../../ports/records.ts";

/** Whether the generation has ended: nothing happens to it any more. */
export function isEnded({ status }: Generation): boolean {
  return status === "SUCCEEDED" || status === "FAILED" || status === "CANCELED";
}

/** The failure of a generation whose process died while the provider was at work. */
export const INTERRUPTED: GenerationFailure = {
  code: "INTERRUPTED",
  message: "the gateway stopped while the provider was at work; whether it was billed is not known",
  retryable: true,
  billed: "UNKNOWN",
};

/** The failure of a generation that a caller canceled while the provider was at work. */
export const CANCELED_WHILE_RUNNING: GenerationFailure = {
  code: "INTERRUPTED",
  message: "the generation was canceled while the provider was at work; whether it was billed is not known",
  retryable: false,
  billed: "UNKNOWN",
};
