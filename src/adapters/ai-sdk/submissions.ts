import { AsyncLocalStorage } from "node:async_hooks";
import { GatewayError } from "../../errors.ts";

/** The submissions of one call of a model. */
interface Submissions {
  /** The most submissions to `address`: one for each image. */
  readonly maxCount: number;
  /** Where the first one went. */
  address: string | undefined;
  count: number;
}

const current = new AsyncLocalStorage<Submissions>();

/**
 * Runs one call of a model, whose submissions {@link countSubmission} bounds.
 *
 * @param imageCount the images of the call
 */
export function withBoundedSubmissions<Result>(imageCount: number, call: () => Result): Result {
  return current.run({ maxCount: imageCount, address: undefined, count: 0 }, call);
}

/**
 * Counts a submission of the present call. A package may submit again by itself: `@ai-sdk/google` continues an answer
 * as often as the vendor says that it is not complete. The vendor charges for each, but only one per image is planned
 * and held in budgets. Submissions to another address than the first are not counted, because packages poll with them.
 *
 * @throws UPSTREAM_FAILED for the first submission too many, which must not be sent
 */
export function countSubmission({ origin, pathname }: URL): void {
  const submissions = current.getStore();
  if (!submissions) return;
  submissions.address ??= origin + pathname;
  if (submissions.address !== origin + pathname || ++submissions.count <= submissions.maxCount) return;
  const text = "the provider did not complete its answer in one call, and it is not called again";
  throw new GatewayError("UPSTREAM_FAILED", text, { billed: "UNKNOWN", isRetryable: false });
}
