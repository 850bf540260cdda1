import { buffer } from "node:stream/consumers";
import { describe, expect, test } from "@jest/globals";
import sharp from "sharp";
import { IMAGE_FORMATS, type ImageFormat } from "../../../src/ports/image-provider.ts";
import { FITS, formatOf, inspectImage, type Rendition, renderImage } from "../../../src/service/images/pixels.ts";
import { chunks } from "../../contracts/object-store.ts";
import { seededRandom } from "../../support/random.ts";
import { once, plainImage } from "../../support/scripted-provider.ts";

describe("formatOf", () => {
  test.each(IMAGE_FORMATS)("knows %s by its first bytes", async (format) => {
    expect(formatOf(await plainImage(16, 16, 0, format))).toBe(format);
    expect(formatOf((await plainImage(16, 16, 0, format)).subarray(0, 12))).toBe(format);
  });

  test.each<[string, Uint8Array | string]>([
    ["nothing", ""],
    ["a text", "This is no image."],
    ["HTML", "<!doctype html><title>502</title>"],
    ["SVG", `<svg xmlns="http://www.w3.org/2000/svg"/>`],
    ["GIF", "GIF89a\x01\x00\x01\x00\x00"],
    ["BMP", "BM\x00\x00\x00\x00"],
    ["TIFF", "II*\x00\x08\x00\x00\x00"],
    ["a WAV", "RIFF\x24\x00\x00\x00WAVE"],
    ["an MP4", "\x00\x00\x00\x18ftypisom"],
    ["half of PNG's mark", "\x89PNG"],
    ["half of AVIF's mark", "\x00\x00\x00\x18ftyp"],
  ])("does not take %s for an image", (_what, head) => {
    expect(formatOf(typeof head === "string" ? Buffer.from(head, "latin1") : head)).toBeUndefined();
  });
});

describe("inspectImage", () => {
  test.each(IMAGE_FORMATS)("tells the pixels of a %s", async (format) => {
    const image = await plainImage(96, 64, 1, format);

    expect(await inspectImage(once(image))).toMatchObject({ width: 96, height: 64 });
  });

  test("takes bytes in any pieces", async () => {
    const image = await noise(200, 100, "PNG");
    const bytes = Array.from({ length: Math.ceil(image.length / 7) }, (_, i) => image.subarray(i * 7, i * 7 + 7));

    expect(await inspectImage(chunks(...bytes))).toMatchObject({ width: 200, height: 100 });
  });

  test.each([
    [64, 64],
    [192, 64],
    [64, 192],
    [1000, 700],
  ])("makes a placeholder of the same shape under 1 KB of the busiest picture of %ix%i", async (width, height) => {
    const { placeholder } = await inspectImage(once(await noise(width, height, "PNG")));

    expect(placeholder).toMatch(/^data:image\/webp;base64,[A-Za-z0-9+/]+=*$/);
    expect(placeholder.length).toBeLessThan(1024);
    const tiny = await sharp(Buffer.from(placeholder.slice(placeholder.indexOf(",") + 1), "base64")).metadata();
    expect(Math.max(tiny.width, tiny.height)).toBe(16);
    expect(tiny.width / tiny.height).toBeCloseTo(width / height, 0);
  });

  test("keeps a placeholder's transparency", async () => {
    const clear = await sharp({ create: { width: 64, height: 64, channels: 4, background: "#0000" } })
      .png()
      .toBuffer();
    const { placeholder } = await inspectImage(once(clear));

    expect((await sharp(Buffer.from(placeholder.split(",")[1] ?? "", "base64")).stats()).isOpaque).toBe(false);
  });

  test.each(IMAGE_FORMATS)("refuses a %s that is cut short anywhere", async (format) => {
    const image = await noise(160, 160, format);
    for (const share of [0.1, 0.5, 0.9, 0.99]) {
      const cut = image.subarray(0, Math.floor(image.length * share));
      await expect(inspectImage(once(cut))).rejects.toThrow();
    }
  });

  test("refuses a damaged PNG", async () => {
    const image = await noise(160, 160, "PNG");
    const middle = Math.floor(image.length / 2);
    image.fill(0xff, middle, middle + 200);

    await expect(inspectImage(once(image))).rejects.toThrow();
  });

  test.each<[string, Uint8Array]>([
    ["nothing", Buffer.alloc(0)],
    ["a text", Buffer.from("This is no image.")],
    ["an image's first bytes", Buffer.from("\x89PNG\r\n\x1a\n", "latin1")],
  ])("refuses %s", async (_what, bytes) => {
    await expect(inspectImage(once(bytes))).rejects.toThrow();
    await expect(inspectImage(chunks())).rejects.toThrow();
  });

  test("refuses an image of more pixels than any that can be asked for, before it decodes them", async () => {
    const huge = await sharp({ create: { width: 3840, height: 3841, channels: 3, background: "#123" } })
      .png({ compressionLevel: 1 })
      .toBuffer();

    await expect(inspectImage(once(huge))).rejects.toThrow(/pixel limit/);
  });

  test("passes on what its source throws", async () => {
    const failure = new Error("the source broke");
    const image = await noise(160, 160, "PNG");
    const source = async function* () {
      yield image.subarray(0, 1000);
      throw failure;
    };

    await expect(inspectImage(source())).rejects.toThrow("the source broke");
  });
});

