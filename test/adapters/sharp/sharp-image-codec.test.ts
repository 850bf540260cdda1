import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { buffer } from "node:stream/consumers";
import { promisify } from "node:util";
import { afterAll, describe, expect, test } from "@jest/globals";
import sharp from "sharp";
import { SharpImageCodec } from "../../../src/adapters/sharp/sharp-image-codec.ts";
import { FITS, type InspectedImage, type PixelBox, type Rendition } from "../../../src/ports/image-codec.ts";
import { IMAGE_FORMATS, type ImageFormat } from "../../../src/ports/image-provider.ts";
import { formatOf } from "../../../src/service/images/pixels.ts";
import { MAX_PIXELS } from "../../../src/service/images/scheduled-codec.ts";
import { chunks } from "../../contracts/object-store.ts";
import { poll } from "../../support/gateways/scripted-gateway.ts";
import { plainImage } from "../../support/gateways/scripted-provider.ts";
import { imageOf } from "../../support/images/codec.ts";
import { noteBomb, SVG_WITH_SCRIPT } from "../../support/images/source-images.ts";
import { seededRandom } from "../../support/random.ts";

const EXHAUSTING = { name: "UndecodableImageError", reason: "exhausting" };

const codec = new SharpImageCodec();

afterAll(() => codec.close());

describe("inspecting", () => {
  test.each(IMAGE_FORMATS)("returns the pixel size of a %s", async (format) => {
    const image = await plainImage(96, 64, 1, format);

    expect(await inspect(image)).toMatchObject({ width: 96, height: 64 });
  });

  test("accepts bytes in any chunks", async () => {
    const image = await noise(200, 100, "PNG");
    const bytes = Array.from({ length: Math.ceil(image.length / 7) }, (_, i) => image.subarray(i * 7, i * 7 + 7));

    expect(await codec.inspect({ byteSize: image.length, read: () => chunks(...bytes) }, MAX_PIXELS)).toMatchObject({
      width: 200,
      height: 100,
    });
  });

  test.each([
    [64, 64],
    [192, 64],
    [64, 192],
    [1000, 700],
  ])("makes a placeholder of the same proportions, under 1 KB even for noise of %ix%i", async (width, height) => {
    const { placeholder } = await inspect(await noise(width, height, "PNG"));

    expect(placeholder).toMatch(/^data:image\/webp;base64,[A-Za-z0-9+/]+=*$/);
    expect(placeholder.length).toBeLessThan(1024);
    const tiny = await sharp(Buffer.from(placeholder.slice(placeholder.indexOf(",") + 1), "base64")).metadata();
    expect(Math.max(tiny.width, tiny.height)).toBe(16);
    expect(tiny.width / tiny.height).toBeCloseTo(width / height, 0);
  });

  test("keeps the placeholder transparent", async () => {
    const clear = await sharp({ create: { width: 64, height: 64, channels: 4, background: "#0000" } })
      .png()
      .toBuffer();
    const { placeholder } = await inspect(clear);

    expect((await sharp(Buffer.from(placeholder.split(",")[1] ?? "", "base64")).stats()).isOpaque).toBe(false);
  });

  test.each(IMAGE_FORMATS)("refuses a %s that is cut short anywhere", async (format) => {
    const image = await noise(160, 160, format);
    for (const share of [0.1, 0.5, 0.9, 0.99]) {
      const cut = image.subarray(0, Math.floor(image.length * share));
      await expect(inspect(cut)).rejects.toThrow();
    }
  });

  test("refuses a damaged PNG", async () => {
    const image = await noise(160, 160, "PNG");
    const middle = Math.floor(image.length / 2);
    image.fill(0xff, middle, middle + 200);

    await expect(inspect(image)).rejects.toThrow();
  });

  test.each<[string, Uint8Array]>([
    ["nothing", Buffer.alloc(0)],
    ["a text", Buffer.from("This is no image.")],
    ["an image's first bytes", Buffer.from("\x89PNG\r\n\x1a\n", "latin1")],
  ])("refuses %s", async (_what, bytes) => {
    await expect(inspect(bytes)).rejects.toThrow();
  });

  test("refuses an image with more pixels than any requested image, before it decodes them", async () => {
    const huge = await sharp({ create: { width: 3840, height: 3841, channels: 3, background: "#123" } })
      .png({ compressionLevel: 1 })
      .toBuffer();

    await expect(inspect(huge)).rejects.toThrow(/pixel limit/);
  });

  test("passes on its source's error", async () => {
    const failure = new Error("the source broke");
    const image = await noise(160, 160, "PNG");
    const source = async function* () {
      yield image.subarray(0, 1000);
      throw failure;
    };

    await expect(codec.inspect({ byteSize: image.length, read: source }, MAX_PIXELS)).rejects.toBe(failure);
  });
});

