import type { ErrorCode, GatewayError } from "../../../errors.ts";
import { SlowBodyError } from "../bodies/incoming-body.ts";

/** The HTTP status of each error code, in every REST API. */
export const HTTP_STATUS: Readonly<Record<ErrorCode, number>> = {
  BAD_USER_INPUT: 400,
  MODEL_UNAVAILABLE: 400,
  UNAUTHENTICATED: 401,
  BUDGET_EXCEEDED: 402,
  FORBIDDEN: 403,
  NOT_FOUND: 404,
  IDEMPOTENCY_CONFLICT: 409,
  PAYLOAD_TOO_LARGE: 413,
  UNSUPPORTED_MEDIA_TYPE: 415,
  MISDIRECTED: 421,
  CONTENT_REJECTED: 422,
  INPUT_REJECTED: 422,
  RATE_LIMITED: 429,
  INTERNAL: 500,
  UPSTREAM_FAILED: 502,
  INTERRUPTED: 502,
  OVERLOADED: 503,
  UPSTREAM_TIMEOUT: 504,
};

/** Returns the HTTP status of an error: 408 for a slow body, otherwise that of its code. */
export function httpStatusOf(error: GatewayError): number {
  return error instanceof SlowBodyError ? REQUEST_TIMEOUT : HTTP_STATUS[error.code];
}

const REQUEST_TIMEOUT = 408;
