import { crc32, deflateSync } from "node:zlib";
import sharp from "sharp";
import { plainImage } from "../gateways/scripted-provider.ts";

/** A PNG whose header claims this size, whatever it contains. */
export function pngOf(width: number, height: number, rows: Uint8Array, ...extra: readonly Buffer[]): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 2], 8);
  const signature = Buffer.from("\x89PNG\r\n\x1a\n", "latin1");
  const end = pngChunk("IEND", Buffer.alloc(0));
  return Buffer.concat([signature, pngChunk("IHDR", header), ...extra, pngChunk("IDAT", deflateSync(rows)), end]);
}

export function pngChunk(name: string, content: Uint8Array): Buffer {
  const named = Buffer.concat([Buffer.from(name, "latin1"), content]);
  const chunk = Buffer.alloc(named.length + 8);
  chunk.writeUInt32BE(content.length, 0);
  chunk.set(named, 4);
  chunk.writeUInt32BE(crc32(named), named.length + 4);
  return chunk;
}

/** A file of a few kilobytes that decodes to 2.7 GB of pixels. */
export function zipBomb(): Buffer {
  return pngOf(30_000, 30_000, Buffer.alloc(3_000_000));
}

/** A valid small PNG with these chunks. */
export function pngWith(...extra: readonly Buffer[]): Buffer {
  return pngOf(64, 64, Buffer.alloc((64 * 3 + 1) * 64), ...extra);
}

/** A compressed chunk of a PNG: small in the file, and so many letters when unpacked. */
export function compressedChunk(name: "zTXt" | "iTXt" | "iCCP", byteSize: number): Buffer {
  const head = { zTXt: "note\0\0", iTXt: "note\0\x01\0\0\0", iCCP: "profile\0\0" }[name];
  return pngChunk(name, Buffer.concat([Buffer.from(head, "latin1"), deflateSync(Buffer.alloc(byteSize, "A"))]));
}

/** A valid small PNG with 20 text chunks of 50 MB each, in 1 MB. */
export function noteBomb(): Buffer {
  const letters = deflateSync(Buffer.alloc(50_000_000, "A"));
  const notes = Array.from({ length: 20 }, (_, index) => Buffer.concat([Buffer.from(`note ${index}\0\0`), letters]));
  return pngWith(...notes.map((note) => pngChunk("zTXt", note)));
}

export const SVG_WITH_SCRIPT = Buffer.from(
  `<svg xmlns="http://www.w3.org/2000/svg" width="64" height="64"><script>fetch("http://127.0.0.1/")</script></svg>`,
);

/** A valid JPEG of exactly this many bytes; the padding is ignored by decoders. */
export async function jpegOf(byteSize: number): Promise<Buffer> {
  const jpeg = await plainImage(64, 64, 1, "JPEG");
  return Buffer.concat([jpeg, Buffer.alloc(byteSize - jpeg.length)]);
}

/** A mask of this size whose left half is transparent, so that this half may change. */
export async function leftHalfMask(width: number, height: number): Promise<Buffer> {
  const clear = { create: { width, height, channels: 4, background: "#00000000" } } as const;
  const black = { create: { width: width - (width >> 1), height, channels: 4, background: "#000000" } } as const;
  return sharp(clear)
    .composite([{ input: black, left: width >> 1, top: 0 }])
    .png()
    .toBuffer();
}
