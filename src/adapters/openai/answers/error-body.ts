import { decodeContent } from "../../content-encoding.ts";
import { toRecord } from "./to-record.ts";

/** The most that is read of an answer with an error status, in bytes. */
const MAX_ERROR_BYTES = 64 * 1024;

/**
 * Makes answers with an error status short, since the client reads them whole, and gives those of compatible servers the
 * vendor's shape: `{"error": {"message", "type", "param", "code"}}`. What is no JSON stays as it is.
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

/** FastAPI's errors: a text, or what is wrong with each parameter, of which the first has to do. */
function fromDetail(detail: unknown): object {
  const [first] = Array.isArray(detail) ? detail : [];
  const { loc, msg, type } = toRecord(first);
  const param: unknown = Array.isArray(loc) ? loc.findLast((part) => typeof part === "string") : undefined;
  if (param === undefined) return { message: typeof detail === "string" ? detail : "" };
  return { message: msg, type: "invalid_request_error", param, code: type };
}
