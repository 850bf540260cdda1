import { createHash } from "node:crypto";
import { badInput, GatewayError } from "../../errors.ts";
import type { UndecodableImageError } from "../../ports/image-codec.ts";
import { SOURCE_FORMATS, type SourceFormat } from "../../ports/image-provider.ts";
import { formatOf } from "../images/pixels.ts";
import type { ImageFacts } from "../images/scheduled-codec.ts";
import { toSizeText } from "../images/sizes.ts";
import { SourceCheck, type SourceProblem } from "../images/source-check.ts";

/** Each image of an edit must be smaller than this, in bytes. The vendor accepts "less than 50MB". */
export const MAX_EDIT_IMAGE_BYTES = 50_000_000;

/** An uploaded file. Its bytes can be read only once. */
export interface Upload {
  readonly bytes: AsyncIterable<Uint8Array>;
  /** The media type that the sender declared, such as `image/png`; `undefined` when none was declared. */
  readonly mediaType?: string | undefined;
}

/** The input that an image belongs to. */
export interface InputPlace {
  readonly field: "images" | "mask";
  /** For messages: `image 2 of 3`, `the mask`. */
  readonly name: string;
}

/**
 * Counts, hashes and checks an image's bytes while they stream past. Stops files that are too large or not an image.
 */
export class SourceMeter {
  readonly bytes: AsyncIterable<Uint8Array>;
  readonly #hash = createHash("sha256");
  readonly #check = new SourceCheck();
  readonly #place: InputPlace;
  readonly #mediaType: string | undefined;
  #byteSize = 0;
  #format: SourceFormat | undefined;

  constructor({ bytes, mediaType }: Upload, place: InputPlace) {
    this.#place = place;
    this.#mediaType = mediaType;
    this.bytes = this.#measure(bytes);
  }

  get byteSize(): number {
    return this.#byteSize;
  }

  /** In hexadecimal. Read it only once, after all bytes have passed. */
  get sha256(): string {
    return this.#hash.digest("hex");
  }

  /** The facts in the image's header. Read them after all bytes have passed. */
  get facts(): ImageFacts & { readonly format: SourceFormat } {
    const { size, isInterlaced } = this.#check;
    if (!this.#format || !size) throw new Error("an image's header is known when its bytes have passed");
    return { ...size, format: this.#format, isInterlaced };
  }

  async *#measure(source: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
    let head: Uint8Array | undefined = new Uint8Array(0);
    for await (const chunk of source) {
      this.#byteSize += chunk.byteLength;
      if (this.#byteSize >= MAX_EDIT_IMAGE_BYTES) throw this.#tooLarge();
      this.#hash.update(chunk);
      if (!head) {
        yield this.#checked(chunk);
        continue;
      }
      head = Buffer.concat([head, chunk]);
      if (head.byteLength < HEAD_BYTES) continue;
      this.#format = this.#recognise(head);
      yield this.#checked(head);
      head = undefined;
    }
    if (head) this.#format = this.#recognise(head);
    if (!this.#check.size) throw refusalOf({ kind: "damaged" }, this.#place);
  }

  /** @throws BAD_USER_INPUT when the bytes so far have a problem that {@link SourceCheck} finds */
  #checked(bytes: Uint8Array): Uint8Array {
    this.#check.write(bytes);
    if (this.#check.problem) throw refusalOf(this.#check.problem, this.#place);
    return bytes;
  }

  #recognise(head: Uint8Array): SourceFormat {
    const { field, name } = this.#place;
    const accepted: readonly SourceFormat[] = field === "mask" ? ["PNG"] : SOURCE_FORMATS;
    const found = formatOf(head);
    const format = accepted.find((candidate) => candidate === found);
    if (!format) throw unsupported(field, `${name} is not a ${accepted.join(", ")} file`);
    if (!isTypeOf(this.#mediaType, format)) {
      const declared = PLAIN_TYPE.test(this.#mediaType ?? "") ? this.#mediaType : "another type";
      const actual = `image/${format.toLowerCase()}`;
      throw unsupported(field, `${name} was declared as ${declared} but is ${actual}; declare it as ${actual}`);
    }
    return format;
  }

  #tooLarge(): GatewayError {
    const { field, name } = this.#place;
    return new GatewayError("PAYLOAD_TOO_LARGE", `${name} is too large; send less than 50 MB`, { field });
  }
}

/** The error for a file that is refused before it is decoded. */
export function refusalOf({ kind, size }: SourceProblem, { field, name }: InputPlace): GatewayError {
  switch (kind) {
    case "damaged":
      return badInput(field, `${name} is damaged or cut short; send it again`);
    case "animation":
      return badInput(field, `${name} is an animation; send a still picture`);
    case "too many pixels":
      return badInput(field, `${name} has ${size ? toSizeText(size) : "too many"} pixels; send at most 50 million`);
    case "too much metadata":
      return badInput(
        field,
        `${name} has too much metadata; remove its text, profiles and EXIF data and send it again`,
      );
    case "too many parts":
      return badInput(field, `${name} consists of too many parts; save it with another program and send that file`);
    default:
      return kind satisfies never;
  }
}

/** The error for a file that could not be decoded. */
export function undecodable({ field, name }: InputPlace, cause: UndecodableImageError): GatewayError {
  const message =
    cause.reason === "damaged"
      ? `${name} is damaged or cut short; send it again`
      : `${name} needs more memory or time to decode than the gateway allows; save it as a plain PNG or JPEG and send that file`;
  return new GatewayError("BAD_USER_INPUT", message, { field, cause });
}

/** The number of first bytes from which a format is recognised. */
const HEAD_BYTES = 12;
/** The media types that an error repeats: short ones without parameters. */
const PLAIN_TYPE = /^[\w.+-]{1,40}\/[\w.+-]{1,40}$/;

/**
 * Whether the declared media type fits the format. A sender that does not know the type may leave it out or send
 * `application/octet-stream`. Any other mismatch suggests that the sender picked the wrong file.
 */
function isTypeOf(mediaType: string | undefined, format: SourceFormat): boolean {
  const [type = ""] = (mediaType ?? "").toLowerCase().split(";");
  const declared = type.trim().replace("image/jpg", "image/jpeg");
  return declared === "" || declared === "application/octet-stream" || declared === `image/${format.toLowerCase()}`;
}

function unsupported(field: string, message: string): GatewayError {
  return new GatewayError("UNSUPPORTED_MEDIA_TYPE", message, { field });
}
