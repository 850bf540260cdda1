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
  const { detail, details, invalid_fields: invalidFields } = toRecord(error);
  return (
    fromFields(invalidFields) ??
    (detail === undefined ? undefined : fromDetail(detail)) ??
    fromViolations(error, details) ??
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

/** Converts an error of Google's APIs. @see https://google.aip.dev/193 */
function fromViolations(error: unknown, details: unknown): object | undefined {
  const { message, status } = toRecord(error);
  const violations = (Array.isArray(details) ? details : []).flatMap(
    (detail) => toRecord(detail).fieldViolations ?? [],
  );
  const { field } = toRecord(violations[0]);
  if (typeof field !== "string" || field === "") return undefined;
  return { message, type: "invalid_request_error", param: lastPart(field), code: status };
}

function lastPart(path: string): string {
  return path.slice(path.lastIndexOf(".") + 1);
}
