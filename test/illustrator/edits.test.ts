import { expect, test } from "@jest/globals";
import sharp from "sharp";
import type { EditSources, GenerateRequest, SourceImage } from "../../src/ports/image-provider.ts";
import { plainImage } from "../support/gateways/scripted-provider.ts";
import { leftHalfMask } from "../support/images/source-images.ts";
import { collect, pixelsOf, request, withIllustrator } from "./pictures.ts";

const SIDE = 192;

/** Returns one edited picture as PNG. */
async function edit(prompt: string, sources: EditSources, changes: Partial<GenerateRequest> = {}): Promise<Buffer> {
  let bytes: Buffer | undefined;
  await withIllustrator(async (provider) => {
    [{ bytes } = { bytes: undefined }] = await collect(provider, request(prompt, { edit: sources, ...changes }));
  });
  if (!bytes) throw new Error("there is no picture");
  return bytes;
}

function sourceOf(bytes: Buffer, format: SourceImage["format"] = "PNG"): SourceImage {
  async function* read() {
    yield bytes;
  }
  return { width: SIDE, height: SIDE, format, byteSize: bytes.length, read };
}

/** A picture of many colours: the same noise in every run. */
async function colourful(side = SIDE, channels: 3 | 4 = 3): Promise<Buffer> {
  const raw = Buffer.from(
    Array.from({ length: side * side * channels }, (_, i) => Math.imul(i + 1, 0x9e3779b1) >>> 24),
  );
  return sharp(raw, { raw: { width: side, height: side, channels } })
    .png()
    .toBuffer();
}

async function rawOf(png: Buffer, left: number, width: number): Promise<Buffer> {
  return sharp(png).extract({ left, top: 0, width, height: SIDE }).raw().toBuffer();
}

test.each([
  "tint it red",
  "a dog with a hat",
  "on the beach at sunset",
  "a pencil sketch",
  "at night in the rain",
  "fireworks in winter",
  "xyzzy",
])("%s changes only what the mask allows, to the last bit, and the same each time", async (prompt) => {
  const picture = await colourful();
  const sources = { images: [sourceOf(picture)], mask: sourceOf(await leftHalfMask(SIDE, SIDE)) };
  const edited = await edit(prompt, sources);

  expect(await sharp(edited).metadata()).toMatchObject({ format: "png", width: SIDE, height: SIDE });
  const half = SIDE / 2;
  expect(await rawOf(edited, half, half)).toEqual(await rawOf(picture, half, half));
  expect(await rawOf(edited, 0, half)).not.toEqual(await rawOf(picture, 0, half));
  expect(await edit(prompt, sources)).toEqual(edited);
});

test("half-transparent pixels that the mask protects are kept to the last bit", async () => {
  const picture = await colourful(SIDE, 4);
  const edited = await edit("tint it red", {
    images: [sourceOf(picture)],
    mask: sourceOf(await leftHalfMask(SIDE, SIDE)),
  });

  const half = SIDE / 2;
  expect(await rawOf(edited, half, half)).toEqual(await rawOf(picture, half, half));
});

test("a colour tints the picture and keeps its light and dark parts distinct", async () => {
  const white = await sharp({ create: { width: SIDE, height: SIDE / 2, channels: 3, background: "#fff" } })
    .png()
    .toBuffer();
  const grey = { create: { width: SIDE, height: SIDE, channels: 3, background: "#808080" } } as const;
  const picture = await sharp(grey)
    .composite([{ input: white, left: 0, top: 0 }])
    .png()
    .toBuffer();
  const { share } = await pixelsOf(await edit("tint it blue", { images: [sourceOf(picture)] }));

  expect(share((red, _green, blue) => blue > red + 40)).toBeGreaterThan(0.45);
  expect(share((red, green, blue) => red > 230 && green > 230 && blue > 230)).toBeGreaterThan(0.4);
});

test("a subject is drawn inside the area that the mask allows", async () => {
  const picture = await plainImage(SIDE, SIDE, 1, "PNG");
  const edited = await edit("a red apple", {
    images: [sourceOf(picture)],
    mask: sourceOf(await leftHalfMask(SIDE, SIDE)),
  });

  const { share } = await pixelsOf(edited);
  expect(share((red, green) => red > 180 && green < 110)).toBeGreaterThan(0.01);
});

test("objects of the sky are drawn over the picture, and so is what falls in a season", async () => {
  const images = [sourceOf(await plainImage(SIDE, SIDE, 1, "PNG"))];
  const shareOf = async (prompt: string) => (await pixelsOf(await edit(prompt, { images }))).share;

  expect((await shareOf("add a rainbow"))((red, green) => red > green)).toBeGreaterThan(0.02);
  expect((await shareOf("in winter"))((red) => red > 80)).toBeGreaterThan(0.005);
  expect((await shareOf("in autumn"))((red, green) => red > green)).toBeGreaterThan(0.0005);
});

test("other images are pasted onto the picture", async () => {
  const [green, red] = ["#20a040", "#e01020"].map((background) =>
    sharp({ create: { width: 640, height: 480, channels: 3, background } })
      .jpeg()
      .toBuffer(),
  );
  const images = [sourceOf(await (green as Promise<Buffer>), "JPEG"), sourceOf(await (red as Promise<Buffer>), "JPEG")];
  const { width, height, share } = await pixelsOf(await edit("put them together", { images }));

  expect([width, height]).toEqual([SIDE, SIDE]);
  expect(share((r, g) => r > 180 && g < 60)).toBeGreaterThan(0.04);
  expect(share((r, g) => g > 120 && r < 80)).toBeGreaterThan(0.4);
});

test("an image of another size and orientation is fitted, and stays transparent unless that is not allowed", async () => {
  const onItsSide = await sharp(await colourful(300))
    .resize(300, 100)
    .withMetadata({ orientation: 6 })
    .webp()
    .toBuffer();
  const clear = await sharp({ create: { width: SIDE, height: SIDE, channels: 4, background: "#00000000" } })
    .png()
    .toBuffer();
  const size = { width: 100, height: 300 };

  const fitted = await edit("vintage", { images: [sourceOf(onItsSide, "WEBP")] }, { size });
  expect(await sharp(fitted).metadata()).toMatchObject(size);
  const kept = await edit("tint it red", { images: [sourceOf(clear)] });
  expect((await sharp(kept).stats()).isOpaque).toBe(false);
  const opaque = await edit("tint it red", { images: [sourceOf(clear)] }, { background: "OPAQUE" });
  expect((await sharp(opaque).stats()).isOpaque).toBe(true);
});

test("previews are sent before each image", async () => {
  const sources = { images: [sourceOf(await colourful())] };
  await withIllustrator(async (provider) => {
    const asked = request("a dog at night", { edit: sources, n: 2, partialImages: 2 });
    const events = await collect(provider, asked);

    expect(events.map(({ type, index }) => `${type} ${index}`)).toEqual([
      "partial 0",
      "partial 0",
      "image 0",
      "partial 1",
      "partial 1",
      "image 1",
    ]);
  });
});
