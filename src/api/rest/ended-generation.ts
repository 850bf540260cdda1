import { GatewayError } from "../../errors.ts";
import type { Generation } from "../../ports/records.ts";
import { isEnded } from "../../service/generations/generation-end.ts";

/**
 * Throws what stands in the way of a generation's images: why it failed, or that it has not ended yet.
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
      // A provider that says 0 has just been asked three times: that is no time to wait.
      ...(retryAfterSeconds && { retryAfterSeconds }),
    });
  }
  if (isEnded(generation))
    throw new GatewayError("INTERRUPTED", "this generation was canceled", { isRetryable: false });
  const advice = "send the request again with the same Idempotency-Key to get its images without paying twice";
  if (status === "QUEUED") {
    throw new GatewayError("OVERLOADED", `the generation has not begun yet; ${advice}`, { retryAfterSeconds: 30 });
  }
  throw new GatewayError("UPSTREAM_TIMEOUT", `the images are not ready yet; ${advice}`);
}
