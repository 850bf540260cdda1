import { APIConnectionTimeoutError, APIError } from "openai";
import { type Billed, type ErrorCode, GatewayError, type GatewayErrorOptions } from "../../errors.ts";
import { DamagedContent } from "../content-encoding.ts";
import { BrokenAnswer } from "./answers/broken-answer.ts";
import { describeAnswer, WHERE_TO_LOOK } from "./answers/described-answer.ts";
import { NotConnected } from "./http-fetch.ts";
import { ProviderRefusal, toRefusal } from "./provider-refusal.ts";

const CONTENT_CODES: ReadonlySet<string | undefined> = new Set([
  "moderation_blocked",
  "content_policy_violation",
  // Azure's names
  "content_filter",
  "contentFilter",
]);

const BUDGET_CODES: ReadonlySet<string | undefined> = new Set([
  "billing_hard_limit_reached",
  "billing_not_active",
  "insufficient_quota",
]);

/** The gateway's names of inputs, by the vendor's names where they differ. */
const INPUT_NAMES: ReadonlyMap<string, string> = new Map([
  ["output_format", "format"],
  ["output_compression", "compression"],
  ["partial_images", "partialImages"],
  ["stream", "partialImages"],
  ["safety_identifier", "safetyIdentifier"],
  ["user", "safetyIdentifier"],
  ["image", "images"],
  ["image[]", "images"],
]);

/** Error codes of other `fetch` implementations for connections on which no byte was sent. */
const NOT_CONNECTED_CODES: ReadonlySet<unknown> = new Set([
  "ECONNREFUSED",
  "EAI_AGAIN",
  "ENETUNREACH",
  "EHOSTUNREACH",
  "ENOTFOUND",
  "UND_ERR_CONNECT_TIMEOUT",
]);

/** The known facts about a failed call. */
export interface FailedCall {
  /** Whether the call was billed, if the error itself does not say so: `YES` once an image has arrived. */
  readonly billed: Billed;
  /** The prompt of the call, which no message repeats. */
  readonly prompt: string;
}

/**
 * Converts any error of a call. The message repeats the provider's text only as far as `describeAnswer` allows. The
 * cause keeps the provider's identifiers or the system's error.
 */
export function toGatewayError(error: unknown, { billed, prompt }: FailedCall): GatewayError {
  if (error instanceof GatewayError) return error;
  if (error instanceof ProviderRefusal) return fromRefusal(error, billed);
  if (error instanceof BrokenAnswer || error instanceof DamagedContent) {
    return new GatewayError("UPSTREAM_FAILED", `the provider's answer cannot be used: ${error.message}`, {
      billed,
      cause: error,
    });
  }
  if (error instanceof APIError && error.status !== undefined) {
    return fromRefusal(toRefusal(error.status, error.error, error.headers), billed, describeText(error, prompt));
  }
  if (isNotConnected(error)) {
    return new GatewayError("UPSTREAM_FAILED", "the provider could not be reached", {
      billed: "NO",
      isRetryable: true,
      cause: systemError(error),
    });
  }
  if (error instanceof APIConnectionTimeoutError) return timedOut(billed, error);
  return new GatewayError("UPSTREAM_FAILED", "the connection to the provider broke before its answer was complete", {
    billed,
    cause: systemError(error),
  });
}

/**
 * The error for a call that exceeded its time limit. It is not known whether the provider continued and charged for it.
 */
export function timedOut(billed: Billed, cause?: unknown): GatewayError {
  return new GatewayError("UPSTREAM_TIMEOUT", "the provider did not answer in time", { billed, cause });
}

/** The error for an image that the provider made and charged for, but that could not be downloaded from its address. */
export function notDownloaded(error: GatewayError): GatewayError {
  const code = error.code === "UPSTREAM_TIMEOUT" ? error.code : "UPSTREAM_FAILED";
  return new GatewayError(code, `the provider's image could not be downloaded: ${error.message}`, {
    billed: "YES",
    isRetryable: error.isRetryable,
    cause: error,
  });
}

