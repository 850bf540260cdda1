import type { Generation, GenerationFailure } from "../../../ports/records.ts";

/** Whether the generation has ended: nothing happens to it any more. */
export function isEnded({ status }: Generation): boolean {
  return status === "SUCCEEDED" || status === "FAILED" || status === "CANCELED";
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
