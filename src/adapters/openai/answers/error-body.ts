import { decodeContent } from "../../content-encoding.ts";
import { readErrorBody } from "../../refusals/error-body.ts";

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
    return new Response(await readVendorError(response.body), { status, headers });
  };
}

/**
 * Reads the beginning of the body of an answer with an error status. The error of a compatible server gets the vendor's
 * shape. A body that is not JSON is not changed.
 */
export async function readVendorError(body: AsyncIterable<Uint8Array>): Promise<string> {
  const text = (await readBeginning(body)).toString();
  const error = readErrorBody(text);
  return error === undefined ? text.replace(/^\uFEFF/, "") : JSON.stringify({ error });
}

async function readBeginning(body: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  let byteCount = 0;
  for await (const part of decodeContent(body, undefined)) {
    // A copy: the memory of the piece may be used again.
    parts.push(Buffer.from(part));
    byteCount += part.byteLength;
    if (byteCount > MAX_ERROR_BYTES) break;
  }
  return Buffer.concat(parts).subarray(0, MAX_ERROR_BYTES);
}
