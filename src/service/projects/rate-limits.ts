import { GatewayError } from "../../errors.ts";
import type { RateRefusal, RateRule, RateScope, RateStatus } from "../../ports/projects/rates.ts";
import type { ScopedLimits } from "./applied-limits.ts";
import type { Caller } from "./caller.ts";

/** How long to wait when too many generations run at once, in seconds. Nobody knows when the first of them ends. */
const CONCURRENCY_RETRY_SECONDS = 10;

const SUBJECTS: Readonly<Record<RateScope, string>> = {
  PROJECT: "this project",
  API_KEY: "this API key",
  ADDRESS: "this address",
};

/** The rate limits that apply to a caller: those of its project, its API key, and its network if it sent no credentials. */
export function rateRulesOf({ projectId, network }: Caller, limits: readonly ScopedLimits[]): readonly RateRule[] {
  const rules: RateRule[] = [];
  for (const { scope, id, limits: each } of limits) {
    const { requestsPerMinute, imagesPerMinute, concurrentGenerations } = each;
    const isLimited = requestsPerMinute ?? imagesPerMinute ?? concurrentGenerations;
    if (isLimited) rules.push({ scope, id, requestsPerMinute, imagesPerMinute, concurrentGenerations });
  }
  const [project] = limits;
  const requestsPerMinute = project?.limits.requestsPerMinutePerAddress;
  if (requestsPerMinute !== undefined && network !== undefined) {
    rules.push({ scope: "ADDRESS", id: `${projectId} ${network}`, requestsPerMinute });
  }
  return rules;
}

/** The error that names the limit and when to send the request again. @param n the images of the request */
export function rateLimited({ exceeded }: RateRefusal, n: number): GatewayError {
  const { scope, unit, limit, remaining, resetSeconds } = exceeded;
  const subject = SUBJECTS[scope];
  if (unit === "IMAGES" && n > limit) {
    const message = `${subject} may make ${limit} images a minute, and the request is for ${n}; ask for fewer`;
    return new GatewayError("RATE_LIMITED", message, { field: "n", isRetryable: false });
  }
  const retryAfterSeconds = resetSeconds ?? CONCURRENCY_RETRY_SECONDS;
  return new GatewayError("RATE_LIMITED", `${subject} may ${whatIsLeft(exceeded)}`, { retryAfterSeconds });

  function whatIsLeft({ unit: each }: RateStatus): string {
    switch (each) {
      case "REQUESTS":
        return `send ${limit} requests for images a minute; wait ${retryAfterSeconds} seconds`;
      case "IMAGES":
        return `make ${limit} images a minute, of which ${remaining} are left; wait ${retryAfterSeconds} seconds or ask for fewer`;
      case "GENERATIONS":
        return `have ${limit} generations at once; wait until one has ended`;
      default:
        return each satisfies never;
    }
  }
}
