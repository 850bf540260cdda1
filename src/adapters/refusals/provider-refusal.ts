import { toRecord } from "../to-record.ts";

/** The fields of the vendor's error object that are identifiers. Its `message` may repeat the prompt or the key. */
export interface RefusalFields {
  /** The HTTP status. */
  readonly status: number;
  readonly code?: string | undefined;
  readonly type?: string | undefined;
  /** The request's parameter that was refused. */
  readonly param?: string | undefined;
  /** The stage at which moderation refused: `input`, `output` or `unknown`. */
  readonly moderationStage?: string | undefined;
  /** The provider's id of the call, for its support. */
  readonly requestId?: string | undefined;
  /** In whole seconds. */
  readonly retryAfterSeconds?: number | undefined;
}

/** The provider answered with an error. It holds only identifiers, so that it can be logged as a cause. */
export class ProviderRefusal extends Error {
  override readonly name = "ProviderRefusal";
  readonly fields: RefusalFields;

  constructor(fields: RefusalFields) {
    super(
      Object.entries(fields)
        .filter(([, value]) => value !== undefined)
        .map(([name, value]) => `${name} ${value}`)
        .join(", "),
    );
    this.fields = fields;
  }
}

/**
 * Reads the vendor's error object.
 *
 * @param body the `error` member of the answer
 * @param headers the answer's headers; `undefined` when the error is an event of a stream
 */
export function toRefusal(status: number, body: unknown, headers?: Headers): ProviderRefusal {
  const error = toRecord(body);
  return new ProviderRefusal({
    status,
    code: toIdentifier(error.code),
    // Bedrock names the type in a header: `ValidationException:http://…`.
    type: toIdentifier(error.type) ?? toIdentifier(headers?.get("x-amzn-errortype")?.split(":")[0]),
    param: toIdentifier(error.param),
    moderationStage: toIdentifier(toRecord(error.moderation_details).moderation_stage),
    requestId: toIdentifier(headers?.get("x-request-id")),
    retryAfterSeconds: (headers && toRetryAfterSeconds(headers)) ?? toWholeSeconds(error.retryAfterSeconds),
  });
}

/** `retry-after-ms`, which the vendor's own client prefers, or `Retry-After` in seconds or as a date (RFC 9110). */
function toRetryAfterSeconds(headers: Headers): number | undefined {
  const milliseconds = headers.get("retry-after-ms");
  if (milliseconds && isDecimal(milliseconds)) return Math.ceil(Number(milliseconds) / 1000);
  const retryAfter = headers.get("retry-after");
  if (!retryAfter) return undefined;
  if (isDecimal(retryAfter)) return Math.ceil(Number(retryAfter));
  // Use the server's clock if its answer has a `Date`, because the gateway's clock may differ.
  const seconds = (Date.parse(retryAfter) - (Date.parse(headers.get("date") ?? "") || Date.now())) / 1000;
  return Number.isNaN(seconds) ? undefined : Math.max(0, Math.ceil(seconds));
}

function toWholeSeconds(seconds: unknown): number | undefined {
  return typeof seconds === "number" && seconds >= 0 ? Math.ceil(seconds) : undefined;
}

function isDecimal(text: string): boolean {
  return /^\d{1,9}(\.\d+)?$/.test(text.trim());
}

/**
 * A short word of letters, digits and `_ - . [ ]`: too little to repeat a prompt. Keys are excluded by their prefix.
 */
function toIdentifier(value: unknown): string | undefined {
  return typeof value === "string" && /^(?!sk-)[\w.[\]-]{1,64}$/.test(value) ? value : undefined;
}
