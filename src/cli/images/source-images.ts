import { openAsBlob } from "node:fs";
import { open } from "node:fs/promises";
import { basename } from "node:path";
import { usageFailure } from "../command-failure.ts";
import type { UploadedFile } from "../gateway-client.ts";
import { printable } from "../printable.ts";

/** An `ImageReferenceInput`. The gateway takes the file of an upload from another part of the request. */
type ImageReference = { readonly id: string } | { readonly url: string } | { readonly upload: null };

/** The largest file that a gateway takes, in bytes. */
const MAX_FILE_BYTES = 50_000_000;
/** The most images of one edit. */
export const MAX_SOURCE_IMAGES = 16;
/** How many bytes of a file tell its format. */
const SIGNATURE_BYTES = 12;

/** Turns what `--image` and `--mask` name into references, and collects the files to upload. */
export class SourceImages {
  readonly files: UploadedFile[] = [];

  /**
   * @param text the id of an image, an https URL, or the path of a file
   * @param path of the reference among the variables: `variables.input.images.0`
   * @throws CommandFailure when a file cannot be read or is no image
   */
  async add(text: string, path: string): Promise<ImageReference> {
    if (/^https?:\/\//.test(text)) return { url: text };
    if (/^img_[0-9a-z]{26}$/.test(text)) return { id: text };
    await checkImageFile(text);
    this.files.push({ path: `${path}.upload`, name: basename(text), content: await openAsBlob(text) });
    return { upload: null };
  }
}

async function checkImageFile(path: string): Promise<void> {
  const shown = printable(path);
  try {
    const file = await open(path);
    try {
      const found = await file.stat();
      if (!found.isFile()) throw usageFailure(`${shown} is not a file`);
      if (found.size >= MAX_FILE_BYTES) throw usageFailure(`${shown} is too large: images must be under 50 MB`);
      const { bytesRead, buffer } = await file.read(Buffer.alloc(SIGNATURE_BYTES), 0, SIGNATURE_BYTES, 0);
      if (!isImage(buffer.subarray(0, bytesRead))) {
        throw usageFailure(`${shown} is not a PNG, JPEG or WebP image`);
      }
    } finally {
      await file.close();
    }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    throw usageFailure(
      code === "ENOENT" ? `there is no file ${shown}` : `${shown} cannot be read (${code}); check its permissions`,
    );
  }
}

function isImage(start: Buffer): boolean {
  const text = start.toString("latin1");
  return text.startsWith("\x89PNG\r\n\x1a\n") || text.startsWith("\xff\xd8\xff") || /^RIFF.{4}WEBP/s.test(text);
}
