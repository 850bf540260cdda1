import { unlink } from "node:fs";
import type { RequestHandler } from "express";
import graphqlUploadExpress from "graphql-upload/graphqlUploadExpress.mjs";
import processRequest from "graphql-upload/processRequest.mjs";
import ArrivingFile, { type FileUpload } from "graphql-upload/Upload.mjs";
import { GatewayError } from "../../../errors.ts";
import { MAX_EDIT_IMAGE_BYTES, MAX_EDIT_IMAGES } from "../../../service/edits/edit-intake.ts";

/** A page of another origin cannot send one of these without asking first. The same that Apollo Server looks for. */
const PREFLIGHT_HEADERS = ["Apollo-Require-Preflight", "X-Apollo-Operation-Name"];

/**
 * Reads multipart requests, whose files go through temporary files, never through memory. They have no names, so that
 * the system frees them with their last handle: when the answer is sent, the caller is gone or the process is killed.
 *
 * A form of any page may be multipart, and browsers send it with the visitor's cookies and network: such a request is
 * refused before its files are read, unless it has a header that only scripts can set.
 */
export function acceptMultipart(maxBodyBytes: number): RequestHandler {
  const read = graphqlUploadExpress({
    maxFieldSize: maxBodyBytes,
    maxFileSize: MAX_EDIT_IMAGE_BYTES,
    maxFiles: MAX_EDIT_IMAGES + 1,
    processRequest: async (request, response, limits) => {
      const operations = await processRequest(request, response, limits);
      // One that does not arrive is told to whoever wants it.
      for (const file of filesIn(operations)) file.promise.then(takeNameAway, () => undefined);
      return operations;
    },
  });
  return (request, response, next) => {
    if (!/^\s*multipart\/form-data\b/i.test(request.headers["content-type"] ?? "")) return next();
    if (!PREFLIGHT_HEADERS.some((name) => request.get(name))) {
      throw new GatewayError("BAD_USER_INPUT", `a multipart request needs the header ${PREFLIGHT_HEADERS[0]}: true`);
    }
    // The host's app may have read it.
    if (request.body !== undefined) return next();
    return read(request, response, (error?: unknown) => next(error === undefined ? undefined : toGatewayError(error)));
  };
}

/** The files that stand in place of values, however deep. */
function* filesIn(operations: object): Generator<ArrivingFile> {
  const left: unknown[] = [operations];
  while (left.length > 0) {
    const one = left.pop();
    if (one instanceof ArrivingFile) yield one;
    else if (typeof one === "object" && one !== null) for (const value of Object.values(one)) left.push(value);
  }
}

/** Begun before the file is opened; it is written and read through its handle. */
function takeNameAway({ capacitor }: FileUpload): void {
  capacitor.once("ready", () => unlink(capacitor._path, () => undefined));
}

/** What the parser says of the request itself; it speaks of the specification, and of no content. */
function toGatewayError(error: unknown): unknown {
  const { status, expose, message } = error as { status?: unknown; expose?: unknown; message?: string };
  if (status === 413) {
    const limit = `send at most ${MAX_EDIT_IMAGES} images and a mask, each under 50 MB`;
    return new GatewayError("PAYLOAD_TOO_LARGE", `the multipart request is too large; ${limit}`, { cause: error });
  }
  if (expose === true) return new GatewayError("BAD_USER_INPUT", message ?? "", { cause: error });
  return new GatewayError("BAD_USER_INPUT", "the multipart request is broken or cut short", { cause: error });
}
