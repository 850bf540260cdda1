import { GatewayError } from "../../errors.ts";

const RETRY_AFTER_SECONDS = 5;
const TOO_MANY_REQUESTS = 429;
const NOT_IMPLEMENTED = 501;

/**
 * What may be known of a failed S3 request. The SDK's own error repeats access keys, signatures and parts of the
 * answer in its fields, so that it never gets further than here.
 */
export interface S3Failure extends Error {
  /** S3's code, such as `AccessDenied`, or the network's, such as `ECONNREFUSED`. */
  readonly code: string;
  /** The HTTP status; `undefined` when there was no answer. */
  readonly status: number | undefined;
}

/**
 * What S3 refuses is a fault; that it does not answer, or cannot at the moment, passes: `OVERLOADED`, with the failure as
 * its cause.
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

/** Whether S3 answered that there is no such object. */
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

/** S3's code is the error's name. An answer to HEAD has no body and so no code: the SDK then makes one up. */
function codeOf(error: unknown): string {
  const { name, code } = error as { readonly name?: unknown; readonly code?: unknown };
  const candidates = statusOf(error) === undefined ? [code, name] : [name, code];
  const isCode = (candidate: unknown) =>
    typeof candidate === "string" && /^[A-Za-z][A-Za-z0-9_.]{0,63}$/.test(candidate);
  return String(candidates.find(isCode) ?? "Unknown");
}
