import { crc32 } from "node:zlib";

/** A JUMBF box whose description says that it is a C2PA manifest store. It contains nothing to verify. */
export const MANIFEST_STORE = box(
  "jumb",
  box(
    "jumd",
    Buffer.from("63327061-0011-0010-8000-00aa00389b71".replaceAll("-", ""), "hex"),
    Buffer.from("\x03c2pa\0", "latin1"),
  ),
);

export const C2PA_UUID = Buffer.from("d8fec3d6-1b0e-483c-9297-5828877ec481".replaceAll("-", ""), "hex");

/** A box of ISO base media files. */
export function box(name: string, ...contents: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(contents);
  return Buffer.concat([uint32(content.length + 8), Buffer.from(name, "latin1"), content]);
}

export function pngChunk(name: string, content: Uint8Array): Buffer {
  const named = Buffer.concat([Buffer.from(name, "latin1"), content]);
  return Buffer.concat([uint32(content.length), named, uint32(crc32(named))]);
}

/** Puts bytes into a PNG right behind its header. */
export function intoPng(png: Uint8Array, ...chunks: readonly Uint8Array[]): Buffer {
  return Buffer.concat([png.subarray(0, 33), ...chunks, png.subarray(33)]);
}

/** Segment 11 of a JPEG, which holds JUMBF boxes. */
export function jpegSegment(content: Uint8Array, marker = 0xeb): Buffer {
  const head = Buffer.from([0xff, marker, 0, 0]);
  head.writeUInt16BE(content.length + 2, 2);
  return Buffer.concat([head, content]);
}

export function jumbfSegment(jumbf: Uint8Array): Buffer {
  return jpegSegment(Buffer.concat([Buffer.from("JP\0\x01\0\0\0\x01", "latin1"), jumbf]));
}

/** Puts bytes into a JPEG right behind its start. */
export function intoJpeg(jpeg: Uint8Array, ...segments: readonly Uint8Array[]): Buffer {
  return Buffer.concat([jpeg.subarray(0, 2), ...segments, jpeg.subarray(2)]);
}

/** Adds a chunk to a WebP, and updates the length in its header. */
export function ontoWebp(webp: Uint8Array, name: string, content: Uint8Array): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32LE(content.length);
  const longer = Buffer.concat([webp, Buffer.from(name, "latin1"), length, content, Buffer.alloc(content.length % 2)]);
  longer.writeUInt32LE(longer.length - 8, 4);
  return longer;
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
