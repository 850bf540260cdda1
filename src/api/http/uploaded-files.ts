import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { Busboy, type BusboyInstance } from "@fastify/busboy";
import type { Request } from "express";
import { badInput, GatewayError } from "../../errors.ts";
import type { Upload } from "../../service/edits/edit-intake.ts";
import { UnlinkedTempFile } from "./unlinked-temp-file.ts";

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
 * order and no memory holds them; they are gone when `use` is done with them, and with the process.
 *
 * @throws BAD_USER_INPUT when the form is broken or has a field twice, PAYLOAD_TOO_LARGE when it passes a limit
 */
export async function withUploads<Result>(
  request: Request,
  limits: UploadLimits,
  use: (form: UploadedForm) => Promise<Result>,
): Promise<Result> {
  const kept: UnlinkedTempFile[] = [];
  try {
    return await use(await receive(request, limits, kept));
  } finally {
    await Promise.all(kept.map((file) => file.close()));
  }
}

async function receive(request: Request, limits: UploadLimits, kept: UnlinkedTempFile[]): Promise<UploadedForm> {
  const parser = createParser(request, limits);
  const values = new Map<string, string>();
  const files: UploadedFile[] = [];
  const arriving: Readable[] = [];
  const saving: Promise<void>[] = [];
  const refuse = (error: unknown) => void parser.destroy(error as Error);
  parser.on("field", (name, value, isNameCut, isValueCut) => {
    if (isNameCut || isValueCut) refuse(tooLarge(name));
    else if (values.has(name)) refuse(badInput(name, `${name} was sent twice; send it once`));
    else values.set(name, value);
  });
  parser.on("file", (name, stream, _filename, _encoding, mediaType) => {
    const file = new UnlinkedTempFile();
    kept.push(file);
    files.push({ name, mediaType, bytes: file.read() });
    arriving.push(stream);
    stream.once("limit", () => refuse(tooLarge(name)));
    const isSaved = pipeline(stream, (bytes) => file.write(bytes));
    isSaved.catch(refuse);
    saving.push(isSaved);
  });
  parser.on("filesLimit", () => refuse(badInput("images", `send at most ${limits.maxFiles} files`)));
  parser.on("fieldsLimit", () => refuse(badInput("body", `send at most ${MAX_FIELDS} fields`)));
  try {
    await pipeline(request, parser);
  } catch (error) {
    for (const stream of arriving) stream.destroy();
    await Promise.allSettled(saving);
    throw error instanceof GatewayError || isDiskError(error) ? error : broken(error);
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

function isDiskError(error: unknown): boolean {
  return ["open", "unlink", "write"].includes((error as NodeJS.ErrnoException).syscall ?? "");
}

function tooLarge(field: string): GatewayError {
  return new GatewayError("PAYLOAD_TOO_LARGE", `${field} is too large`, { field });
}

function broken(cause: unknown): GatewayError {
  return new GatewayError("BAD_USER_INPUT", "the multipart body is broken or cut short", { field: "body", cause });
}
