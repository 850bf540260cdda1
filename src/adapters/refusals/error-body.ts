import { toRecord } from "../to-record.ts";

/**
 * Reads the body of an answer with an error status. Converts the errors of other vendors to OpenAI's form: `{"message",
 * "type", "param", "code"}`.
 *
 * @returns the error, or `undefined` when the body is not JSON
 */
export function readErrorBody(body: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(body.replace(/^\uFEFF/, ""));
  } catch {
    return undefined;
  }
  const { error = value } = toRecord(value);
  if (typeof error === "string") return { message: error };
  const { detail, invalid_fields: invalidFields } = toRecord(error);
  return (
    fromFields(invalidFields) ??
    (detail === undefined ? undefined : fromDetail(detail)) ??
    fromGoogle(toRecord(error)) ??
    error
  );
}

/** Converts an error of FastAPI: a text, or a list of problems with parameters, of which only the first is used. */
function fromDetail(detail: unknown): object {
  const [first] = Array.isArray(detail) ? detail : [];
  const { loc, msg, type } = toRecord(first);
  const param: unknown = Array.isArray(loc) ? loc.findLast((part) => typeof part === "string") : undefined;
  if (param !== undefined) return { message: msg, type: "invalid_request_error", param, code: type };
  return { message: typeof detail === "string" ? detail : "", code: type };
}

/** Converts an error of Replicate, which names its inputs `input.prompt`. */
function fromFields(invalidFields: unknown): object | undefined {
  const [first] = Array.isArray(invalidFields) ? invalidFields : [];
  const { field, type, description } = toRecord(first);
  if (typeof field !== "string") return undefined;
  return { message: description, type: "invalid_request_error", param: lastPart(field), code: type };
}

/**
 * Converts an error of Google's APIs. Its details name a field, a reason such as `API_KEY_INVALID`, or how long to wait.
 *
 * @see https://google.aip.dev/193
 */
function fromGoogle({ code, message, status, details }: Readonly<Record<string, unknown>>): object | undefined {
  if (typeof code !== "number" || typeof status !== "string") return undefined;
  const parts = (Array.isArray(details) ? details : []).map(toRecord);
  const { field } = toRecord(parts.flatMap(({ fieldViolations }) => fieldViolations ?? [])[0]);
  const hasField = typeof field === "string" && field !== "";
  const reason = parts.find((part) => typeof part.reason === "string")?.reason;
  const [, seconds] = /^(\d{1,6}(?:\.\d+)?)s$/.exec(String(parts.find((part) => part.retryDelay)?.retryDelay)) ?? [];
  return {
    message,
    code: reason ?? status,
    ...(hasField && { type: "invalid_request_error", param: lastPart(field) }),
    ...(seconds !== undefined && { retryAfterSeconds: Number(seconds) }),
  };
}

function lastPart(path: string): string {
  return path.slice(path.lastIndexOf(".") + 1);
}
