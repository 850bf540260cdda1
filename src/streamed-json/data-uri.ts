import { notBase64 } from "./unreadable-json.ts";

/** The kind of a string, recognised by its beginning. */
export type Recognised =
  /** Base64 that begins at the character `start`. With `isUri`, it may be percent-encoded. */
  | { readonly kind: "base64"; readonly start: number; readonly isUri: boolean }
  | { readonly kind: "text" }
  /** Empty, or only white space. */
  | { readonly kind: "nothing" };

const SCHEME = "data:";
/** The longest prefix such as `data:image/png;charset=utf-8;base64,`, in characters. */
const MAX_PREFIX = 256;

/**
 * Finds the base64 in a `data:` URI.
 *
 * @param isWhole whether `text` is complete
 * @returns `undefined` while more of the text is needed
 * @throws UnreadableJson when it is a `data:` URI without base64
 * @see https://www.rfc-editor.org/rfc/rfc2397
 */
export function recogniseDataUri(text: string, isWhole: boolean): Recognised | undefined {
  const start = text.search(/\S/);
  if (start === -1) return isWhole ? { kind: "nothing" } : undefined;
  const rest = text.slice(start);
  if (rest.slice(0, SCHEME.length).toLowerCase() !== SCHEME) {
    return isWhole || rest.length >= SCHEME.length ? { kind: "text" } : undefined;
  }
  const comma = rest.indexOf(",");
  if (comma === -1 && !isWhole && rest.length < MAX_PREFIX) return undefined;
  if (!/^[^,]*;\s*base64\s*,/i.test(rest)) throw notBase64("an image is a data: URI without base64");
  return { kind: "base64", start: start + comma + 1, isUri: true };
}
