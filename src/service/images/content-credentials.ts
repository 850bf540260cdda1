import { type ImagePart, ImageParts, type PartsReader } from "./image-parts.ts";

/** The UUID of the box that holds C2PA data in a file made of boxes (AVIF). */
const C2PA_BOX = Buffer.from("d8fec3d6-1b0e-483c-9297-5828877ec481".replaceAll("-", ""), "hex");
/** The first bytes of a part's content. They show whether the part holds content credentials. */
const SIGNATURE_BYTES = 28;

/**
 * Looks for C2PA content credentials in an image while its bytes stream past. It reports whether credentials are
 * present, not whether they are valid.
 *
 * @see https://spec.c2pa.org/specifications/specifications/2.2/specs/C2PA_Specification.html#_embedding_manifests_into_various_file_formats
 */
export class ContentCredentialsSearch implements PartsReader {
  readonly #parts = new ImageParts(this);
  #isFound = false;
  /** The first bytes of the current part's content; `undefined` when the part cannot hold credentials. */
  #head: Buffer | undefined;
  #part = "";

  /** Whether the bytes so far hold content credentials. */
  get isFound(): boolean {
    return this.#isFound;
  }

  write(chunk: Uint8Array): void {
    if (!this.#isFound) this.#parts.write(chunk);
  }

  begin({ format, name }: ImagePart): boolean {
    this.#part = `${format} ${name}`;
    this.#isFound ||= this.#part === "PNG caBX" || this.#part === "WEBP C2PA";
    this.#head = this.#part === "JPEG APP11" || this.#part === "AVIF uuid" ? Buffer.alloc(0) : undefined;
    return this.#head !== undefined;
  }

  content(bytes: Uint8Array): void {
    if (!this.#head || this.#head.length >= SIGNATURE_BYTES) return;
    this.#head = Buffer.concat([this.#head, bytes.subarray(0, SIGNATURE_BYTES - this.#head.length)]);
    this.#isFound ||= this.#part === "AVIF uuid" ? isC2paBox(this.#head) : isC2paSegment(this.#head);
  }
}

/** A box with C2PA data begins with the C2PA UUID. */
function isC2paBox(content: Buffer): boolean {
  return content.subarray(0, C2PA_BOX.length).equals(C2PA_BOX);
}

/**
 * The segment holds `JP`, a box number, a sequence number, and then a JUMBF box whose description begins with its type.
 */
function isC2paSegment(content: Buffer): boolean {
  return content.toString("latin1", 12, 16) === "jumb" && content.toString("latin1", 24, 28) === "c2pa";
}
