import type { ErrorRequestHandler, Response } from "express";
import { type ErrorCode, GatewayError } from "../../../errors.ts";
import { setErrorStatus, toCallerError } from "../../http/answers/errors.ts";
import { HTTP_STATUS, httpStatusOf } from "../../http/answers/status.ts";
import { mediaTypeOf } from "../../http/bodies/media-type.ts";

/** OpenAI's codes for wrong parameters. */
const PARAMETER_FAULTS = [
  "missing_required_parameter",
  "unknown_parameter",
  "unsupported_parameter",
  "invalid_type",
  "invalid_value",
  "integer_below_min_value",
  "integer_above_max_value",
  "string_above_max_length",
  "empty_string",
  "array_above_max_length",
] as const;

export type ParameterFault = (typeof PARAMETER_FAULTS)[number];

/** The error of a wrong parameter, in OpenAI's words. */
export class ParameterError extends GatewayError {
  readonly fault: ParameterFault;

  constructor(fault: ParameterFault, parameter: string, message: string) {
    super("BAD_USER_INPUT", message, { field: parameter });
    this.fault = fault;
  }
}

interface OpenAIKind {
  /** The HTTP status, if it differs from that of the other REST routes. */
  readonly status?: number;
  readonly type: string;
  readonly code: string;
}

/**
 * OpenAI's form of each error code of the gateway. Codes that OpenAI does not have keep the gateway's name in lower
 * case.
 *
 * @see https://developers.openai.com/api/docs/guides/error-codes
 */
const KINDS: Readonly<Record<ErrorCode, OpenAIKind>> = {
  BAD_USER_INPUT: { type: "invalid_request_error", code: "invalid_value" },
  MODEL_UNAVAILABLE: { status: 404, type: "invalid_request_error", code: "model_not_found" },
  UNAUTHENTICATED: { type: "invalid_request_error", code: "invalid_api_key" },
  FORBIDDEN: { type: "invalid_request_error", code: "forbidden" },
  NOT_FOUND: { type: "invalid_request_error", code: "not_found" },
  MISDIRECTED: { type: "invalid_request_error", code: "misdirected" },
  IDEMPOTENCY_CONFLICT: { type: "invalid_request_error", code: "idempotency_conflict" },
  PAYLOAD_TOO_LARGE: { type: "invalid_request_error", code: "payload_too_large" },
  UNSUPPORTED_MEDIA_TYPE: { type: "invalid_request_error", code: "unsupported_content_type" },
  CONTENT_REJECTED: { status: 400, type: "image_generation_user_error", code: "moderation_blocked" },
  INPUT_REJECTED: { status: 400, type: "invalid_request_error", code: "invalid_value" },
  RATE_LIMITED: { type: "requests", code: "rate_limit_exceeded" },
  BUDGET_EXCEEDED: { type: "billing_limit_user_error", code: "billing_hard_limit_reached" },
  INTERNAL: { type: "server_error", code: "internal" },
  UPSTREAM_FAILED: { type: "server_error", code: "upstream_failed" },
  INTERRUPTED: { type: "server_error", code: "interrupted" },
  OVERLOADED: { type: "server_error", code: "overloaded" },
  UPSTREAM_TIMEOUT: { type: "server_error", code: "upstream_timeout" },
};

/** The error for a file of an unsupported format. The format of the body itself is supported. */
const WRONG_FILE: OpenAIKind = { status: 400, type: "invalid_request_error", code: "unsupported_file_mimetype" };

function kindOf({ code, details }: GatewayError): OpenAIKind {
  return code === "UNSUPPORTED_MEDIA_TYPE" && details.field !== undefined ? WRONG_FILE : KINDS[code];
}

/** The HTTP status of an error code on the routes of OpenAI's API. */
export function openAIStatus(code: ErrorCode): number {
  return KINDS[code].status ?? HTTP_STATUS[code];
}

/** Every `code` that an error of these routes can have. */
export const OPENAI_CODES: readonly string[] = [
  ...new Set([...[...Object.values(KINDS), WRONG_FILE].map(({ code }) => code), ...PARAMETER_FAULTS]),
];

function statusOf(error: GatewayError): number {
  return kindOf(error).status ?? httpStatusOf(error);
}

/** OpenAI's names of the inputs that have another name in the gateway. */
const PARAMETER_NAMES: Readonly<Record<string, string>> = {
  images: "image",
  format: "output_format",
  compression: "output_compression",
  safetyIdentifier: "safety_identifier",
  partialImages: "partial_images",
  idempotencyKey: "Idempotency-Key",
};

/** The names that JSON bodies use. */
const JSON_PARAMETER_NAMES = { ...PARAMETER_NAMES, images: "images" };

/**
 * Formats an error as OpenAI does: `{"error": {"message", "type", "param", "code"}}`
 *
 * @param names the route's names of the inputs
 */
export function toOpenAIError(error: GatewayError, names = PARAMETER_NAMES): { readonly error: object } {
  const { type, code } = kindOf(error);
  const { field } = error.details;
  if (error instanceof ParameterError) return toOpenAIFields(error.message, type, error.fault, field);
  const param = field === undefined ? null : (names[field] ?? field);
  return toOpenAIFields(error.message, type, code, param);
}

export function toOpenAIFields(
  message: string,
  type: string,
  code: string | null = null,
  param: string | null = null,
): { readonly error: object } {
  return { error: { message, type, param, code } };
}

/** Answers errors in OpenAI's format, with its statuses. */
export const answerOpenAIErrors: ErrorRequestHandler = (error, request, response, _next) => {
  const callerError = toCallerError(error, request);
  if (response.headersSent) {
    response.destroy();
    return;
  }
  setErrorStatus(response, callerError).status(statusOf(callerError));
  setRetryAdvice(response, callerError);
  const names =
    mediaTypeOf(request.get("Content-Type")) === "application/json" ? JSON_PARAMETER_NAMES : PARAMETER_NAMES;
  response.setHeader("Cache-Control", "no-store").json(toOpenAIError(callerError, names));
};

const RETRY_ADVICE = "x-should-retry";

/**
 * Tells OpenAI's clients whether to retry. By default they retry after 408, 409, 429 and every 5xx. A call that may
 * have been billed must not be paid twice, so then they are told not to.
 */
function setRetryAdvice(response: Response, { isRetryable, details }: GatewayError): void {
  const isFree = details.billed === undefined || details.billed === "NO";
  response.setHeader(RETRY_ADVICE, String(isRetryable && isFree));
}

/** Whether an answer told its client to retry. */
export function advisesRetry(response: Response): boolean {
  return response.get(RETRY_ADVICE) === "true";
}
