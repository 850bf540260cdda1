import { BrokenAnswer } from "./broken-answer.ts";
import { isImage, SIGNATURE_BYTES } from "./image-signature.ts";

/** The members of an answer that hold pictures. */
export type PictureField = "b64_json" | "url";

/** What the text of such a member is. */
export type PictureText =
  /** Base64 from the character at `start` on; percent-encoded where it `isUri`. */
  | { readonly kind: "base64"; readonly start: number; readonly isUri: boolean }
  | { readonly kind: "address" }
  /** It is left empty. */
  | { readonly kind: "nothing" };

/** Characters by which base64 and an address are told apart: so many stand for an image's first bytes. */
const DECISIVE_CHARACTERS = (SIGNATURE_BYTES / 3) * 4;
/** The longest `data:image/png;charset=utf-8;base64,`, in characters. */
const MAX_DATA_PREFIX = 256;

/**
 * What a text is by its beginning. Servers write base64, a `data:` URI or an address into either member.
 *
 * @param isWhole whether nothing follows
 * @returns `undefined` while more of the text is needed
 * @throws BrokenAnswer when it is a `data:` URI without base64
 */
export function recognisePicture(field: PictureField, text: string, isWhole: boolean): PictureText | undefined {
  const start = text.search(/\S/);
  if (start === -1) return isWhole ? { kind: "nothing" } : undefined;
  const rest = text.slice(start);
  if (/^data:/i.test(rest)) {
    const comma = rest.indexOf(",");
    if (comma === -1 && !isWhole && rest.length < MAX_DATA_PREFIX) return undefined;
    if (!/^[^,]*;\s*base64\s*,/i.test(rest)) throw new BrokenAnswer("an image is a data: URI without base64");
    return { kind: "base64", start: start + comma + 1, isUri: true };
  }
  if (rest.length < DECISIVE_CHARACTERS && !isWhole) return undefined;
  const isAddress = field === "b64_json" ? /^https?:\/\//i.test(rest) : !isImageAsBase64(rest);
  return isAddress ? { kind: "address" } : { kind: "base64", start, isUri: false };
}

/** A path may begin with `/9j/`, as JPEGs do, but not go on like one. */
function isImageAsBase64(text: string): boolean {
  const beginning = text.slice(0, DECISIVE_CHARACTERS);
  return /^[A-Za-z0-9+/_-]+$/.test(beginning) && isImage(Buffer.from(beginning, "base64"));
}