describe("rendering", () => {
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
  ])("derives what %j omits from the image", async (asked, expected) => {
    const rendered = await render(await noise(200, 100, "PNG"), { fit: "COVER", format: "PNG", ...asked });
    const { width, height } = await sharp(rendered).metadata();

    expect({ width, height }).toEqual(expected);
  });

  test("crops with COVER, pads with CONTAIN and stretches with FILL", async () => {
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

  test("fills transparent parts with white only if the format has no transparency", async () => {
    const clear = await sharp({ create: { width: 8, height: 8, channels: 4, background: "#0000" } })
      .png()
      .toBuffer();
    const stats = async (format: ImageFormat) =>
      sharp(await render(clear, { width: 8, height: 8, fit: "COVER", format })).stats();

    expect((await stats("JPEG")).channels.map(({ mean }) => mean)).toEqual([255, 255, 255]);
    for (const format of ["PNG", "WEBP", "AVIF"] as const) expect((await stats(format)).isOpaque).toBe(false);
  });

  test.each(["JPEG", "WEBP", "AVIF"] as const)("makes a smaller %s at a lower quality", async (format) => {
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
    await expect(buffer(codec.render({ byteSize: image.length, read: broken }, rendition, MAX_PIXELS))).rejects.toThrow(
      "the source broke",
    );
    await expect(render(Buffer.from("no image"), rendition)).rejects.toThrow();
  });
});

describe("decoding", () => {
  test("returns pixels that fit a box, on white or with their opacity", async () => {
    const half = await sharp({ create: { width: 64, height: 32, channels: 4, background: "#ff000080" } })
      .png()
      .toBuffer();
    const decode = (fit: PixelBox["fit"], channels: PixelBox["channels"]) =>
      codec.decode(imageOf(half), { width: 32, height: 32, fit, channels }, MAX_PIXELS);
    const [filled, inside, opaque, alpha] = await Promise.all([
      decode("COVER", "RGBA"),
      decode("INSIDE", "RGBA"),
      decode("COVER", "OPAQUE"),
      decode("COVER", "ALPHA"),
    ]);

    expect(filled).toMatchObject({ width: 32, height: 32 });
    expect([...filled.data.subarray(0, 4)]).toEqual([255, 0, 0, 128]);
    expect(inside).toMatchObject({ width: 32, height: 16, data: { length: 32 * 16 * 4 } });
    expect([...opaque.data.subarray(0, 4)]).toEqual([255, 127, 127, 255]);
    expect(alpha.data).toHaveLength(32 * 32);
    expect(alpha.data[0]).toBe(128);
  });

  test("rotates a photograph as viewers do", async () => {
    const turned = await sharp({ create: { width: 64, height: 32, channels: 3, background: "#123456" } })
      .jpeg()
      .withMetadata({ orientation: 6 })
      .toBuffer();
    const box = { width: 64, height: 64, fit: "INSIDE", channels: "RGBA" } as const;

    expect(await inspect(turned)).toMatchObject({ width: 32, height: 64 });
    expect(await codec.decode(imageOf(turned), box, MAX_PIXELS)).toMatchObject({ width: 32, height: 64 });
  });
});

describe("an image that needs too much", () => {
  const square = { width: 64, height: 64, fit: "COVER", format: "PNG" } as const;

  test("memory fails alone, and the next image is decoded", async () => {
    const small = new SharpImageCodec({ maxBytes: 300_000_000 });
    try {
      await expect(small.inspect(imageOf(noteBomb()), MAX_PIXELS)).rejects.toMatchObject(EXHAUSTING);
      await expect(buffer(small.render(imageOf(noteBomb()), square, MAX_PIXELS))).rejects.toMatchObject(EXHAUSTING);
      expect(await small.inspect(imageOf(await noise(32, 32, "PNG")), MAX_PIXELS)).toMatchObject({ width: 32 });
    } finally {
      await small.close();
    }
  });

  test("time fails alone", async () => {
    const hurried = new SharpImageCodec({ deadlineMs: 1 });
    try {
      await expect(hurried.inspect(imageOf(await noise(32, 32, "PNG")), MAX_PIXELS)).rejects.toMatchObject(EXHAUSTING);
    } finally {
      await hurried.close();
    }
  });
});

