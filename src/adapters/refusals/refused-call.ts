import { type Billed, type ErrorCode, GatewayError, type GatewayErrorOptions } from "../../errors.ts";
import type { ProviderRefusal } from "./provider-refusal.ts";

/** The codes by which vendors mark a content refusal. Azure's is `contentFilter`; Ark's ends the list. */
const CONTENT_CODE =
  /content_?(policy|filter|moderation)|moderation_(blocked|failed)|nsfw|data_?inspection|prohibited_?content|sensitive_?(content|words)/i;

const BUDGET_CODES: ReadonlySet<string | undefined> = new Set([
  "billing_hard_limit_reached",
  "billing_not_active",
  "insufficient_quota",
  // Google's and Bedrock's.
  "BILLING_DISABLED",
  "ServiceQuotaExceededException",
]);

const MODEL_CODES: ReadonlySet<string | undefined> = new Set([
  "model_not_found",
  // Azure's, Google's and Bedrock's.
  "DeploymentNotFound",
  "NOT_FOUND",
  "ResourceNotFoundException",
]);

/** Google answers 400 to a wrong key. */
const KEY_CODES: ReadonlySet<string | undefined> = new Set(["API_KEY_INVALID"]);

/** The gateway's names of inputs, by the vendors' names, if they differ. */
const INPUT_NAMES: ReadonlyMap<string, string> = new Map([
  ["output_format", "format"],
  ["output_compression", "compression"],
  ["partial_images", "partialImages"],
  ["stream", "partialImages"],
  ["safety_identifier", "safetyIdentifier"],
  ["user", "safetyIdentifier"],
  ["image", "images"],
  ["image[]", "images"],
  ["image_url", "images"],
  ["image_urls", "images"],
  ["mask_url", "mask"],
  ["image_size", "size"],
  ["aspect_ratio", "size"],
  ["num_images", "n"],
]);

/** Whether the provider refused the prompt, or withheld the picture, because of its content. */
export function isOfContent({ fields }: ProviderRefusal): boolean {
  return CONTENT_CODE.test(fields.code ?? "");
}

/** The facts about a refused call besides its error object. */
export interface RefusedCall {
  /** Whether the call was billed, used if the refusal does not say so. */
  readonly billedSoFar: Billed;
  /** Whether the answer marks a content refusal in another way than by its code. @defaultValue false */
  readonly isContent?: boolean;
  /** The same for a budget that is used up. @defaultValue false */
  readonly isBudget?: boolean;
  /** The same for a model that the provider does not have. @defaultValue false */
  readonly isModel?: boolean;
  /** A description of an answer that is not JSON, to be appended to the status. @defaultValue none */
  readonly description?: string;
  /** Advice that is added if the status is typical of a wrong address. @defaultValue none */
  readonly advice?: string;
}

/** Converts a provider's refusal. All adapters use the same rules. */
export function toRefusedCall(
  refusal: ProviderRefusal,
  { billedSoFar, isContent = false, isBudget = false, isModel = false, description = "", advice = "" }: RefusedCall,
): GatewayError {
  const { status, code, type, param, moderationStage, retryAfterSeconds } = refusal.fields;
  const isClientError = status >= 300 && status < 500;
  // Status 503, like 429, means that the provider did not begin to work.
  const billed = isClientError || status === 503 ? "NO" : billedSoFar;
  const make = (errorCode: ErrorCode, message: string, options: GatewayErrorOptions = {}): GatewayError =>
    new GatewayError(errorCode, message, { billed, cause: refusal, ...options });
  const wait: GatewayErrorOptions = retryAfterSeconds === undefined ? {} : { retryAfterSeconds };

  if (isContent || isOfContent(refusal)) {
    // The provider may charge for a picture that it made and then withheld.
    const isOutput = moderationStage === "output" || /output/i.test(code ?? "");
    const options: GatewayErrorOptions = isOutput && billed === "NO" ? { billed: "UNKNOWN" } : {};
    return make("CONTENT_REJECTED", "the provider's content policy refused the prompt; change the prompt", options);
  }
  if (isBudget || BUDGET_CODES.has(code) || BUDGET_CODES.has(type) || status === 402) {
    return make("BUDGET_EXCEEDED", "the gateway's account with the provider has no budget left");
  }
  if (isModel || MODEL_CODES.has(code) || MODEL_CODES.has(type)) {
    return make("MODEL_UNAVAILABLE", "the provider does not offer this model to the gateway; choose another model");
  }
  if (status === 401 || status === 403 || KEY_CODES.has(code)) {
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
    const isOdd = status < 400 || status === 404 || status === 405;
    const where = isOdd && advice !== "" ? `; ${advice}` : "";
    const message = `the provider refused the gateway's request with status ${status}${part}${description}${where}`;
    return make("UPSTREAM_FAILED", message, { isRetryable: false });
  }
  return make("UPSTREAM_FAILED", `the provider failed with status ${status}${description}`);
}
