import type { ErrorRequestHandler, Response } from "express";
import { type ErrorCode, GatewayError } from "../../../errors.ts";
import { mediaTypeOf } from "../../http/bodies/media-type.ts";
import { setErrorStatus, toCallerError } from "../../http/errors.ts";
import { HTTP_STATUS, httpStatusOf } from "../../http/status.ts";

/** OpenAI's names of what can be wrong with a parameter. */
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

/** A parameter that has to change, told as OpenAI tells it. */
export class ParameterError extends GatewayError {
  readonly fault: ParameterFault;

  constructor(fault: ParameterFault, parameter: string, message: string) {
    super("BAD_USER_INPUT", message, { field: parameter });
    this.fault = fault;
  }
}

interface OpenAIKind {
  /** Where it is not the status of the other REST doors. */
  readonly status?: number;
  readonly type: string;
  readonly code: string;
}

/**
 * How OpenAI answers what each of our codes stands for; a code that it does not have keeps our name in lower case.
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
  BUDGET_EXCEEDED: { status: 400, type: "billing_limit_user_error", code: "billing_hard_limit_reached" },
  INTERNAL: { type: "server_error", code: "internal" },
  UPSTREAM_FAILED: { type: "server_error", code: "upstream_failed" },
  INTERRUPTED: { type: "server_error", code: "interrupted" },
  OVERLOADED: { type: "server_error", code: "overloaded" },
  UPSTREAM_TIMEOUT: { type: "server_error", code: "upstream_timeout" },
};

/** A file that is none of the formats, where the body as a whole is one. */
const WRONG_FILE: OpenAIKind = { status: 400, type: "invalid_request_error", code: "unsupported_file_mimetype" };

function kindOf({ code, details }: GatewayError): OpenAIKind {
  return code === "UNSUPPORTED_MEDIA_TYPE" && details.field !== undefined ? WRONG_FILE : KINDS[code];
}

/** The status of an error code at the doors that speak OpenAI's language. */
export function openAIStatus(code: ErrorCode): number {
  return KINDS[code].status ?? HTTP_STATUS[code];
}

/** Every `code` that an error of these doors may have. */
export const OPENAI_CODES: readonly string[] = [
  ...new Set([...[...Object.values(KINDS), WRONG_FILE].map(({ code }) => code), ...PARAMETER_FAULTS]),
];

function statusOf(error: GatewayError): number {
  return kindOf(error).status ?? httpStatusOf(error);
}

/** What OpenAI calls the inputs that have another name here. */
const PARAMETER_NAMES: Readonly<Record<string, string>> = {
  images: "image",
  format: "output_format",
  compression: "output_compression",
  safetyIdentifier: "safety_identifier",
  partialImages: "partial_images",
  idempotencyKey: "Idempotency-Key",
};

/** What is called otherwise in a JSON body. */
const JSON_PARAMETER_NAMES = { ...PARAMETER_NAMES, images: "images" };

/**
 * `{"error": {"message", "type", "param", "code"}}`
 *
 * @param names what the door calls the inputs
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

/** Answers errors in OpenAI's shape, with its statuses. */
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
 * OpenAI's clients send a request again by themselves after 408, 409, 429 and every 5xx, unless the answer tells them
 * otherwise: what may have been paid for must not be paid for again.
 */
function setRetryAdvice(response: Response, { isRetryable, details }: GatewayError): void {
  const isFree = details.billed === undefined || details.billed === "NO";
  response.setHeader(RETRY_ADVICE, String(isRetryable && isFree));
}

/** Whether an answer told its client to send the request again. */
export function advisesRetry(response: Response): boolean {
  return response.get(RETRY_ADVICE) === "true";
}
