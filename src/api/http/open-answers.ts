import type { RequestHandler, Response } from "express";
import type { OperationsInFlight } from "../../lifecycle.ts";
import { upgradeOf } from "./upgrade.ts";

/** On the response itself, as the request's context is on the request. */
const END = Symbol("end");

/** Counts each request as an operation in flight until its answer is sent, or its client is gone. */
export function countAnswers(operations: OperationsInFlight): RequestHandler {
  return (request, response, next) => {
    // A connection that is taken over gets no answer; what is asked on it is counted there.
    if (!upgradeOf(request)) {
      const end = operations.begin();
      Object.assign(response, { [END]: end });
      response.once("close", end);
    }
    next();
  };
}

/** Says of an answer that it goes on until the gateway ends it: a stop does not wait for it. */
export function leaveUncounted(response: Response): void {
  (response as { [END]?: () => void })[END]?.();
}
