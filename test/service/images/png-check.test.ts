import { crc32, deflateSync } from "node:zlib";
import { describe, expect, test } from "@jest/globals";
import sharp, { type PngOptions } from "sharp";
import { PngCheck } from "../../../src/service/images/png-check.ts";
import { seededRandom } from "../../support/random.ts";

function sizeOf(...pieces: readonly Uint8Array[]) {
  const check = new PngCheck();
  for (const piece of pieces) check.write(piece);
  return check.size;
}

function drawn(width: number, height: number, options: PngOptions = {}): Promise<Buffer> {
  const pixels = seededRandom(width).bytes(width * height * 3);
  return sharp(pixels, { raw: { width, height, channels: 3 } })
    .png(options)
    .toBuffer();
}

/** A chunk with its checksum. */
function chunk(type: string, content: Uint8Array): Buffer {
  const named = Buffer.concat([Buffer.from(type, "latin1"), content]);
  const [length, checksum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(content.length);
  checksum.writeUInt32BE(crc32(named));
  return Buffer.concat([length, named, checksum]);
}

const SIGNATURE = Buffer.from("\x89PNG\r\n\x1a\n", "latin1");
const END = chunk("IEND", Buffer.alloc(0));
const TEXT = chunk("tEXt", Buffer.from("a\0b"));
const PIXELS = chunk("IDAT", deflateSync(Buffer.alloc(9 * 8)));
const COLOURS = chunk("PLTE", Buffer.alloc(6));

function header({ width = 8, height = 8, depth = 8, colour = 0, rest = [0, 0, 0] } = {}): Buffer {
  const content = Buffer.from([0, 0, 0, 0, 0, 0, 0, 0, depth, colour, ...rest]);
  content.writeUInt32BE(width, 0);
  content.writeUInt32BE(height, 4);
  return chunk("IHDR", content);
}

describe("a complete PNG", () => {
  test.each<[string, () => Promise<Buffer>]>([
    ["as a model sends it", () => drawn(40, 30)],
    ["interlaced", () => drawn(40, 30, { progressive: true })],
    ["with a palette", () => drawn(40, 30, { palette: true, colours: 16 })],
    ["uncompressed", () => drawn(40, 30, { compressionLevel: 0 })],
    [
      "transparent",
      async () =>
        sharp(await drawn(40, 30))
          .ensureAlpha(0.5)
          .png()
          .toBuffer(),
    ],
    [
      "grey",
      async () =>
        sharp(await drawn(40, 30))
          .greyscale()
          .png()
          .toBuffer(),
    ],
    [
      "of 16 bits",
      async () =>
        sharp(await drawn(40, 30))
          .toColourspace("rgb16")
          .png()
          .toBuffer(),
    ],
    [
      "of one bit",
      async () =>
        sharp(await drawn(40, 30))
          .threshold()
          .png({ palette: true, colours: 2 })
          .toBuffer(),
    ],
    [
      "with metadata",
      async () =>
        sharp(await drawn(40, 30))
          .withXmp("<x:xmpmeta xmlns:x='adobe:ns:meta/'/>")
          .png()
          .toBuffer(),
    ],
  ])("%s is recognized with its size, however it is split", async (_name, draw) => {
    const png = await draw();
    const size = { width: 40, height: 30 };
    expect(sizeOf(png)).toEqual(size);
    expect(sizeOf(...[...png].map((byte) => Uint8Array.of(byte)))).toEqual(size);
    for (let cut = 0; cut <= png.length; cut += 7)
      expect(sizeOf(png.subarray(0, cut), png.subarray(cut))).toEqual(size);
  });

  test("with the fewest possible chunks is recognized with its size", () => {
    expect(sizeOf(SIGNATURE, header(), PIXELS, END)).toEqual({ width: 8, height: 8 });
    expect(sizeOf(SIGNATURE, header({ colour: 3 }), COLOURS, TEXT, PIXELS, TEXT, END)).toEqual({ width: 8, height: 8 });
  });
});

describe("a PNG is not recognized as complete", () => {
  test("if it is cut short anywhere", async () => {
    const png = await drawn(12, 9);
    for (let length = 0; length < png.length; length++) expect(sizeOf(png.subarray(0, length))).toBeUndefined();
  });

  test("if any byte is damaged", async () => {
    const png = await drawn(12, 9);
    for (let at = 0; at < png.length; at++) {
      for (const flipped of [0x01, 0x20, 0x80]) {
        const damaged = Buffer.from(png);
        damaged[at]! ^= flipped;
        expect({ at, size: sizeOf(damaged) }).toEqual({ at, size: undefined });
      }
    }
  });

  test.each<[string, readonly Buffer[]]>([
    ["something follows it", [SIGNATURE, header(), PIXELS, END, Buffer.of(0)]],
    ["it has no header", [SIGNATURE, PIXELS, END]],
    ["it has two headers", [SIGNATURE, header(), header(), PIXELS, END]],
    ["something comes before its header", [SIGNATURE, TEXT, header(), PIXELS, END]],
    ["it has no pixels", [SIGNATURE, header(), END]],
    ["its pixels are apart", [SIGNATURE, header(), PIXELS, TEXT, PIXELS, END]],
    ["it lacks the palette it needs", [SIGNATURE, header({ colour: 3 }), PIXELS, END]],
    ["its palette comes after its pixels", [SIGNATURE, header({ colour: 3 }), PIXELS, COLOURS, END]],
    ["it has a chunk that every decoder must know", [SIGNATURE, header(), chunk("NEWS", Buffer.alloc(1)), PIXELS, END]],
    ["a chunk's name is none", [SIGNATURE, header(), chunk("a1b2", Buffer.alloc(1)), PIXELS, END]],
    ["its end is not empty", [SIGNATURE, header(), PIXELS, chunk("IEND", Buffer.alloc(1))]],
    ["its header is too long", [SIGNATURE, chunk("IHDR", Buffer.alloc(14)), PIXELS, END]],
    ["it has no width", [SIGNATURE, header({ width: 0 }), PIXELS, END]],
    ["its colours are of no kind", [SIGNATURE, header({ colour: 5 }), PIXELS, END]],
    ["its samples have a strange depth", [SIGNATURE, header({ depth: 3 }), PIXELS, END]],
    ["its compression is unknown", [SIGNATURE, header({ rest: [1, 0, 0] }), PIXELS, END]],
    ["its interlace is unknown", [SIGNATURE, header({ rest: [0, 0, 2] }), PIXELS, END]],
    ["its pixels are not compressed as they must be", [SIGNATURE, header(), chunk("IDAT", Buffer.alloc(80)), END]],
    ["it has too few bytes for its pixels", [SIGNATURE, header({ width: 4000, height: 4000 }), PIXELS, END]],
  ])("if %s", (_name, pieces) => {
    expect(sizeOf(...pieces)).toBeUndefined();
  });

  test.each(["jpeg", "webp", "avif", "gif"] as const)("if it is a %s", async (format) => {
    expect(
      sizeOf(
        await sharp(await drawn(12, 9))
          .toFormat(format)
          .toBuffer(),
      ),
    ).toBeUndefined();
  });
});
