import type { Response } from "express";
import type { OperationsInFlight } from "../../lifecycle.ts";
import type { Step } from "./steps.ts";
import { upgradeOf } from "./upgrade.ts";

/** The property of a response that holds the function which stops counting it. */
const END = Symbol("end");

/** Counts each request as an operation in flight until its answer is sent or its client disconnects. */
export function countAnswers(operations: OperationsInFlight): Step {
  return (request, response) => {
    // An upgraded connection gets no HTTP answer. The WebSocket transport counts its operations.
    if (upgradeOf(request)) return undefined;
    const end = operations.begin();
    Object.assign(response, { [END]: end });
    return end;
  };
}

/** Stops counting an answer that continues until the gateway ends it, so that a shutdown does not wait for it. */
export function leaveUncounted(response: Response): void {
  (response as { [END]?: () => void })[END]?.();
}
