import { APIConnectionTimeoutError, APIError } from "openai";
import { type Billed, GatewayError } from "../../errors.ts";
import { DamagedContent } from "../content-encoding.ts";
import { NotConnected } from "../http-call.ts";
import { ProviderRefusal, toRefusal } from "../refusals/provider-refusal.ts";
import { toRefusedCall } from "../refusals/refused-call.ts";
import { BrokenAnswer } from "./answers/broken-answer.ts";
import { describeAnswer, WHERE_TO_LOOK } from "./answers/described-answer.ts";

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
  if (error instanceof ProviderRefusal) return toRefusedCall(error, { billedSoFar: billed, advice: WHERE_TO_LOOK });
  if (error instanceof BrokenAnswer || error instanceof DamagedContent) {
    return new GatewayError("UPSTREAM_FAILED", `the provider's answer cannot be used: ${error.message}`, {
      billed,
      cause: error,
    });
  }
  if (error instanceof APIError && error.status !== undefined) {
    const refusal = toRefusal(error.status, error.error, error.headers);
    const description = describeText(error, prompt);
    return toRefusedCall(refusal, { billedSoFar: billed, description, advice: WHERE_TO_LOOK });
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
