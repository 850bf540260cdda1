import { type Recognised, recogniseDataUri } from "../../../streamed-json/data-uri.ts";
import { isImage, SIGNATURE_BYTES } from "./image-signature.ts";

/** The members of an answer that hold pictures. */
export const PICTURE_FIELDS = ["b64_json", "url"] as const;

/** The characters of base64 that encode an image's first bytes. They distinguish base64 from an address. */
const DECISIVE_CHARACTERS = (SIGNATURE_BYTES / 3) * 4;

/**
 * Recognises the text of such a member by its beginning. Servers write base64, a `data:` URI or an address into either
 * member. An address counts as a text.
 *
 * @param isWhole whether `text` is complete
 * @returns `undefined` while more of the text is needed
 * @throws UnreadableJson when it is a `data:` URI without base64
 */
export function recognisePicture(field: string, text: string, isWhole: boolean): Recognised | undefined {
  const recognised = recogniseDataUri(text, isWhole);
  if (recognised?.kind !== "text") return recognised;
  const start = text.search(/\S/);
  const rest = text.slice(start);
  if (rest.length < DECISIVE_CHARACTERS && !isWhole) return undefined;
  const isAddress = field === "b64_json" ? /^https?:\/\//i.test(rest) : !isImageAsBase64(rest);
  return isAddress ? { kind: "text" } : { kind: "base64", start, isUri: false };
}

/** Whether a text is an image in base64. A path may begin with `/9j/`, as JPEGs do, but does not continue like one. */
function isImageAsBase64(text: string): boolean {
  const beginning = text.slice(0, DECISIVE_CHARACTERS);
  return /^[A-Za-z0-9+/_-]+$/.test(beginning) && isImage(Buffer.from(beginning, "base64"));
}
