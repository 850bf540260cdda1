/** What a rate limit is for: a project, one of its API keys, or the network of a caller without credentials. */
export type RateScope = "PROJECT" | "API_KEY" | "ADDRESS";
export type RateUnit = "REQUESTS" | "IMAGES" | "GENERATIONS";

/** The rate limits of one project, API key or network. Absent ones do not limit. */
export interface RateRule {
  readonly scope: RateScope;
  /** `proj_…`, `key_…`, or a project and a network. Unique within its scope. */
  readonly id: string;
  /** Accepted requests in a minute of the clock. */
  readonly requestsPerMinute?: number | undefined;
  /** Images of accepted requests in a minute of the clock. */
  readonly imagesPerMinute?: number | undefined;
  /** Generations that are `QUEUED` or `RUNNING`. Never set for `ADDRESS`. */
  readonly concurrentGenerations?: number | undefined;
}

/** How much of a rate limit is left. */
export interface RateStatus {
  readonly scope: RateScope;
  readonly unit: RateUnit;
  readonly limit: number;
  /** 0 or more. */
  readonly remaining: number;
  /** When the minute ends, in whole seconds from now, 1 to 60. `undefined` for `GENERATIONS`, which has no minute. */
  readonly resetSeconds?: number;
}

/** Why a rate limit refused a request. */
export interface RateRefusal {
  readonly exceeded: RateStatus;
  /** All limits that were looked at, the exceeded one among them. */
  readonly rates: readonly RateStatus[];
}
