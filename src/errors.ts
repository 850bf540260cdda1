/**
 * Everything that can go wrong at a door, as one closed set. The HTTP status of each code is decided in `http/`,
 * never carried on the error.
 */
export const ERROR_CODES = [
  "BAD_USER_INPUT",
  "MODEL_UNAVAILABLE",
  "UNAUTHENTICATED",
  "FORBIDDEN",
  "NOT_FOUND",
  "MISDIRECTED",
  "IDEMPOTENCY_CONFLICT",
  "PAYLOAD_TOO_LARGE",
  "UNSUPPORTED_MEDIA_TYPE",
  "CONTENT_REJECTED",
  "INPUT_REJECTED",
  "RATE_LIMITED",
  "BUDGET_EXCEEDED",
  "INTERNAL",
  "UPSTREAM_FAILED",
  "INTERRUPTED",
  "OVERLOADED",
  "UPSTREAM_TIMEOUT",
] as const;

export type ErrorCode = (typeof ERROR_CODES)[number];

/** Whether the provider has charged for the call, as far as the gateway can know. */
export type Billed = "YES" | "NO" | "UNKNOWN";

export interface ErrorDetails {
  /** The input that has to change, by the name the caller used for it: `size`, `prompt`, … */
  readonly field?: string;
  /** How long to wait before the same request can succeed, in whole seconds. */
  readonly retryAfterSeconds?: number;
  /** Set by providers. @defaultValue "UNKNOWN" for errors that come from a provider call */
  readonly billed?: Billed;
}

export interface GatewayErrorOptions extends ErrorDetails {
  /** What really happened. Goes to the log, never to a client. */
  readonly cause?: unknown;
  /** Whether the same request may succeed later. @defaultValue by code */
  readonly isRetryable?: boolean;
}

const RETRYABLE: ReadonlySet<ErrorCode> = new Set([
  "RATE_LIMITED",
  "UPSTREAM_FAILED",
  "INTERRUPTED",
  "OVERLOADED",
  "UPSTREAM_TIMEOUT",
]);

/**
 * The only error a client is ever shown. Its message says what is wrong and what to send instead; it never contains a
 * prompt, a key, a signature or a provider's own text that could repeat one of them.
 */
export class GatewayError extends Error {
  override readonly name = "GatewayError";
  readonly code: ErrorCode;
  readonly isRetryable: boolean;
  readonly details: ErrorDetails;

  constructor(code: ErrorCode, message: string, options: GatewayErrorOptions = {}) {
    const { cause, isRetryable = RETRYABLE.has(code), ...details } = options;
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.isRetryable = isRetryable;
    this.details = details;
  }
}

/** Input the caller has to change: `BAD_USER_INPUT` naming the field. */
export function badInput(field: string, message: string): GatewayError {
  return new GatewayError("BAD_USER_INPUT", message, { field });
}

/** Why the gateway cannot start, for the operator who started it: every problem at once, one a line. */
export class StartError extends Error {
  override readonly name = "StartError";

  constructor(problems: readonly string[], options?: ErrorOptions) {
    super(problems.join("\n"), options);
  }
}