/** Describes an answer with an error status that is not JSON. */
function describeText({ status, error, message, headers }: APIError, prompt: string): string {
  const text = message.slice(`${status} `.length);
  // The client writes this when there is no text.
  if (error !== undefined || text === "status code (no body)") return "";
  const [mediaType] = (headers?.get("content-type") ?? "").split(";", 1);
  return `: ${describeAnswer(mediaType?.trim().toLowerCase(), Buffer.from(text), prompt)}`;
}

/** @param description a description of an answer that is not JSON, to be appended to the status */
function fromRefusal(refusal: ProviderRefusal, billedSoFar: Billed, description = ""): GatewayError {
  const { status, code, type, param, moderationStage, retryAfterSeconds } = refusal.fields;
  const isClientError = status >= 300 && status < 500;
  // Status 503, like 429, means that the provider did not begin to work.
  const billed = isClientError || status === 503 ? "NO" : billedSoFar;
  const make = (errorCode: ErrorCode, message: string, options: GatewayErrorOptions = {}): GatewayError =>
    new GatewayError(errorCode, message, { billed, cause: refusal, ...options });
  const wait: GatewayErrorOptions = retryAfterSeconds === undefined ? {} : { retryAfterSeconds };

  if (CONTENT_CODES.has(code)) {
    // The provider may charge for a picture that it made and then withheld.
    const options: GatewayErrorOptions = moderationStage === "output" && billed === "NO" ? { billed: "UNKNOWN" } : {};
    return make("CONTENT_REJECTED", "the provider's content policy refused the prompt; change the prompt", options);
  }
  if (BUDGET_CODES.has(code) || BUDGET_CODES.has(type) || status === 402) {
    return make("BUDGET_EXCEEDED", "the gateway's account with the provider has no budget left");
  }
  if (code === "model_not_found") {
    return make("MODEL_UNAVAILABLE", "the provider does not offer this model to the gateway; choose another model");
  }
  if (status === 401 || status === 403) {
    return make("UPSTREAM_FAILED", "the provider refused the gateway's credentials", { isRetryable: false });
  }
  if (status === 429) return make("RATE_LIMITED", "the provider's rate limit is reached", wait);
  if (status === 503) return make("UPSTREAM_FAILED", "the provider is not available at the moment", wait);
  if ((status === 400 || status === 422) && param !== undefined && type === "invalid_request_error") {
    const field = INPUT_NAMES.get(param) ?? param;
    const reason = code === undefined ? "" : ` (${code})`;
    return make("INPUT_REJECTED", `the provider refused the value of ${field}${reason}; send another one`, { field });
  }
  if (isClientError) {
    const part = param === undefined ? "" : ` because of its parameter ${param}`;
    // A wrong address typically answers with one of these statuses.
    const advice = status < 400 || status === 404 || status === 405 ? `; ${WHERE_TO_LOOK}` : "";
    const message = `the provider refused the gateway's request with status ${status}${part}${description}${advice}`;
    return make("UPSTREAM_FAILED", message, { isRetryable: false });
  }
  return make("UPSTREAM_FAILED", `the provider failed with status ${status}${description}`);
}

function isNotConnected(error: unknown): boolean {
  return causes(error).some(
    (cause) => cause instanceof NotConnected || NOT_CONNECTED_CODES.has((cause as { code?: unknown }).code),
  );
}

/** The innermost cause: the system's error without the client's wrapping. */
function systemError(error: unknown): unknown {
  return causes(error).at(-1) ?? error;
}

function causes(error: unknown): object[] {
  const found: object[] = [];
  let current = error;
  while (typeof current === "object" && current !== null && !found.includes(current)) {
    found.push(current);
    current = (current as { readonly cause?: unknown }).cause;
  }
  return found;
}
