/** What a rate limit applies to: a project, one of its API keys, or the network of a caller without credentials. */
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

/** The remaining part of a rate limit. */
export interface RateStatus {
  readonly scope: RateScope;
  readonly unit: RateUnit;
  readonly limit: number;
  /** 0 or more. */
  readonly remaining: number;
  /** The seconds until the minute ends, 1 to 60. `undefined` for `GENERATIONS`, which has no minute. */
  readonly resetSeconds?: number;
}

/** Why a rate limit refused a request. */
export interface RateRefusal {
  readonly exceeded: RateStatus;
  /** All limits that were checked, including the exceeded one. */
  readonly rates: readonly RateStatus[];
}
