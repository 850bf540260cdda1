import { GatewayError } from "../../errors.ts";
import { readErrorBody } from "../refusals/error-body.ts";
import { toRefusal } from "../refusals/provider-refusal.ts";
import { toRefusedCall } from "../refusals/refused-call.ts";
import { readWords } from "../refusals/vendor-words.ts";
import { toRecord } from "../to-record.ts";

/** The members of the SDK's errors that are used, most of them those of `APICallError`. */
interface SdkError {
  readonly name?: string;
  readonly message?: string;
  readonly statusCode?: number;
  readonly responseBody?: string;
  readonly responseHeaders?: Readonly<Record<string, string>>;
  /** The body that was sent; empty for a GET. */
  readonly requestBodyValues?: unknown;
}

/** The most characters of an answer with an error status that are read. */
const MAX_ERROR_LENGTH = 64 * 1024;
/** What the packages of xAI and Bedrock throw when a successful answer says that the picture is withheld. */
const WITHHELD_WORDS = /content policy violation|request was moderated/i;
/** fal's FAQ: it may charge for a call that it refuses with this status. */
const MAYBE_BILLED_STATUS = 422;
const NOT_CONNECTED = new Set(["ECONNREFUSED", "EAI_AGAIN", "ENETUNREACH", "EHOSTUNREACH", "ENOTFOUND"]);

/**
 * Converts any error of a call. The SDK's error contains the prompt and the vendor's answer, so it is not kept as the
 * cause. The identifiers of a refusal are kept.
 *
 * The SDK also polls for results and downloads images, by GET. If such a GET fails, the image may have been made. The
 * error then says so, so that the call is not made and paid again.
 */
export function toGatewayError(error: unknown): GatewayError {
  if (error instanceof GatewayError) return error;
  const { name, message = "", statusCode, responseBody = "", responseHeaders } = error as SdkError;
  if (name === "AI_LoadAPIKeyError") {
    return new GatewayError("UPSTREAM_FAILED", "the provider's key is not set", { billed: "NO", isRetryable: false });
  }
  if (statusCode === undefined && WITHHELD_WORDS.test(message)) {
    const text = "the provider's content policy withheld an image; change the prompt";
    return new GatewayError("CONTENT_REJECTED", text, { billed: "UNKNOWN" });
  }
  const isSubmission = Object.keys(toRecord((error as SdkError).requestBodyValues)).length > 0;
  const body = responseBody.slice(0, MAX_ERROR_LENGTH);
  const isRefused = statusCode !== undefined && statusCode >= 300;
  const status = isRefused ? statusCode : statusInside(body);
  if (status === undefined) {
    return isSubmission && isNotConnected(error)
      ? new GatewayError("UPSTREAM_FAILED", "the provider could not be reached", { billed: "NO", isRetryable: true })
      : new GatewayError("UPSTREAM_FAILED", "the provider failed", { billed: "UNKNOWN" });
  }
  const refused = toRefused(status, body, new Headers(responseHeaders));
  if (!isRefused) return withBilledUnknown(refused);
  return isSubmission ? refused : afterSubmission(refused, status);
}

/** The status of an error inside a successful answer, as OpenRouter sends it once a model has begun to work. */
function statusInside(body: string): number | undefined {
  const { code } = toRecord(readErrorBody(body));
  return typeof code === "number" && Number.isInteger(code) && code >= 400 && code < 600 ? code : undefined;
}

function toRefused(status: number, body: string, headers: Headers): GatewayError {
  const refusal = toRefusal(status, readErrorBody(body), headers);
  const { isContent, isOfOutput, isBudget, isModel } = readWords(status, body);
  const refused = toRefusedCall(refusal, {
    billedSoFar: "UNKNOWN",
    // If the refusal names a parameter, the word may only be the parameter's name.
    isContent: isContent && refusal.fields.param === undefined,
    isBudget,
    isModel,
  });
  const isMaybeBilled = refused.code === "CONTENT_REJECTED" && (isOfOutput || status === MAYBE_BILLED_STATUS);
  return isMaybeBilled ? withBilledUnknown(refused) : refused;
}

function withBilledUnknown({ code, message, isRetryable, details, cause }: GatewayError): GatewayError {
  return new GatewayError(code, message, { ...details, isRetryable, billed: "UNKNOWN", cause });
}

function afterSubmission({ code, message, cause }: GatewayError, status: number): GatewayError {
  if (code === "CONTENT_REJECTED") return new GatewayError(code, message, { billed: "UNKNOWN", cause });
  const text = `the provider's result could not be fetched: the answer has status ${status}`;
  return new GatewayError("UPSTREAM_FAILED", text, { billed: "UNKNOWN", cause });
}

function isNotConnected(error: unknown): boolean {
  for (let cause = error, depth = 0; cause && depth < 8; cause = (cause as Error).cause, depth++) {
    if (NOT_CONNECTED.has(String((cause as NodeJS.ErrnoException).code))) return true;
  }
  return false;
}
