import { createReadStream, createWriteStream } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { Busboy, type BusboyInstance } from "@fastify/busboy";
import type { Request } from "express";
import { badInput, GatewayError } from "../errors.ts";
import type { Upload } from "../service/edit-intake.ts";

/** A file of a form, which waits on disk to be read. */
export interface UploadedFile extends Upload {
  /** The name of its field. */
  readonly name: string;
}

export interface UploadedForm {
  /** The fields that are text, each by its name. */
  readonly values: ReadonlyMap<string, string>;
  /** In the order they came. */
  readonly files: readonly UploadedFile[];
}

export interface UploadLimits {
  readonly maxFiles: number;
  readonly maxFileBytes: number;
  /** Of one text field. */
  readonly maxTextBytes: number;
}

const MAX_FIELDS = 100;

/**
 * Receives a multipart form and hands it to `use`. Its files go to disk as they arrive, so that they may come in any
 * order and no memory holds them; they are removed when `use` is done with them.
 *
 * @throws BAD_USER_INPUT when the form is broken or has a field twice, PAYLOAD_TOO_LARGE when it passes a limit
 */
export async function withUploads<Result>(
  request: Request,
  limits: UploadLimits,
  use: (form: UploadedForm) => Promise<Result>,
): Promise<Result> {
  const directory = await mkdtemp(join(tmpdir(), `pictograph-upload-${process.pid}-`));
  try {
    return await use(await receive(request, directory, limits));
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function receive(request: Request, directory: string, limits: UploadLimits): Promise<UploadedForm> {
  const parser = createParser(request, limits);
  const values = new Map<string, string>();
  const files: UploadedFile[] = [];
  const arriving: Readable[] = [];
  const saving: Promise<void>[] = [];
  const refuse = (error: GatewayError) => void parser.destroy(error);
  parser.on("field", (name, value, isNameCut, isValueCut) => {
    if (isNameCut || isValueCut) refuse(tooLarge(name));
    else if (values.has(name)) refuse(badInput(name, `${name} was sent twice; send it once`));
    else values.set(name, value);
  });
  parser.on("file", (name, stream, _filename, _encoding, mediaType) => {
    const path = join(directory, String(files.length));
    files.push({ name, mediaType, bytes: createReadStreamLater(path) });
    arriving.push(stream);
    stream.once("limit", () => refuse(tooLarge(name)));
    saving.push(pipeline(stream, createWriteStream(path, { mode: 0o600 })));
  });
  parser.on("filesLimit", () => refuse(badInput("images", `send at most ${limits.maxFiles} files`)));
  parser.on("fieldsLimit", () => refuse(badInput("body", `send at most ${MAX_FIELDS} fields`)));
  try {
    await pipeline(request, parser);
  } catch (error) {
    for (const stream of arriving) stream.destroy();
    await Promise.allSettled(saving);
    throw error instanceof GatewayError ? error : broken(error);
  }
  await Promise.all(saving);
  return { values, files };
}

function createParser(request: Request, { maxFiles, maxFileBytes, maxTextBytes }: UploadLimits): BusboyInstance {
  try {
    return new Busboy({
      headers: { ...request.headers, "content-type": request.get("Content-Type") ?? "" },
      limits: { files: maxFiles, fileSize: maxFileBytes, fields: MAX_FIELDS, fieldSize: maxTextBytes },
    });
  } catch {
    throw badInput("body", "the multipart body needs a boundary in its Content-Type");
  }
}

/** Opens the file when its first byte is asked for. */
async function* createReadStreamLater(path: string): AsyncIterable<Uint8Array> {
  yield* createReadStream(path);
}

function tooLarge(field: string): GatewayError {
  return new GatewayError("PAYLOAD_TOO_LARGE", `${field} is too large`, { field });
}

function broken(cause: unknown): GatewayError {
  return new GatewayError("BAD_USER_INPUT", "the multipart body is broken or cut short", { field: "body", cause });
}
