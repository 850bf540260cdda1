/** The codes of the gateway's errors. */
export const GATEWAY_CODES = [
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
/**
 * The gateway's codes, and three of the studio's own: the gateway is not reached, the studio gave up a request, and a
 * bucket does not let the page read a picture.
 */
export type ErrorCode = (typeof GATEWAY_CODES)[number] | "OFFLINE" | "ABORTED" | "UNREADABLE";

interface ErrorFacts {
  /** What the gateway said. It is written for programmers, so it is not shown as the main text. */
  readonly message?: string;
  /** The input that the gateway complains about. */
  readonly field?: string;
  readonly requestId?: string | undefined;
  readonly retryAfterSeconds?: number | undefined;
  readonly details?: Readonly<Record<string, unknown>>;
  readonly cause?: unknown;
}

/** Everything that can go wrong with a request of the studio. */
export class StudioError extends Error {
  readonly code: ErrorCode;
  readonly facts: ErrorFacts;

  constructor(code: ErrorCode, facts: ErrorFacts = {}) {
    super(facts.message ?? code, { cause: facts.cause });
    this.code = code;
    this.facts = facts;
  }

  /** Whether the same request may work in a moment, without that anybody changes it. */
  get isTransient(): boolean {
    return ["OFFLINE", "OVERLOADED", "RATE_LIMITED", "INTERNAL"].includes(this.code);
  }
}

/** Reads a code of the gateway. An unknown one is judged by the status of the answer. */
export function toErrorCode(code: unknown, status: number): ErrorCode {
  const known = GATEWAY_CODES.find((each) => each === code);
  if (known) return known;
  if (status === 401) return "UNAUTHENTICATED";
  if (status === 502 || status === 503 || status === 504) return "OFFLINE";
  return status === 400 ? "BAD_USER_INPUT" : "INTERNAL";
}

/** Makes anything that was thrown a {@link StudioError}. */
export function toStudioError(error: unknown): StudioError {
  return error instanceof StudioError ? error : new StudioError("INTERNAL", { message: String(error), cause: error });
}
