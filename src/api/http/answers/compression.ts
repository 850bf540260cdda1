import { promisify } from "node:util";
import { gzip } from "node:zlib";
import type { Request, Response } from "express";

/** Shorter answers fit into a packet or two, so compressing them would cost time and save none. In UTF-16 units. */
const MIN_LENGTH = 1024;

const compress = promisify<string, Buffer>(gzip);

/**
 * Ends an answer with a text. A long text is compressed if the client accepts gzip. Brotli makes lists of images no
 * smaller, because most of their bytes are signatures. Another thread compresses, so that this one can serve other
 * requests meanwhile.
 *
 * Compression can reveal the content of an encrypted answer to listeners on the network. docs/security.md says why it
 * does not here: read that before you use this for another route.
 */
export async function endWithText(request: Request, response: Response, text: string): Promise<void> {
  const isLong = text.length >= MIN_LENGTH;
  if (isLong) response.vary("Accept-Encoding");
  if (!isLong || !request.acceptsEncodings("gzip")) {
    response.end(text);
    return;
  }
  const compressed = await compress(text);
  response.setHeader("Content-Encoding", "gzip").end(compressed);
}
