import type { Request, RequestHandler, Response } from "express";
import { badInput, GatewayError } from "../../../errors.ts";
import { MAX_EDIT_IMAGE_BYTES } from "../../../service/edits/edit-intake.ts";
import { isReadable } from "../../http/bodies/body-bytes.ts";
import { type IncomingBody, incomingBodyOf } from "../../http/bodies/incoming-body.ts";
import { parseJson } from "../../http/bodies/json-body.ts";
import { mediaTypeOf } from "../../http/bodies/media-type.ts";
import { type FormParts, readForm } from "../../http/bodies/multipart-form.ts";
import { KeptUpload, toFormLimits } from "../../http/bodies/uploaded-files.ts";
import type { ArrivingUpload } from "../types/upload-scalar.ts";
import { MAX_UPLOADS, placeUploads } from "./upload-map.ts";

/** At most this many characters of a file's name are repeated in an error. */
const MAX_SHOWN_LENGTH = 64;
/** A page of another origin cannot send these headers without a CORS preflight. Apollo Server checks the same ones. */
const PREFLIGHT_HEADERS = ["Apollo-Require-Preflight", "X-Apollo-Operation-Name"];

/**
 * Reads multipart requests into `request.body`. The operation runs as soon as `map` has arrived. Its files arrive while
 * it runs. They go to temporary files and are never held in memory. Once the answer is sent, the rest of the form is
 * dropped and the files are removed.
 *
 * The form on any web page can send a multipart request, with the visitor's cookies and from the visitor's network. So
 * the request is refused before its files are read, unless it has a header that only scripts can set.
 *
 * @see https://github.com/jaydenseric/graphql-multipart-request-spec
 */
export function acceptMultipart(maxTextBytes: number): RequestHandler {
  const limits = toFormLimits({ maxFiles: MAX_UPLOADS, maxFileBytes: MAX_EDIT_IMAGE_BYTES, maxTextBytes });
  const readOperation: RequestHandler = async (request, response, next) => {
    if (!PREFLIGHT_HEADERS.some((name) => request.get(name))) {
      throw new GatewayError("BAD_USER_INPUT", `a multipart request needs the header ${PREFLIGHT_HEADERS[0]}: true`);
    }
    const body = incomingBodyOf(request);
    if (isReadable(request) && body) {
      const operation = new MultipartOperation(request, response, body);
      operation.receive(readForm(request, limits, operation));
      request.body = await operation.ready;
    }
    next();
  };
  return (request, response, next) => {
    const isMultipart = mediaTypeOf(request.headers["content-type"]) === "multipart/form-data";
    return isMultipart ? readOperation(request, response, next) : next();
  };
}

/** An operation sent as a form: `operations`, then `map`, then the files. */
class MultipartOperation implements FormParts {
  readonly #request: Request;
  readonly #body: IncomingBody;
  readonly #ready = Promise.withResolvers<object>();
  readonly #kept: KeptUpload[] = [];
  #operations: object | undefined;
  #uploads: ReadonlyMap<string, ArrivingUpload> | undefined;
  /** Names of the files that have begun to arrive. */
  readonly #begun = new Set<string>();

  constructor(request: Request, response: Response, body: IncomingBody) {
    this.#request = request;
    this.#body = body;
    response.once("close", () => this.#stop());
  }

  /** Resolves with the operation, in the form of a JSON request, once it can run. */
  get ready(): Promise<object> {
    return this.#ready.promise;
  }

  /** Waits for the end of the form, then rejects every upload whose file did not arrive. */
  async receive(form: Promise<void>): Promise<void> {
    try {
      await form;
      if (!this.#uploads) throw missing(this.#operations ? "field map" : "field operations");
      for (const [name, upload] of this.#uploads) upload.fail(missing(`file ${name.slice(0, MAX_SHOWN_LENGTH)}`));
    } catch (error) {
      this.#ready.reject(error);
      for (const upload of this.#uploads?.values() ?? []) upload.fail(error);
    }
  }

  kindOf(name: string): "text" | "file" {
    if (name === "operations" || name === "map") return "text";
    if (!this.#uploads) throw badInput("body", "send the fields operations and map before the files");
    if (!this.#uploads.has(name)) throw badInput("body", "the form has a field that its map does not name");
    if (this.#begun.has(name)) throw badInput("body", "the form has a file twice");
    return "file";
  }

  takeText(name: string, text: string): void {
    if (name === "operations") this.#takeOperations(text);
    else this.#takeMap(text);
  }

  #takeOperations(text: string): void {
    if (this.#operations) throw badInput("operations", "operations was sent twice; send it once");
    const operations = parseJson(text, this.#request);
    if (typeof operations !== "object" || operations === null || Array.isArray(operations)) {
      throw badInput("operations", "operations must be a JSON object; send one operation in a request");
    }
    this.#operations = operations;
  }

  #takeMap(text: string): void {
    if (!this.#operations) throw badInput("map", "send the field operations before map");
    if (this.#uploads) throw badInput("map", "map was sent twice; send it once");
    this.#uploads = placeUploads(this.#operations, text);
    this.#ready.resolve(this.#operations);
  }

  async takeFile(name: string, mediaType: string | undefined, bytes: AsyncIterable<Uint8Array>): Promise<void> {
    const upload = this.#uploads?.get(name);
    if (!upload) throw new Error("a file arrived before the form's map");
    this.#begun.add(name);
    const kept = new KeptUpload({
      maxBytes: MAX_EDIT_IMAGE_BYTES,
      body: this.#body,
      readerCount: upload.placeCount,
    });
    this.#kept.push(kept);
    upload.begin(() => ({ mediaType, bytes: kept.read() }));
    await kept.save(bytes);
  }

  #stop(): void {
    this.#body.stop();
    for (const kept of this.#kept) kept.close().catch(() => undefined);
  }
}

function missing(part: string): GatewayError {
  return badInput("body", `the form has no ${part}; send operations, then map, then each file that map names`);
}
