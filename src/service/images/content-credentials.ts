import { type ImagePart, ImageParts, type PartsReader } from "./image-parts.ts";

/** The box that holds C2PA data in files of boxes. */
const C2PA_BOX = Buffer.from("d8fec3d6-1b0e-483c-9297-5828877ec481".replaceAll("-", ""), "hex");
/** Of a part's content, what tells whether it holds content credentials. */
const TELLING_BYTES = 28;

/**
 * Looks for C2PA content credentials in an image as its bytes pass. It tells that they are there, not that they are
 * valid.
 *
 * @see https://spec.c2pa.org/specifications/specifications/2.2/specs/C2PA_Specification.html#_embedding_manifests_into_various_file_formats
 */
export class ContentCredentialsSearch implements PartsReader {
  readonly #parts = new ImageParts(this);
  #isFound = false;
  /** What the content of a part that may hold them begins with. */
  #head: Buffer | undefined;
  #part = "";

  /** Whether what has passed holds any. */
  get isFound(): boolean {
    return this.#isFound;
  }

  write(chunk: Uint8Array): void {
    if (!this.#isFound) this.#parts.write(chunk);
  }

  begin({ format, name }: ImagePart): void {
    this.#part = `${format} ${name}`;
    this.#isFound ||= this.#part === "PNG caBX" || this.#part === "WEBP C2PA";
    this.#head = this.#part === "JPEG APP11" || this.#part === "AVIF uuid" ? Buffer.alloc(0) : undefined;
  }

  content(bytes: Uint8Array): void {
    if (!this.#head || this.#head.length >= TELLING_BYTES) return;
    this.#head = Buffer.concat([this.#head, bytes.subarray(0, TELLING_BYTES - this.#head.length)]);
    this.#isFound ||= this.#part === "AVIF uuid" ? isC2paBox(this.#head) : isC2paSegment(this.#head);
  }
}

/** It begins with the box's kind. */
function isC2paBox(content: Buffer): boolean {
  return content.subarray(0, C2PA_BOX.length).equals(C2PA_BOX);
}

/** `JP`, a number, a place in line, and then a JUMBF box whose description begins with its kind. */
function isC2paSegment(content: Buffer): boolean {
  return content.toString("latin1", 12, 16) === "jumb" && content.toString("latin1", 24, 28) === "c2pa";
}
