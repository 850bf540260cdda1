import { signal } from "@preact/signals";
import { type StudioError, toStudioError } from "../api/errors.ts";
import type { GenerateImagesInput } from "../generated/graphql.ts";
import { generate, type Job, newIdempotencyKey } from "../state/generations.ts";

/** How many generations are on their way to the gateway. */
export const sending = signal(0);
/** Why the last one was not accepted; `undefined` if it was, or was corrected since. */
export const sendFailure = signal<StudioError | undefined>(undefined);

/** Sends a generation. Each click has an idempotency key of its own, so repetitions of the request are not paid again. */
export async function send(input: GenerateImagesInput): Promise<Job | undefined> {
  sending.value++;
  sendFailure.value = undefined;
  try {
    return await generate({ ...input, idempotencyKey: newIdempotencyKey() });
  } catch (error) {
    sendFailure.value = toStudioError(error);
    return undefined;
  } finally {
    sending.value--;
  }
}