describe("renderImage", () => {
  const box = { width: 90, height: 60 };

  test.each(IMAGE_FORMATS.flatMap((format) => FITS.map((fit) => ({ format, fit }))))(
    "makes a $format that fits by $fit",
    async ({ format, fit }) => {
      const rendered = await render(await noise(100, 100, "PNG"), { ...box, fit, format });
      const { width, height } = await sharp(rendered).metadata();

      expect(formatOf(rendered)).toBe(format);
      expect({ width, height }).toEqual(fit === "INSIDE" ? { width: 60, height: 60 } : box);
    },
  );

  test.each<[Partial<Rendition>, { width: number; height: number }]>([
    [{ width: 50 }, { width: 50, height: 25 }],
    [{ height: 50 }, { width: 100, height: 50 }],
    [{}, { width: 200, height: 100 }],
    [{ width: 400 }, { width: 400, height: 200 }],
    [
      { width: 1, height: 1 },
      { width: 1, height: 1 },
    ],
  ])("lets what is left out of %j follow from the image", async (asked, expected) => {
    const rendered = await render(await noise(200, 100, "PNG"), { fit: "COVER", format: "PNG", ...asked });
    const { width, height } = await sharp(rendered).metadata();

    expect({ width, height }).toEqual(expected);
  });

  test("crops by COVER, pads by CONTAIN and stretches by FILL", async () => {
    const halves = await sharp({ create: { width: 120, height: 60, channels: 3, background: "#ff0000" } })
      .composite([{ input: await solid(60, 60, "#0000ff"), left: 60, top: 0 }])
      .png()
      .toBuffer();
    const pixelsOf = async (fit: Rendition["fit"]) => {
      const rendered = await render(halves, { width: 60, height: 60, fit, format: "PNG" });
      const { data } = await sharp(rendered).ensureAlpha().raw().toBuffer({ resolveWithObject: true });
      const at = (x: number, y: number) => [...data.subarray((y * 60 + x) * 4, (y * 60 + x) * 4 + 4)];
      return { corner: at(1, 1), left: at(1, 30), right: at(58, 30) };
    };
    const [red, blue] = [
      [255, 0, 0, 255],
      [0, 0, 255, 255],
    ];

    expect(await pixelsOf("COVER")).toEqual({ corner: red, left: red, right: blue });
    expect(await pixelsOf("FILL")).toEqual({ corner: red, left: red, right: blue });
    expect(await pixelsOf("CONTAIN")).toEqual({ corner: [0, 0, 0, 0], left: red, right: blue });
  });

  test("puts white behind what is transparent only where the format has no transparency", async () => {
    const clear = await sharp({ create: { width: 8, height: 8, channels: 4, background: "#0000" } })
      .png()
      .toBuffer();
    const stats = async (format: ImageFormat) =>
      sharp(await render(clear, { width: 8, height: 8, fit: "COVER", format })).stats();

    expect((await stats("JPEG")).channels.map(({ mean }) => mean)).toEqual([255, 255, 255]);
    for (const format of ["PNG", "WEBP", "AVIF"] as const) expect((await stats(format)).isOpaque).toBe(false);
  });

  test.each(["JPEG", "WEBP", "AVIF"] as const)("makes a smaller %s of a lower quality", async (format) => {
    const image = await noise(128, 128, "PNG");
    const sizes = [];
    for (const quality of [10, 50, 95]) sizes.push((await render(image, { fit: "COVER", format, quality })).length);

    expect(sizes).toEqual([...sizes].sort((a, b) => a - b));
    expect(new Set(sizes).size).toBe(3);
  });

  test("fails on a damaged image and on a source that throws, without an unhandled rejection", async () => {
    const image = await noise(160, 160, "PNG");
    const cut = image.subarray(0, image.length / 2);
    const broken = async function* () {
      yield cut;
      throw new Error("the source broke");
    };
    const rendition = { width: 64, height: 64, fit: "COVER", format: "WEBP" } as const;

    await expect(render(cut, rendition)).rejects.toThrow();
    await expect(buffer(renderImage(broken(), rendition))).rejects.toThrow();
    await expect(render(Buffer.from("no image"), rendition)).rejects.toThrow();
  });
});

function render(image: Uint8Array, rendition: Rendition): Promise<Buffer> {
  return buffer(renderImage(once(image), rendition));
}

/** A picture that compresses badly: damage to any part of it shows. */
function noise(width: number, height: number, format: ImageFormat): Promise<Buffer> {
  const pixels = seededRandom(width * height).bytes(width * height * 3);
  return sharp(pixels, { raw: { width, height, channels: 3 } })
    .toFormat(format.toLowerCase() as Lowercase<ImageFormat>)
    .toBuffer();
}

function solid(width: number, height: number, background: string): Promise<Buffer> {
  return sharp({ create: { width, height, channels: 3, background } })
    .png()
    .toBuffer();
}
