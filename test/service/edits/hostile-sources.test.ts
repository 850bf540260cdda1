import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import sharp from "sharp";
import type { Generation } from "../../../src/ports/records.ts";
import {
  ANY_SIZE_EDITOR,
  type ScriptedGateway,
  startScriptedGateway,
} from "../../support/gateways/scripted-gateway.ts";
import { once, plainImage } from "../../support/gateways/scripted-provider.ts";
import { intoJpeg, intoPng, jpegSegment, ontoWebp } from "../../support/images/content-credentials.ts";
import { compressedChunk, noteBomb, pngChunk, pngOf, pngWith } from "../../support/images/source-images.ts";
import { seededRandom } from "../../support/random.ts";
import { storedFiles } from "../../support/stores/stored-files.ts";

const MEGABYTE = 1024 * 1024;
const CALLER = { projectId: "proj_public" };

const TOO_LARGE = /^image 1 of 1 has [0-9]+x[0-9]+ pixels; send at most 50 million$/;
const TOO_MUCH = /^image 1 of 1 has too much metadata; remove its text, profiles and EXIF data and send it again$/;
const TOO_MANY = /^image 1 of 1 consists of too many parts; save it with another program and send that file$/;
const ANIMATION = /^image 1 of 1 is an animation; send a still picture$/;
const DAMAGED = /^image 1 of 1 is damaged or cut short; send it again$/;

let gateway: ScriptedGateway;
let png: Buffer;
let jpeg: Buffer;
let webp: Buffer;

beforeAll(async () => {
  gateway = await startScriptedGateway({}, [ANY_SIZE_EDITOR]);
  [png, jpeg, webp] = await Promise.all([
    plainImage(96, 64, 1, "PNG"),
    plainImage(96, 64, 1, "JPEG"),
    plainImage(96, 64, 1, "WEBP"),
  ]);
});

afterAll(() => gateway.close());

function submit(bytes: Uint8Array): Promise<Generation> {
  return gateway.gateway.images.submitEdit(CALLER, { prompt: "a fox in it", images: [{ bytes: once(bytes) }] });
}

