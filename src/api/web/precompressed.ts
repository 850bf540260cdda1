import { readdirSync } from "node:fs";
import { extname } from "node:path";
import type { RequestHandler, Response } from "express";

/** The suffixes of precompressed files by their encodings, best first. */
const SUFFIXES = { br: ".br", gzip: ".gz" } as const;
const ENCODINGS = ["br", "gzip"] as const;

/**
 * Sends the precompressed file that stands beside a built one, if the client accepts it. Leaves everything else to the
 * next handler.
 *
 * @param root the directory, which has no further ones
 * @param setHeaders sets headers of a file that is sent
 */
export function sendPrecompressed(root: string, setHeaders: (response: Response) => void = () => {}): RequestHandler {
  const files = new Set(readdirSync(root));
  return (request, response, next) => {
    response.vary("Accept-Encoding");
    const encoding = ENCODINGS.find((each) => request.acceptsEncodings(each));
    const name = request.path.slice(1);
    if (!encoding || !files.has(name + SUFFIXES[encoding])) return next();
    response.type(extname(name)).setHeader("Content-Encoding", encoding);
    setHeaders(response);
    const cacheControl = !response.hasHeader("Cache-Control");
    response.sendFile(name + SUFFIXES[encoding], { root, cacheControl, acceptRanges: false });
  };
}
