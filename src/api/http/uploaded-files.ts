import type { Request } from "express";
import { badInput } from "../../errors.ts";
import type { Upload } from "../../service/edits/edit-intake.ts";
import { type IncomingBody, incomingBodyOf } from "./incoming-body.ts";
import { type FormLimits, type FormParts, formTooLarge, readForm } from "./multipart-form.ts";
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
  /** Of all text fields together. */
  readonly maxTextBytes: number;
}

/** The most text fields of one form. */
const MAX_FIELDS = 100;
/** Room for the lines around each part. */
const MAX_PART_HEADER_BYTES = 8 * 1024;
/** What even an empty file counts for among all uploads, in bytes: only so many files can be open at once. */
const MIN_FILE_BYTES = 1024 ** 2;

/** Limits of a form with these files, for {@link readForm}. */
export function toFormLimits({ maxFiles, maxFileBytes, maxTextBytes }: UploadLimits): FormLimits {
  const maxParts = maxFiles + MAX_FIELDS;
  return {
    maxParts,
    maxTextBytes,
    maxBytes: maxFiles * maxFileBytes + maxTextBytes + maxParts * MAX_PART_HEADER_BYTES,
  };
}

/**
 * Receives a multipart form and hands it to `use`. Its files go to disk as they arrive, so that they may come in any
 * order and no memory holds them; they are gone when `use` is done with them, and with the process.
 *
 * @param kindOf decides how each part is read, as it begins
 * @throws BAD_USER_INPUT when the form is broken or has a text field twice, PAYLOAD_TOO_LARGE when it passes a limit,
 *   OVERLOADED when there is no room for it, and whatever `kindOf` throws
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
  /** Whose room the file takes. */
  readonly body: IncomingBody | undefined;
  /** The name of its field, for errors. @defaultValue none */
  readonly field?: string;
  /** How often the file is read. @defaultValue once */
  readonly readerCount?: number;
}

/** A file of a form on disk, which may be read while it arrives. It is removed when everyone has read it. */
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
   * Writes the file. Those who read it get what this throws.
   *
   * @throws PAYLOAD_TOO_LARGE, OVERLOADED
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

  /** The file from its beginning, for one reader. */
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

  /** Removes the file and frees its room. */
  async close(): Promise<void> {
    this.#options.body?.release("disk", this.#heldBytes);
    this.#heldBytes = 0;
    await this.#file.close();
  }
}
