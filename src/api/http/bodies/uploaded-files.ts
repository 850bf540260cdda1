import type { Request } from "express";
import { badInput } from "../../../errors.ts";
import type { Upload } from "../../../service/edits/edit-intake.ts";
import { type IncomingBody, incomingBodyOf } from "./incoming-body.ts";
import { type FormLimits, type FormParts, formTooLarge, readForm } from "./multipart-form.ts";
import { UnlinkedTempFile } from "./unlinked-temp-file.ts";

/** A file of a form, stored on disk to be read. */
export interface UploadedFile extends Upload {
  /** The name of its field. */
  readonly name: string;
}

export interface UploadedForm {
  /** The text fields by their names. */
  readonly values: ReadonlyMap<string, string>;
  /** In the order in which they came. */
  readonly files: readonly UploadedFile[];
}

export interface UploadLimits {
  readonly maxFiles: number;
  readonly maxFileBytes: number;
  /** The most bytes of all text fields together. */
  readonly maxTextBytes: number;
}

/** The most text fields of one form. */
const MAX_FIELDS = 100;
/** The most bytes of the header lines of one part. */
const MAX_PART_HEADER_BYTES = 8 * 1024;
/** Even an empty file counts as this many bytes of disk space, because the number of open files is limited. */
const MIN_FILE_BYTES = 1024 ** 2;

/** Returns the limits of a form with such files, for {@link readForm}. */
export function toFormLimits({ maxFiles, maxFileBytes, maxTextBytes }: UploadLimits): FormLimits {
  const maxParts = maxFiles + MAX_FIELDS;
  return {
    maxParts,
    maxTextBytes,
    maxBytes: maxFiles * maxFileBytes + maxTextBytes + maxParts * MAX_PART_HEADER_BYTES,
  };
}

/**
 * Receives a multipart form and passes it to `use`. Its files go to disk as they arrive, so they may come in any order
 * and are never held in memory. They are removed when `use` has settled or the process ends.
 *
 * @param kindOf decides how to read each part, as the part begins
 * @throws BAD_USER_INPUT when the form is broken or has a text field twice, PAYLOAD_TOO_LARGE when it exceeds a limit,
 *   OVERLOADED when there is no room for it, and every error that `kindOf` throws
 */
export async function withUploads<Result>(
  request: Request,
  limits: UploadLimits,
  kindOf: FormParts["kindOf"],
  use: (form: UploadedForm) => Promise<Result>,
): Promise<Result> {
  const body = incomingBodyOf(request);
  const values = new Map<string, string>();
  const files: UploadedFile[] = [];
  const kept: KeptUpload[] = [];
  try {
    await readForm(request, toFormLimits(limits), {
      kindOf,
      takeText(name, text) {
        if (values.has(name)) throw badInput(name, `${name} was sent twice; send it once`);
        values.set(name, text);
      },
      async takeFile(name, mediaType, bytes) {
        if (files.length === limits.maxFiles) throw badInput("images", `send at most ${limits.maxFiles} files`);
        const upload = new KeptUpload({ maxBytes: limits.maxFileBytes, body, field: name });
        kept.push(upload);
        files.push({ name, mediaType, bytes: upload.read() });
        await upload.save(bytes);
      },
    });
    return await use({ values, files });
  } finally {
    await Promise.all(kept.map((upload) => upload.close()));
  }
}

export interface KeptUploadOptions {
  readonly maxBytes: number;
  /** The body that counts the room of the file; `undefined` counts none. */
  readonly body: IncomingBody | undefined;
  /** The name of the file's field, for errors. @defaultValue none */
  readonly field?: string;
  /** How many times the file will be read. @defaultValue 1 */
  readonly readerCount?: number;
}

/** A file of a form on disk. It may be read while it arrives, and is removed when all its readers are done. */
export class KeptUpload {
  readonly #options: KeptUploadOptions;
  readonly #file: UnlinkedTempFile;
  #heldBytes = MIN_FILE_BYTES;
  #readersLeft: number;
  #isSaved = false;

  /** @throws OVERLOADED when there is no room for one more file */
  constructor(options: KeptUploadOptions) {
    options.body?.hold("disk", MIN_FILE_BYTES);
    this.#options = options;
    this.#readersLeft = options.readerCount ?? 1;
    this.#file = new UnlinkedTempFile();
  }

  /**
   * Writes the file. Its readers throw the same error as this.
   *
   * @throws PAYLOAD_TOO_LARGE, OVERLOADED when there is no room for it
   */
  async save(bytes: AsyncIterable<Uint8Array>): Promise<void> {
    await this.#file.write(this.#measured(bytes));
    this.#isSaved = true;
    await this.#closeIfRead();
  }

  async *#measured(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    const { maxBytes, body, field } = this.#options;
    let length = 0;
    for await (const chunk of bytes) {
      length += chunk.byteLength;
      if (length > maxBytes) throw formTooLarge(field, maxBytes);
      if (length > this.#heldBytes) {
        body?.hold("disk", length - this.#heldBytes);
        this.#heldBytes = length;
      }
      yield chunk;
    }
  }

  /** Reads the file from its beginning. Counts as one reader. */
  async *read(): AsyncGenerator<Uint8Array> {
    try {
      yield* this.#file.read();
    } finally {
      this.#readersLeft--;
      await this.#closeIfRead();
    }
  }

  async #closeIfRead(): Promise<void> {
    if (this.#isSaved && this.#readersLeft === 0) await this.close();
  }

  /** Removes the file and gives back its room. */
  async close(): Promise<void> {
    this.#options.body?.release("disk", this.#heldBytes);
    this.#heldBytes = 0;
    await this.#file.close();
  }
}
