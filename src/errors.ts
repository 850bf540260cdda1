/**
 * The closed set of error codes, for all APIs. `api/http/answers/status.ts` decides the HTTP status of each code; the
 * error does not carry it.
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

/** Whether the provider charged for the call, as far as the gateway knows. */
export type Billed = "YES" | "NO" | "UNKNOWN";

export interface ErrorDetails {
  /** The input that the caller has to change, by the name that the caller used: `size`, `prompt`, … */
  readonly field?: string;
  /** How long to wait before the same request can succeed, in whole seconds. */
  readonly retryAfterSeconds?: number;
  /** The budget that was exceeded, with the fields of `Budget` in the graph. */
  readonly budget?: Readonly<Record<string, string | number | null>>;
  /** Set by providers. @defaultValue "UNKNOWN" for errors that come from a provider call */
  readonly billed?: Billed;
}

export interface GatewayErrorOptions extends ErrorDetails {
  /** The underlying error. It is logged and never sent to a client. */
  readonly cause?: unknown;
  /** Whether the same request may succeed later. @defaultValue depends on the code */
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
 * The only error that is shown to clients. Its message says what is wrong and what to send instead. It never contains a
 * prompt, a key or a signature, nor a provider's own text, which could repeat one of them.
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

/** Creates a `BAD_USER_INPUT` error about the field that the caller has to change. */
export function badInput(field: string, message: string): GatewayError {
  return new GatewayError("BAD_USER_INPUT", message, { field });
}

/** Tells the operator why the gateway cannot start: all problems in one message, one per line. */
export class StartError extends Error {
  override readonly name = "StartError";

  constructor(problems: readonly string[], options?: ErrorOptions) {
    super(problems.join("\n"), options);
  }
}
