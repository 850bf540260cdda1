import { GatewayError } from "../../errors.ts";
import type { Generation } from "../../ports/records.ts";
import { isEnded } from "../../service/generations/running/generation-end.ts";

/**
 * Throws the reason why a generation has no images: its failure, its cancellation, or that it has not ended yet.
 *
 * @throws the failure, with `details.billed`; INTERRUPTED when it was canceled; OVERLOADED while it is queued,
 *   UPSTREAM_TIMEOUT while it runs
 */
export function refuseUnlessSucceeded(generation: Generation): void {
  const { status, failure } = generation;
  if (status === "SUCCEEDED") return;
  if (failure) {
    const { code, message, retryable, billed, field, retryAfterSeconds } = failure;
    throw new GatewayError(code, message, {
      isRetryable: retryable,
      billed,
      ...(field !== undefined && { field }),
      // The provider has just been called three times. A wait of 0 seconds would not help.
      ...(retryAfterSeconds && { retryAfterSeconds }),
    });
  }
  if (isEnded(generation))
    throw new GatewayError("INTERRUPTED", "this generation was canceled", { isRetryable: false });
  const advice = "send the request again with the same Idempotency-Key to get its images without paying twice";
  if (status === "QUEUED") {
    throw new GatewayError("OVERLOADED", `the generation has not started yet; ${advice}`, { retryAfterSeconds: 30 });
  }
  throw new GatewayError("UPSTREAM_TIMEOUT", `the images are not ready yet; ${advice}`);
}
