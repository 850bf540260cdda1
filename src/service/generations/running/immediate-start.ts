import type { JobQueue } from "../../../ports/job-queue.ts";
import type { Claim, Generation, GenerationOrder } from "../../../ports/records.ts";
import type { Runner } from "./runner.ts";

/**
 * The start of a generation that is about to be accepted. Acceptance and start are then one write. Call exactly one of
 * the methods.
 */
export interface ImmediateStart {
  /** Pass it to the write that accepts the generation. */
  readonly claim: Claim;
  /** Runs the generation, which was accepted. */
  begin(generation: Generation): void;
  /** Gives everything back that was taken, because the generation was not accepted. */
  giveBack(): void;
}

/** Prepares the start of an order. `undefined` if it has to wait in the queue. */
export function prepareStart(queue: JobQueue, runner: Runner, order: GenerationOrder): ImmediateStart | undefined {
  const place = queue.takePlace?.();
  if (!place) return undefined;
  const run = runner.prepare(order);
  if (!run) {
    place.giveBack();
    return undefined;
  }
  return {
    claim: run.claim,
    begin: (generation) => place.use(run.begin(generation)),
    giveBack() {
      run.giveBack();
      place.giveBack();
    },
  };
}
