import { decodeContent } from "../../content-encoding.ts";
import { toRecord } from "./to-record.ts";

/** The most bytes that are read of an answer with an error status. */
const MAX_ERROR_BYTES = 64 * 1024;

/**
 * Shortens answers with an error status, because the client reads them whole. Gives the errors of compatible servers
 * the vendor's shape: `{"error": {"message", "type", "param", "code"}}`. An answer that is not JSON is not changed.
 */
export function withVendorErrors(fetchAnswer: typeof fetch): typeof fetch {
  return async (input, init) => {
    const response = await fetchAnswer(input, init);
    if (response.ok || !response.body) return response;
    const { status, headers } = response;
    return new Response(toVendorError(await readBeginning(response.body)), { status, headers });
  };
}

async function readBeginning(body: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  let byteCount = 0;
  for await (const part of decodeContent(body, undefined)) {
    parts.push(part);
    byteCount += part.byteLength;
    if (byteCount > MAX_ERROR_BYTES) break;
  }
  return Buffer.concat(parts).subarray(0, MAX_ERROR_BYTES);
}

function toVendorError(body: Buffer): string {
  const text = body.toString().replace(/^\uFEFF/, "");
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return text;
  }
  const { error = value } = toRecord(value);
  if (typeof error === "string") return JSON.stringify({ error: { message: error } });
  const { detail } = toRecord(error);
  return JSON.stringify({ error: detail === undefined ? error : fromDetail(detail) });
}

/** Converts an error of FastAPI: a text, or a list of problems with parameters, of which only the first is used. */
function fromDetail(detail: unknown): object {
  const [first] = Array.isArray(detail) ? detail : [];
  const { loc, msg, type } = toRecord(first);
  const param: unknown = Array.isArray(loc) ? loc.findLast((part) => typeof part === "string") : undefined;
  if (param === undefined) return { message: typeof detail === "string" ? detail : "" };
  return { message: msg, type: "invalid_request_error", param, code: type };
}
