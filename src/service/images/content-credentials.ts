import type { ImageFormat } from "../../ports/image-provider.ts";
import { formatOf } from "./pixels.ts";

/** The box that holds C2PA data in files of boxes. */
const C2PA_BOX = Buffer.from("d8fec3d6-1b0e-483c-9297-5828877ec481".replaceAll("-", ""), "hex");

/** How far it is to the next part of a file, from what it begins with. */
type Step =
  | { readonly skip: number }
  /** More of the part has to be seen. */
  | "more"
  /** The part holds content credentials. */
  | "found"
  /** Nothing of what follows can. */
  | "end";

/**
 * Looks for C2PA content credentials in an image as its bytes pass, by the parts a file of its format is made of. It
 * tells that they are there, not that they are valid.
 *
 * @see https://spec.c2pa.org/specifications/specifications/2.2/specs/C2PA_Specification.html#_embedding_manifests_into_various_file_formats
 */
export class ContentCredentialsSearch {
  #isFound = false;
  #isOver = false;
  #format: ImageFormat | undefined;
  #skip = 0;
  #held: Uint8Array = new Uint8Array(0);

  /** Whether what has passed holds any. */
  get isFound(): boolean {
    return this.#isFound;
  }

  write(chunk: Uint8Array): void {
    if (this.#isOver) return;
    const bytes =
      this.#held.length > 0
        ? Buffer.concat([this.#held, chunk])
        : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    this.#held = new Uint8Array(0);
    let position = 0;
    while (!this.#isOver) {
      const skipped = Math.min(this.#skip, bytes.length - position);
      this.#skip -= skipped;
      position += skipped;
      if (this.#skip > 0) return;
      const step = this.#step(bytes.subarray(position));
      if (step === "more") {
        // Whoever hands bytes over may use their memory again.
        this.#held = Uint8Array.from(bytes.subarray(position));
        return;
      }
      this.#isFound = step === "found";
      this.#isOver = step === "found" || step === "end";
      if (typeof step === "object") this.#skip = step.skip;
    }
  }

  #step(part: Buffer): Step {
    switch (this.#format) {
      case "PNG":
        return stepPng(part);
      case "JPEG":
        return stepJpeg(part);
      case "WEBP":
        return stepWebp(part);
      case "AVIF":
        return stepAvif(part);
      case undefined:
        return this.#begin(part);
      default:
        return this.#format satisfies never;
    }
  }

  #begin(head: Buffer): Step {
    if (head.length < 12) return "more";
    this.#format = formatOf(head);
    if (!this.#format) return "end";
    return { skip: { PNG: 8, JPEG: 2, WEBP: 12, AVIF: 0 }[this.#format] };
  }
}

/** A chunk: length, name, content, checksum. */
function stepPng(part: Buffer): Step {
  if (part.length < 8) return "more";
  const name = part.toString("latin1", 4, 8);
  if (name === "caBX") return "found";
  return name === "IEND" ? "end" : { skip: part.readUInt32BE(0) + 12 };
}

/** A segment: marker, length, content. Behind the start of the scan there are pixels alone. */
function stepJpeg(part: Buffer): Step {
  if (part.length < 4) return "more";
  const marker = part[1] ?? 0;
  // Padding before a marker.
  if (marker === 0xff) return { skip: 1 };
  const isStandalone = marker === 0x01 || (marker >= 0xd0 && marker <= 0xd8);
  if (isStandalone) return { skip: 2 };
  if (part[0] !== 0xff || marker === 0xd9 || marker === 0xda) return "end";
  const length = part.readUInt16BE(2) + 2;
  const APP11 = 0xeb;
  // `JP`, a number, a place in line, and then a JUMBF box whose description begins with its kind.
  if (marker !== APP11 || length < 32) return { skip: length };
  if (part.length < 32) return "more";
  const isC2pa = part.toString("latin1", 16, 20) === "jumb" && part.toString("latin1", 28, 32) === "c2pa";
  return isC2pa ? "found" : { skip: length };
}

/** A chunk: name, length, content, padded to an even length. */
function stepWebp(part: Buffer): Step {
  if (part.length < 8) return "more";
  if (part.toString("latin1", 0, 4) === "C2PA") return "found";
  const length = part.readUInt32LE(4);
  return { skip: 8 + length + (length % 2) };
}

/** A box: length, name, content; a length of 1 stands for a longer one behind the name, 0 for all the rest. */
function stepAvif(part: Buffer): Step {
  if (part.length < 8) return "more";
  const isLong = part.readUInt32BE(0) === 1;
  const headLength = isLong ? 16 : 8;
  const isUuid = part.toString("latin1", 4, 8) === "uuid";
  if (part.length < headLength + (isUuid ? 16 : 0)) return "more";
  if (isUuid && part.subarray(headLength, headLength + 16).equals(C2PA_BOX)) return "found";
  const length = isLong ? Number(part.readBigUInt64BE(8)) : part.readUInt32BE(0);
  return length < headLength ? "end" : { skip: length };
}
