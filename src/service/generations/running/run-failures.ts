import type { Logger } from "pino";
import { GatewayError } from "../../../errors.ts";
import type { ProviderWarning } from "../../../ports/image-provider.ts";
import { FAILURE_CODES, type GenerationFailure, type GenerationOutcome, type Warning } from "../../../ports/records.ts";

const MAX_PROVIDER_WARNING_LENGTH = 300;
/** The most characters of a failure's message and of the input it names. Providers of host programs write their own. */
const MAX_FAILURE_MESSAGE_LENGTH = 1000;
const MAX_FIELD_LENGTH = 100;

/**
 * Logs why a generation failed, and returns the failure for its record. The text of an unknown error is only logged.
 */
export function toFailure(error: unknown, generationId: string, logger: Logger): GenerationFailure {
  const known = error instanceof GatewayError ? FAILURE_CODES.find((code) => code === error.code) : undefined;
  if (error instanceof GatewayError && known) {
    const { billed = "UNKNOWN", field, retryAfterSeconds } = error.details;
    logger.warn({ generationId, err: error }, "provider call failed");
    return {
      code: known,
      message: cut(error.message, MAX_FAILURE_MESSAGE_LENGTH),
      retryable: error.isRetryable,
      billed,
      ...(field !== undefined && { field: cut(field, MAX_FIELD_LENGTH) }),
      ...(retryAfterSeconds !== undefined && { retryAfterSeconds }),
    };
  }
  logger.error({ generationId, err: error }, "generation failed");
  const message = `an internal error stopped this generation; the operator can find it in the log by ${generationId}`;
  return { code: "INTERNAL", message, retryable: false, billed: "UNKNOWN" };
}

/**
 * Whether the generation failed because of an outage. Refusals are not outages, and neither are calls that may have
 * been charged.
 */
export function isOutage(outcome: GenerationOutcome): outcome is Extract<GenerationOutcome, { status: "FAILED" }> {
  if (outcome.status !== "FAILED") return false;
  const { code, retryable, billed } = outcome.failure;
  return retryable && billed === "NO" && (code === "UPSTREAM_FAILED" || code === "UPSTREAM_TIMEOUT");
}

/** A provider's warning as the record keeps it: at most 300 characters. */
export function toWarning(warning: string | ProviderWarning): Warning {
  const { code, message } = typeof warning === "string" ? { code: "PROVIDER_WARNING", message: warning } : warning;
  return { code, message: cut(message, MAX_PROVIDER_WARNING_LENGTH) };
}

/** The error of a generation that no model can carry out any more. */
export function unavailable(message: string): GatewayError {
  return new GatewayError("MODEL_UNAVAILABLE", message, { billed: "NO" });
}

/** The error of a generation that this process no longer runs. */
export function ended(): GatewayError {
  return new GatewayError("INTERRUPTED", "another process or a caller ended the generation while it ran");
}

/** The error of a provider call that took too long. */
export function upstreamTimeout(): GatewayError {
  return new GatewayError("UPSTREAM_TIMEOUT", "the provider did not answer in time");
}

/** Cuts a provider's text. It may not end with half of a character. */
function cut(text: string, maxLength: number): string {
  return text.slice(0, maxLength).toWellFormed();
}
