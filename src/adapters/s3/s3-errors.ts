import { GatewayError } from "../../errors.ts";

const RETRY_AFTER_SECONDS = 5;
const TOO_MANY_REQUESTS = 429;
const NOT_IMPLEMENTED = 501;

/**
 * The part of a failed S3 request that may be logged. The SDK's own error holds access keys, signatures and parts of the
 * answer, so it must not leave this module.
 */
export interface S3Failure extends Error {
  /** The code of S3, such as `AccessDenied`, or of the network, such as `ECONNREFUSED`. */
  readonly code: string;
  /** The HTTP status; `undefined` without an answer. */
  readonly status: number | undefined;
}

/**
 * Translates an error of the SDK. If S3 does not answer, or cannot at the moment, the result is `OVERLOADED` with the
 * failure as its cause. If S3 refuses the request, it is the failure itself.
 *
 * @param doing what S3 was asked for, such as "store an object"
 */
export function toS3Failure(error: unknown, doing: string): S3Failure | GatewayError {
  const status = statusOf(error);
  const code = codeOf(error);
  const message =
    status === undefined ? `S3 could not ${doing}: ${code}` : `S3 could not ${doing}: ${code} (HTTP ${status})`;
  const failure = Object.assign(new Error(message), { code, status });
  const isPassing =
    status === undefined || status === TOO_MANY_REQUESTS || (status >= 500 && status !== NOT_IMPLEMENTED);
  if (!isPassing) return failure;
  return new GatewayError("OVERLOADED", "the gateway's image storage does not answer; send the request again later", {
    retryAfterSeconds: RETRY_AFTER_SECONDS,
    cause: failure,
  });
}

/** Whether S3 answered that the object does not exist. */
export function isMissing(error: unknown): boolean {
  return statusOf(error) === 404 && codeOf(error) !== "NoSuchBucket";
}

/**
 * Why the store cannot be used, for the operator.
 *
 * @param endpoint `undefined` for Amazon S3
 */
export function explainS3Failure(error: unknown, bucket: string, endpoint: string | undefined): string {
  const place = endpoint === undefined ? "Amazon S3" : new URL(endpoint).origin;
  const code = codeOf(error);
  switch (statusOf(error)) {
    case 301:
      return `S3_BUCKET ${bucket} at ${place} is in another region; set AWS_REGION to its region`;
    case 401:
    case 403:
      return `S3_BUCKET ${bucket} at ${place} refuses the credentials (${code}); check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and that they may list, read and write this bucket`;
    case 404:
      return `S3_BUCKET ${bucket} does not exist at ${place} (${code}); create it or name another one`;
    default:
  }
  if (code === "CredentialsProviderError") {
    return `S3_BUCKET ${bucket} at ${place} needs credentials; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY`;
  }
  if (error instanceof Error && error.message === "Region is missing") {
    return `S3_BUCKET ${bucket} at ${place} needs AWS_REGION; for another server than Amazon's, set S3_ENDPOINT`;
  }
  return `S3_BUCKET ${bucket} at ${place} does not answer as S3 does (${code}); check S3_ENDPOINT and the network`;
}

function statusOf(error: unknown): number | undefined {
  return (error as { readonly $metadata?: { readonly httpStatusCode?: number } } | undefined)?.$metadata
    ?.httpStatusCode;
}

/** The error's name is S3's code. An answer to HEAD has no body and so no code; the SDK then invents one. */
function codeOf(error: unknown): string {
  const { name, code } = error as { readonly name?: unknown; readonly code?: unknown };
  const candidates = statusOf(error) === undefined ? [code, name] : [name, code];
  const isCode = (candidate: unknown) =>
    typeof candidate === "string" && /^[A-Za-z][A-Za-z0-9_.]{0,63}$/.test(candidate);
  return String(candidates.find(isCode) ?? "Unknown");
}