test.each([
  ["less", -1],
  ["more", 1],
])("an image with %s bytes than recorded is reported as an error of the store", async (_what, difference) => {
  const image = await noise(32, 32, "PNG");
  const lying = { ...imageOf(image), byteSize: image.length - difference };

  await expect(codec.inspect(lying, MAX_PIXELS)).rejects.toThrow(
    "an image does not have the size that its store reported",
  );
});

test("a format that the gateway does not support is not decoded, even if the decoder could", async () => {
  const picture = sharp({ create: { width: 16, height: 16, channels: 3, background: "#123" } });
  for (const file of [
    await picture.clone().tiff().toBuffer(),
    await picture.clone().gif().toBuffer(),
    SVG_WITH_SCRIPT,
  ]) {
    await expect(inspect(file)).rejects.toMatchObject({ name: "UndecodableImageError", reason: "damaged" });
  }
});

describe("the processes of a codec", () => {
  test("end when it is closed, and later calls fail", async () => {
    const own = new SharpImageCodec();
    const image = imageOf(await noise(64, 64, "PNG"));
    await Promise.all([own.inspect(image, MAX_PIXELS), own.inspect(image, MAX_PIXELS)]);
    await own.close();

    await expect(own.inspect(image, MAX_PIXELS)).rejects.toThrow("the image codec is closed");
  });

  test("ignore the signals that stop the gateway, and get none of its environment", async () => {
    const own = new SharpImageCodec();
    const image = imageOf(await noise(64, 64, "PNG"));
    const before = await childrenOf(process.pid);
    await own.inspect(image, MAX_PIXELS);
    const [child = 0] = (await childrenOf(process.pid)).filter((id) => !before.includes(id));
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.kill(child, signal);
    await own.inspect(image, MAX_PIXELS);

    expect(await childrenOf(process.pid)).toContain(child);
    expect(await readFile(`/proc/${child}/environ`, "utf8")).toBe("MALLOC_ARENA_MAX=2\0");
    await own.close();
  });

  test("do not keep the gateway's process running, and end if it is killed", async () => {
    const module = new URL("../../../src/adapters/sharp/sharp-image-codec.ts", import.meta.url).href;
    const image = await noise(32, 32, "PNG");
    const program = (end: string) => `
      import { readFileSync } from "node:fs";
      import { SharpImageCodec } from ${JSON.stringify(module)};
      const bytes = Buffer.from(${JSON.stringify(image.toString("base64"))}, "base64");
      const EXHAUSTING = { name: "UndecodableImageError", reason: "exhausting" };

const codec = new SharpImageCodec();
      await codec.inspect({ byteSize: bytes.length, async *read() { yield bytes; } }, 1_000_000);
      console.log(readFileSync("/proc/self/task/" + process.pid + "/children", "utf8").trim());
      ${end}`;
    for (const end of ["", "process.kill(process.pid, 'SIGKILL')", "process.exit()"]) {
      const arguments_ = ["--input-type=module", "--eval", program(end)];
      const { stdout } = await promisify(execFile)(process.execPath, arguments_).catch((error) => error);
      const [child = 0] = stdout.trim().split(" ").map(Number);
      expect(child).toBeGreaterThan(0);
      await poll(
        async () => isRunning(child),
        (isAlive) => !isAlive,
      );
    }
  });
});

async function childrenOf(processId: number): Promise<number[]> {
  const children = await readFile(`/proc/${processId}/task/${processId}/children`, "utf8");
  return children.trim().split(" ").filter(Boolean).map(Number);
}

function isRunning(processId: number): boolean {
  try {
    process.kill(processId, 0);
    return true;
  } catch {
    return false;
  }
}

function inspect(image: Uint8Array): Promise<InspectedImage> {
  return codec.inspect(imageOf(image), MAX_PIXELS);
}

function render(image: Uint8Array, rendition: Rendition): Promise<Buffer> {
  return buffer(codec.render(imageOf(image), rendition, MAX_PIXELS));
}

/** A picture that compresses badly, so that damage anywhere is visible. */
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
