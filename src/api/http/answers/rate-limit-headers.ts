import type { Response } from "express";
import type { RateStatus, RateUnit } from "../../../ports/projects/rates.ts";

const MINUTE_SECONDS = 60;
const SCOPES = { PROJECT: "project", API_KEY: "key", ADDRESS: "address" } as const;
const UNITS = { REQUESTS: "requests", IMAGES: "images", GENERATIONS: "generations" } as const;

/**
 * Sends the client its rate limits and what is left of them, as `RateLimit-Policy` and `RateLimit`:
 * `"key-requests";q=60;w=60` and `"key-requests";r=59;t=35`.
 * @see https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/ (draft 10)
 */
export function setRateLimits(response: Response, rates: readonly RateStatus[]): void {
  if (response.headersSent) return;
  const policies = rates.map((rate) => `${nameOf(rate)};q=${rate.limit};${windowOf(rate)}`);
  const states = rates.map((rate) => `${nameOf(rate)};r=${rate.remaining}${resetOf(rate)}`);
  response.setHeader("RateLimit-Policy", policies.join(", "));
  response.setHeader("RateLimit", states.join(", "));
}

/** Adds OpenAI's headers for requests and images. Of several limits, the one with the least left counts. */
export function setOpenAIRateLimits(response: Response, rates: readonly RateStatus[]): void {
  setRateLimits(response, rates);
  if (response.headersSent) return;
  for (const unit of ["REQUESTS", "IMAGES"] as const satisfies readonly RateUnit[]) {
    const [tightest] = rates.filter((rate) => rate.unit === unit).sort((a, b) => a.remaining - b.remaining);
    if (!tightest) continue;
    response.setHeader(`x-ratelimit-limit-${UNITS[unit]}`, String(tightest.limit));
    response.setHeader(`x-ratelimit-remaining-${UNITS[unit]}`, String(tightest.remaining));
    response.setHeader(`x-ratelimit-reset-${UNITS[unit]}`, `${tightest.resetSeconds}s`);
  }
}

function nameOf({ scope, unit }: RateStatus): string {
  return `"${SCOPES[scope]}-${UNITS[unit]}"`;
}

function windowOf({ resetSeconds }: RateStatus): string {
  return resetSeconds === undefined ? 'qu="concurrent-requests"' : `w=${MINUTE_SECONDS}`;
}

function resetOf({ resetSeconds }: RateStatus): string {
  return resetSeconds === undefined ? "" : `;t=${resetSeconds}`;
}