describe("a file that would exhaust its decoder is refused and leaves nothing:", () => {
  test.each<[string, RegExp, () => Buffer]>([
    ["a PNG of 1 MB with notes of 1 GB", TOO_MUCH, noteBomb],
    ["a PNG with a note of 300 MB", TOO_MUCH, () => pngWith(compressedChunk("zTXt", 300_000_000))],
    ["a PNG with a compressed text of 2 MB", TOO_MUCH, () => pngWith(compressedChunk("iTXt", 2 * MEGABYTE))],
    ["a PNG with a profile of 2 MB", TOO_MUCH, () => pngWith(compressedChunk("iCCP", 2 * MEGABYTE))],
    [
      "a PNG with two notes of 600 KB",
      TOO_MUCH,
      () => pngWith(compressedChunk("zTXt", 600_000), compressedChunk("iTXt", 600_000)),
    ],
    ["a PNG with 101 small notes", TOO_MUCH, () => pngWith(...Array(101).fill(compressedChunk("zTXt", 10)))],
    ["a PNG whose note is no deflate stream", DAMAGED, () => pngWith(pngChunk("zTXt", Buffer.from("note\0\0xyz")))],
    ["a PNG with 9 MB of text", TOO_MUCH, () => pngWith(pngChunk("tEXt", Buffer.alloc(9 * MEGABYTE, "note\0")))],
    [
      "a PNG with 9 MB of text behind its pixels",
      TOO_MUCH,
      () => Buffer.concat([png.subarray(0, -12), pngChunk("tEXt", Buffer.alloc(9 * MEGABYTE)), png.subarray(-12)]),
    ],
    [
      "a PNG of 100,000 chunks",
      TOO_MANY,
      () => pngWith(Buffer.concat(Array(100_000).fill(pngChunk("tEXt", Buffer.from("a\0b"))))),
    ],
    [
      "a PNG of 100,000 pieces of pixels",
      TOO_MANY,
      () => pngWith(Buffer.concat(Array(100_000).fill(pngChunk("IDAT", Buffer.of())))),
    ],
    ["a PNG of 10 gigapixels", TOO_LARGE, () => pngOf(100_000, 100_000, Buffer.alloc(10))],
    ["a PNG of 4 billion pixels a side", TOO_LARGE, () => pngOf(0xffffffff, 0xffffffff, Buffer.alloc(10))],
    ["a PNG of no pixels", DAMAGED, () => pngOf(0, 64, Buffer.alloc(10))],
    ["an animated PNG", ANIMATION, () => pngWith(pngChunk("acTL", Buffer.from([0, 0, 0, 2, 0, 0, 0, 0])))],
    [
      "a PNG whose chunk says that it is larger than any",
      DAMAGED,
      () => intoPng(png, Buffer.from("\xff\xff\xff\xfftEXt", "latin1")),
    ],
    [
      "a JPEG with 200 segments of 64 KB",
      TOO_MUCH,
      () => intoJpeg(jpeg, ...Array(200).fill(jpegSegment(Buffer.alloc(65_533), 0xe1))),
    ],
    [
      "a JPEG with 9 MB of comments",
      TOO_MUCH,
      () => intoJpeg(jpeg, ...Array(145).fill(jpegSegment(Buffer.alloc(65_000), 0xfe))),
    ],
    [
      "a JPEG with 30,000 small segments",
      TOO_MANY,
      () => intoJpeg(jpeg, ...Array(30_000).fill(jpegSegment(Buffer.alloc(1), 0xe1))),
    ],
    [
      "a JPEG with 9 MB of profiles between its passes",
      TOO_MUCH,
      () =>
        Buffer.concat([
          jpeg.subarray(0, -2),
          ...Array(145).fill(jpegSegment(Buffer.alloc(65_000), 0xe2)),
          jpeg.subarray(-2),
        ]),
    ],
    [
      "a JPEG of 200 passes",
      TOO_MANY,
      () => Buffer.concat([jpeg.subarray(0, -2), ...Array(200).fill(lastScan(jpeg)), jpeg.subarray(-2)]),
    ],
    ["a JPEG of 4 gigapixels", TOO_LARGE, () => jpegOfSize(65_535, 65_535)],
    ["a JPEG of two pictures in one", DAMAGED, () => intoJpeg(jpeg, frame(64, 64))],
    [
      "a JPEG with something between its segments",
      DAMAGED,
      () => intoJpeg(jpeg, jpegSegment(Buffer.alloc(3)), Buffer.from("what is this?")),
    ],
    ["a WebP with EXIF data of 9 MB", TOO_MUCH, () => ontoWebp(webp, "EXIF", Buffer.alloc(9 * MEGABYTE))],
    ["a WebP with a profile of 9 MB", TOO_MUCH, () => ontoWebp(webp, "ICCP", Buffer.alloc(9 * MEGABYTE))],
    ["a WebP with 9 MB of its own", TOO_MUCH, () => ontoWebp(webp, "what", Buffer.alloc(9 * MEGABYTE))],
    [
      "a WebP of 16 million pixels a side",
      TOO_LARGE,
      () => riff("VP8X", Buffer.from("\0\0\0\0\xff\xff\xff\xff\xff\xff", "latin1")),
    ],
    [
      "a lossless WebP of 16,384 pixels a side",
      TOO_LARGE,
      () => riff("VP8L", Buffer.from("\x2f\xff\xff\xff\x0f", "latin1")),
    ],
    [
      "a lossy WebP of 16,383 pixels a side",
      TOO_LARGE,
      () => riff("VP8 ", Buffer.from("\0\0\0\x9d\x01\x2a\xff\x3f\xff\x3f", "latin1")),
    ],
    ["an animated WebP", ANIMATION, () => ontoWebp(webp, "ANIM", Buffer.alloc(6))],
  ])("%s", async (_what, message, make) => {
    await expect(submit(make())).rejects.toMatchObject({
      code: "BAD_USER_INPUT",
      message: expect.stringMatching(message),
      details: { field: "images" },
    });
    expect(await storedFiles(gateway.dataDir)).toEqual([]);
    expect(gateway.provider.requests).toEqual([]);
  });

  test.each(["png", "jpeg", "webp"] as const)("a %s that is cut short anywhere", async (format) => {
    const pixels = seededRandom(1).bytes(160 * 160 * 3);
    const file = await sharp(pixels, { raw: { width: 160, height: 160, channels: 3 } })
      .toFormat(format)
      .toBuffer();
    for (const share of [0.001, 0.01, 0.1, 0.5, 0.9, 0.99]) {
      const cut = file.subarray(0, Math.max(12, Math.floor(file.length * share)));
      await expect(submit(cut)).rejects.toMatchObject({ message: expect.stringMatching(DAMAGED) });
    }
    expect(await storedFiles(gateway.dataDir)).toEqual([]);
  });
});

