import { beforeAll, describe, expect, test } from "@jest/globals";
import sharp from "sharp";
import { IMAGE_FORMATS, type ImageFormat } from "../../../src/ports/image-provider.ts";
import { ContentCredentialsSearch } from "../../../src/service/images/content-credentials.ts";
import {
  box,
  C2PA_UUID,
  intoJpeg,
  intoPng,
  jpegSegment,
  jumbfSegment,
  MANIFEST_STORE,
  ontoWebp,
  pngChunk,
} from "../../support/images/content-credentials.ts";

const plain = {} as Record<ImageFormat, Buffer>;

beforeAll(async () => {
  const picture = sharp({ create: { width: 40, height: 30, channels: 3, background: "#357" } });
  for (const format of IMAGE_FORMATS) plain[format] = await picture.clone().toFormat(toSharpName(format)).toBuffer();
});

function isFound(bytes: Uint8Array, chunkBytes = bytes.length): boolean {
  const search = new ContentCredentialsSearch();
  for (let start = 0; start < bytes.length; start += chunkBytes) {
    // The memory is reused immediately.
    const chunk = Buffer.from(bytes.subarray(start, start + chunkBytes));
    search.write(chunk);
    chunk.fill(0);
  }
  return search.isFound;
}

describe("content credentials", () => {
  test.each<[string, () => Buffer]>([
    ["a PNG", () => intoPng(plain.PNG, pngChunk("caBX", MANIFEST_STORE))],
    [
      "a PNG behind its pixels",
      () => Buffer.concat([plain.PNG.subarray(0, -12), pngChunk("caBX", MANIFEST_STORE), plain.PNG.subarray(-12)]),
    ],
    ["a JPEG", () => intoJpeg(plain.JPEG, jumbfSegment(MANIFEST_STORE))],
    [
      "a JPEG behind other segments",
      () =>
        intoJpeg(
          plain.JPEG,
          jpegSegment(Buffer.alloc(60_000), 0xe1),
          Buffer.from([0xff, 0xff]),
          jumbfSegment(MANIFEST_STORE),
        ),
    ],
    ["a WebP", () => ontoWebp(plain.WEBP, "C2PA", MANIFEST_STORE)],
    [
      "a WebP behind a chunk of odd length",
      () => ontoWebp(ontoWebp(plain.WEBP, "EXIF", Buffer.alloc(7)), "C2PA", MANIFEST_STORE),
    ],
    ["an AVIF", () => Buffer.concat([plain.AVIF, box("uuid", C2PA_UUID, MANIFEST_STORE)])],
    [
      "an AVIF behind a box of 64-bit length",
      () => Buffer.concat([plain.AVIF, longBox("free", Buffer.alloc(100)), longBox("uuid", C2PA_UUID)]),
    ],
  ])("are found in %s, however it is split", (_file, make) => {
    const file = make();

    for (const chunkBytes of [file.length, 1, 2, 3, 7, 31, 1000]) expect(isFound(file, chunkBytes)).toBe(true);
  });

  test.each<[string, () => Buffer]>([
    ...IMAGE_FORMATS.map((format): [string, () => Buffer] => [`a plain ${format}`, () => plain[format]]),
    ["a PNG that only mentions them", () => intoPng(plain.PNG, pngChunk("tEXt", pngChunk("caBX", MANIFEST_STORE)))],
    ["what follows a PNG", () => Buffer.concat([plain.PNG, pngChunk("caBX", MANIFEST_STORE)])],
    ["a JPEG with other boxes", () => intoJpeg(plain.JPEG, jumbfSegment(box("jumb", box("jumd", Buffer.alloc(40)))))],
    [
      "a JPEG that only mentions them",
      () => intoJpeg(plain.JPEG, jpegSegment(jumbfSegment(MANIFEST_STORE), 0xe1), jpegSegment(Buffer.alloc(3))),
    ],
    ["what follows the scan of a JPEG", () => Buffer.concat([plain.JPEG, jumbfSegment(MANIFEST_STORE)])],
    ["a WebP that only mentions them", () => ontoWebp(plain.WEBP, "EXIF", Buffer.from("C2PA\0\0\0\0"))],
    ["an AVIF with another box", () => Buffer.concat([plain.AVIF, box("uuid", Buffer.alloc(16), MANIFEST_STORE)])],
    [
      "an AVIF whose last box goes to the end",
      () => Buffer.concat([plain.AVIF, Buffer.from("\0\0\0\0mdat", "latin1"), box("uuid", C2PA_UUID)]),
    ],
    ["something that is not an image", () => Buffer.concat([Buffer.from("GIF89a"), Buffer.alloc(20), MANIFEST_STORE])],
    ["nothing", () => Buffer.alloc(0)],
  ])("are not found in %s", (_file, make) => {
    const file = make();

    for (const chunkBytes of [file.length || 1, 1, 7, 1000]) expect(isFound(file, chunkBytes)).toBe(false);
  });
});

function longBox(name: string, ...contents: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(contents);
  const head = Buffer.alloc(16);
  head.writeUInt32BE(1);
  head.write(name, 4, "latin1");
  head.writeBigUInt64BE(BigInt(content.length + 16), 8);
  return Buffer.concat([head, content]);
}

function toSharpName(format: ImageFormat): "png" | "jpeg" | "webp" | "avif" {
  return format.toLowerCase() as Lowercase<ImageFormat>;
}
