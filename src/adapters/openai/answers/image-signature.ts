/** The number of first bytes from which an image is recognised. */
export const SIGNATURE_BYTES = 12;

const PNG = Buffer.from("89504e470d0a1a0a", "hex");
const JPEG = Buffer.from("ffd8ff", "hex");
/** The lowest marker that the first segment of a JPEG can begin with. */
const JPEG_MARKER = 0xc0;

/** Whether these are the first bytes of a PNG, a JPEG, a WebP or an AVIF. */
export function isImage(head: Uint8Array): boolean {
  const bytes = Buffer.from(head.buffer, head.byteOffset, Math.min(head.byteLength, SIGNATURE_BYTES));
  const text = bytes.toString("latin1");
  if (bytes.indexOf(PNG) === 0) return true;
  if (bytes.indexOf(JPEG) === 0) return (bytes[JPEG.length] ?? 0) >= JPEG_MARKER;
  return (text.startsWith("RIFF") && text.endsWith("WEBP")) || text.endsWith("ftypavif");
}