test("a small edit does not wait behind large ones", async () => {
  const create = { width: 3000, height: 3000, channels: 3, background: "#345678" } as const;
  const large = await sharp({ create }).png({ progressive: true }).toBuffer();
  const order: string[] = [];
  const edit = async (name: string, bytes: Uint8Array) => {
    await submit(bytes);
    order.push(name);
  };
  const largeEdits = Array.from({ length: 6 }, () => edit("large", large));
  await Promise.race(largeEdits);
  await Promise.all([edit("small", png), ...largeEdits]);

  expect(order.at(-1)).toBe("large");
});

describe("a file with what common programs add is accepted:", () => {
  test.each<[string, () => Buffer | Promise<Buffer>]>([
    [
      "a PNG with compressed notes and a profile",
      () => pngWith(compressedChunk("zTXt", 100_000), compressedChunk("iTXt", 5_000)),
    ],
    ["a PNG with a profile", () => sharp(png).withIccProfile("p3").png().toBuffer()],
    ["a PNG with 7 MB of text", () => pngWith(pngChunk("tEXt", Buffer.alloc(7 * MEGABYTE, "note\0x")))],
    ["a PNG of 16 bits, interlaced", () => sharp(png).toColourspace("rgb16").png({ progressive: true }).toBuffer()],
    [
      "a JPEG with a depth map of 4 MB",
      () => intoJpeg(jpeg, ...Array(64).fill(jpegSegment(Buffer.alloc(65_000), 0xe1))),
    ],
    ["a JPEG in several passes", () => sharp(png).jpeg({ progressive: true }).toBuffer()],
    ["a JPEG with restarts and a picture behind it", () => Buffer.concat([jpeg, jpeg])],
    ["a WebP with something behind it", () => Buffer.concat([webp, Buffer.from("what is this? And this?")])],
    ["a WebP without loss", () => sharp(png).webp({ lossless: true }).toBuffer()],
    ["a WebP with EXIF data", () => sharp(png).withMetadata({ orientation: 1 }).webp().toBuffer()],
  ])("%s", async (_what, make) => {
    const generation = await submit(await make());
    const ended = await gateway.gateway.images.wait(generation, 60_000);

    expect(ended).toMatchObject({ status: "SUCCEEDED" });
  });
});

/** A JPEG frame header of this size, with one colour component. */
function frame(width: number, height: number): Buffer {
  const content = Buffer.from([8, 0, 0, 0, 0, 1, 1, 0x11, 0]);
  content.writeUInt16BE(height, 1);
  content.writeUInt16BE(width, 3);
  return jpegSegment(content, 0xc0);
}

function jpegOfSize(width: number, height: number): Buffer {
  return Buffer.concat([Buffer.from([0xff, 0xd8, 0xff, 0xe0, 0, 2]), frame(width, height)]);
}

/** The pixels of a JPEG, from the start of its only scan. */
function lastScan(bytes: Buffer): Buffer {
  return bytes.subarray(bytes.lastIndexOf(Buffer.from([0xff, 0xda])), -2);
}

function riff(name: string, content: Buffer): Buffer {
  return ontoWebp(Buffer.from("RIFF\0\0\0\0WEBP", "latin1"), name, content);
}
