import { mkdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import sharp from "sharp";
import { MAX_DERIVATIVES } from "../../../../src/service/images/storage-budget.ts";
import { type HttpAnswer, httpRequest } from "../../../support/clients/http-request.ts";
import { poll, type ScriptedGateway, startScriptedGateway } from "../../../support/gateways/scripted-gateway.ts";
import { once } from "../../../support/gateways/scripted-provider.ts";
import { storedFiles } from "../../../support/stores/stored-files.ts";

type Colour = readonly [number, number, number, number];
const RED: Colour = [220, 0, 0, 255];
const GREEN: Colour = [0, 160, 0, 255];
const BLUE: Colour = [0, 0, 220, 255];
const WHITE: Colour = [255, 255, 255, 255];
const NOTHING: Colour = [0, 0, 0, 0];

/** Three vertical stripes of 100 pixels in red, green and blue, which show cropping, padding and stretching. */
const WIDTH = 300;
const HEIGHT = 150;

const LINK = `query ($id: ID!, $width: Int, $height: Int, $fit: Fit = COVER, $format: ImageFormat, $quality: Int, $expiresIn: Int) {
  image(id: $id) {
    url(width: $width, height: $height, fit: $fit, format: $format, quality: $quality, expiresIn: $expiresIn)
  }
}`;

let gateway: ScriptedGateway;
let imageId: string;

beforeAll(async () => {
  gateway = await startScriptedGateway();
  gateway.provider.script = async function* draw({ prompt }) {
    const picture = prompt === "noise" ? drawNoise() : prompt === "large" ? drawLarge() : drawStripes();
    yield { type: "image", index: 0, bytes: once(await picture) };
  };
  imageId = await makeImage();
});

afterAll(() => gateway.close());

async function makeImage(prompt = "stripes"): Promise<string> {
  const size = prompt === "large" ? "1920x1080" : `${WIDTH}x${HEIGHT}`;
  const { body } = await gateway.graphql(
    `mutation { generateImages(input: { prompt: "${prompt}", size: "${size}" }) { images { id } } }`,
  );
  return body.data.generateImages.images[0].id;
}

async function linkOf(id: string, options: object): Promise<string> {
  const { body } = await gateway.graphql(LINK, { id, ...options });
  expect(body.errors).toBeUndefined();
  return body.data.image.url;
}

const filesOf = async (id: string) => (await storedFiles(gateway.dataDir)).filter((path) => path.includes(`~${id}~`));

/**
 * Waits until the files of an image are as expected: a derivative is delivered before it is stored. Between two checks
 * another image is stored, which takes as long as the disk needs.
 */
const filesOnce = (id: string, isAwaited: (paths: readonly string[]) => boolean) =>
  poll(async () => {
    await makeImage();
    return filesOf(id);
  }, isAwaited);

const derivativesOf = async (id: string) =>
  (await filesOnce(id, (paths) => paths.length > 1)).filter((path) => !path.endsWith("~original"));

const load = async (options: object, id = imageId) => httpRequest(await linkOf(id, options));

describe("fit", () => {
  test.each<[string, object, [number, number], Colour[]]>([
    // A square of the middle: 75 of 300 pixels are cropped on both sides.
    ["COVER crops evenly", { width: 100, height: 100, fit: "COVER" }, [100, 100], [RED, GREEN, GREEN, GREEN, BLUE]],
    [
      "COVER is what is meant without a word",
      { width: 100, height: 100 },
      [100, 100],
      [RED, GREEN, GREEN, GREEN, BLUE],
    ],
    [
      "CONTAIN adds nothing at the sides",
      { width: 100, height: 100, fit: "CONTAIN" },
      [100, 100],
      [RED, RED, GREEN, BLUE, BLUE],
    ],
    [
      "INSIDE is smaller where it must",
      { width: 100, height: 100, fit: "INSIDE" },
      [100, 50],
      [RED, RED, GREEN, BLUE, BLUE],
    ],
    ["FILL stretches", { width: 100, height: 100, fit: "FILL" }, [100, 100], [RED, RED, GREEN, BLUE, BLUE]],
    [
      "COVER into an upright box",
      { width: 50, height: 150, fit: "COVER" },
      [50, 150],
      [GREEN, GREEN, GREEN, GREEN, GREEN],
    ],
    ["INSIDE enlarges", { width: 600, height: 600, fit: "INSIDE" }, [600, 300], [RED, RED, GREEN, BLUE, BLUE]],
    ["a width alone", { width: 150 }, [150, 75], [RED, RED, GREEN, BLUE, BLUE]],
    ["a height alone", { height: 300 }, [600, 300], [RED, RED, GREEN, BLUE, BLUE]],
    ["a width alone, with FILL", { width: 30, fit: "FILL" }, [30, 15], [RED, RED, GREEN, BLUE, BLUE]],
    ["the least", { width: 1, height: 1, fit: "FILL" }, [1, 1], []],
    ["a width of one alone", { width: 2 }, [2, 1], []],
    ["the most", { width: 3840, height: 3840, fit: "FILL" }, [3840, 3840], [RED, RED, GREEN, BLUE, BLUE]],
  ])("%s", async (_case, options, size, colours) => {
    const picture = await decode(await load(options));

    expect([picture.width, picture.height]).toEqual(size);
    const places = [0.02, 0.2, 0.5, 0.8, 0.98];
    for (const [index, colour] of colours.entries()) picture.expectColour(places[index] ?? 0, 0.5, colour);
  });

  test.each([
    ["PNG", NOTHING],
    ["WEBP", NOTHING],
    ["AVIF", NOTHING],
    ["JPEG", WHITE],
  ])("CONTAIN leaves the rest of a %s transparent or white", async (format, rest) => {
    const picture = await decode(await load({ width: 100, height: 100, fit: "CONTAIN", format }));

    expect([picture.width, picture.height]).toEqual([100, 100]);
    picture.expectColour(0.5, 0.02, rest);
    picture.expectColour(0.5, 0.98, rest);
    picture.expectColour(0.5, 0.5, GREEN);
  });
});

describe("format", () => {
  test.each([
    ["PNG", "png"],
    ["JPEG", "jpeg"],
    ["WEBP", "webp"],
    ["AVIF", "heif"],
  ])("%s is the format of the file", async (format, decoded) => {
    const answer = await load({ width: 120, format });

    expect(answer.status).toBe(200);
    expect(answer.headers["content-type"]).toBe(`image/${format.toLowerCase()}`);
    expect(answer.headers["content-length"]).toBe(String(answer.body.length));
    expect(await sharp(answer.body).metadata()).toMatchObject({ format: decoded, width: 120, height: 60 });
    const picture = await decode(answer);
    picture.expectColour(0.1, 0.5, RED);
    picture.expectColour(0.5, 0.5, GREEN);
    picture.expectColour(0.9, 0.5, BLUE);
  });

  test("without other options keeps the size", async () => {
    expect(await sharp((await load({ format: "WEBP" })).body).metadata()).toMatchObject({
      format: "webp",
      width: WIDTH,
      height: HEIGHT,
    });
  });

  test.each(["JPEG", "WEBP", "AVIF"])("%s is smaller with a lower quality", async (format) => {
    const id = await makeImage("noise");
    const [low, high] = await Promise.all(
      [1, 100].map(async (quality) => httpRequest(await linkOf(id, { format, quality }))),
    );
    if (!low || !high) throw new Error("two were loaded");

    expect([low.status, high.status]).toEqual([200, 200]);
    expect(low.body.length).toBeLessThan(high.body.length);
    expect(low.headers.etag).not.toBe(high.headers.etag);
  });

  test("PNG is lossless at any quality", async () => {
    const whole = await decode(await load({}));
    const low = await decode(await load({ quality: 1 }));

    expect(low.pixels.equals(whole.pixels)).toBe(true);
  });
});

test("the URL of an image without changes serves the stored file itself", async () => {
  const links = [
    {},
    { width: WIDTH },
    { height: HEIGHT },
    { width: WIDTH, height: HEIGHT, fit: "FILL", format: "PNG" },
  ];
  const id = await makeImage();
  const answers = await Promise.all(links.map((options) => load(options, id)));

  const { body } = await gateway.graphql("query ($id: ID!) { image(id: $id) { byteSize } }", { id });
  for (const answer of answers) {
    expect(answer.body.length).toBe(body.data.image.byteSize);
    expect(answer.body.equals(answers[0]?.body ?? Buffer.alloc(0))).toBe(true);
  }
  expect(await filesOf(id)).toHaveLength(1);
});

test("every derivative has its own link and ETag", async () => {
  const options = [
    {},
    { width: 100 },
    { height: 100 },
    { width: 100, height: 100 },
    { width: 100, height: 100, fit: "FILL" },
    { width: 100, format: "WEBP" },
    { width: 100, format: "WEBP", quality: 50 },
    { width: 100, format: "WEBP", quality: 5 },
    { width: 10, height: 0x64 },
  ];
  const answers = await Promise.all(options.map((one) => load(one)));

  expect(new Set(answers.map((answer) => answer.headers.etag)).size).toBe(options.length);
});

describe("a derivative", () => {
  test("is made once, however many clients request it at the same time, and is stored", async () => {
    const id = await makeImage();
    const link = await linkOf(id, { width: 200, height: 120, format: "AVIF" });

    const requests = Array.from({ length: 100 }, () => httpRequest(link));
    await Promise.race(requests);
    const [file = ""] = await derivativesOf(id);
    const { mtimeNs } = await stat(file, { bigint: true });
    const answers = await Promise.all(requests);

    expect(new Set(answers.map((answer) => answer.status))).toEqual(new Set([200]));
    expect(answers.every((answer) => answer.body.equals(answers[0]?.body ?? Buffer.alloc(0)))).toBe(true);
    expect(await derivativesOf(id)).toEqual([file]);
    expect((await readFile(file)).equals(answers[0]?.body ?? Buffer.alloc(0))).toBe(true);
    // The last client's request did not make it again.
    expect((await stat(file, { bigint: true })).mtimeNs).toBe(mtimeNs);

    // From now on the file on disk is served, under any link to the same derivative.
    const marked = await sharp({ create: { width: 200, height: 120, channels: 3, background: "#123456" } })
      .avif()
      .toBuffer();
    await writeFile(file, marked);
    const later = await linkOf(id, { width: 200, height: 120, format: "AVIF", expiresIn: 60 });
    expect((await httpRequest(later)).body.equals(marked)).toBe(true);
  });

  test("is made again if the stored file is gone", async () => {
    const id = await makeImage();
    const link = await linkOf(id, { width: 33, format: "WEBP" });
    const first = await httpRequest(link);
    for (const file of await derivativesOf(id)) await rm(file);

    expect((await httpRequest(link)).body.equals(first.body)).toBe(true);
  });

  test("is stored with a limited number of others of its image; the oldest is removed", async () => {
    const id = await makeImage();
    const links = await Promise.all(
      Array.from({ length: MAX_DERIVATIVES + 3 }, (_, index) => linkOf(id, { width: 10 + index, height: 10 })),
    );
    const [first = "", second = "", ...others] = links;
    const oldest = await httpRequest(first);
    await filesOnce(id, (paths) => paths.length === 2);
    for (const link of [second, ...others]) expect((await httpRequest(link)).status).toBe(200);
    const newest = `~${10 + links.length - 1}x10-`;
    const isFull = (paths: readonly string[]) => paths.length === MAX_DERIVATIVES + 1;
    const kept = await filesOnce(id, (paths) => isFull(paths) && paths.some((path) => path.includes(newest)));

    expect(kept.some((path) => path.endsWith("~original"))).toBe(true);
    expect(kept.some((path) => path.includes("~10x10-"))).toBe(false);
    expect((await httpRequest(first)).body.equals(oldest.body)).toBe(true);
    await filesOnce(id, (paths) => isFull(paths) && paths.some((path) => path.includes("~10x10-")));
  });

  test("of a deleted image is not found, not made, and not left behind", async () => {
    const id = await makeImage();
    const [made, unmade, whole] = await Promise.all([
      linkOf(id, { width: 50 }),
      linkOf(id, { width: 60 }),
      linkOf(id, {}),
    ]);
    for (const link of [made, whole]) expect((await httpRequest(link)).status).toBe(200);
    const racing = httpRequest(await linkOf(id, { width: 299, format: "AVIF" }));
    const { body } = await gateway.graphql("query ($id: ID!) { image(id: $id) { generation { id } } }", { id });
    await gateway.graphql("mutation ($id: ID!) { deleteGeneration(id: $id) }", { id: body.data.image.generation.id });

    const answers = await Promise.all([made, unmade, whole].map((link) => httpRequest(link)));
    expect(answers.map(({ status }) => status)).toEqual([404, 404, 404]);
    await racing;
    await filesOnce(id, (paths) => paths.length === 0);
  });

  test("is refused when too many wait, and fast formats do not wait behind AVIF", async () => {
    const id = await makeImage("large");
    const avif = await Promise.all(
      Array.from({ length: 40 }, (_, index) => linkOf(id, { format: "AVIF", quality: index + 1 })),
    );
    const order: string[] = [];
    const slow = avif.map((link) => httpRequest(link).finally(() => order.push("AVIF")));
    const quick = httpRequest(await linkOf(id, { width: 64, format: "JPEG" })).finally(() => order.push("JPEG"));
    const answers = await Promise.all(slow);

    expect((await quick).status).toBe(200);
    expect(order.at(-1)).toBe("AVIF");
    const refused = answers.filter(({ status }) => status === 503);
    expect(answers.filter(({ status }) => status === 200).length).toBe(answers.length - refused.length);
    expect(refused.length).toBeGreaterThan(0);
    expect(refused[0]?.headers["retry-after"]).toBe("5");
    expect(JSON.parse(String(refused[0]?.body)).error).toMatchObject({
      code: "OVERLOADED",
      message: "too many images wait to be rendered; load this one again later",
    });
  });

  test("leaves nothing behind if the stored image cannot be read", async () => {
    const id = await makeImage();
    const [stored = ""] = (await storedFiles(gateway.dataDir)).filter((path) => path.includes(id));
    await writeFile(stored, "this is no image");
    const answer = await httpRequest(await linkOf(id, { width: 10 }));

    expect(answer.status).toBe(500);
    const { error } = JSON.parse(answer.body.toString());
    expect(error).toEqual({
      code: "INTERNAL",
      message: `an internal error occurred; the operator can find it in the log by ${answer.headers["x-request-id"]}`,
      requestId: answer.headers["x-request-id"],
    });
    expect(await filesOf(id)).toEqual([stored]);
  });

  test("is made for each viewer if it cannot be stored", async () => {
    const id = await makeImage();
    const [stored = ""] = await filesOf(id);
    await mkdir(join(stored.replace(/original$/, "77x-cover.webp"), "in-the-way"), { recursive: true });
    const link = await linkOf(id, { width: 77, format: "WEBP" });
    const [first, second] = [await httpRequest(link), await httpRequest(link)];

    expect([first.status, second.status]).toEqual([200, 200]);
    expect(second.body.equals(first.body)).toBe(true);
    expect(await filesOf(id)).toEqual([stored]);
  });

  test("can be fetched in ranges, and with 304 if the viewer has it already", async () => {
    const link = await linkOf(imageId, { width: 90, format: "JPEG" });
    const whole = await httpRequest(link);
    const part = await httpRequest(link, { headers: { Range: "bytes=10-19" } });
    const known = await httpRequest(link, { headers: { "If-None-Match": String(whole.headers.etag) } });

    expect([part.status, known.status]).toEqual([206, 304]);
    expect(part.body.equals(whole.body.subarray(10, 20))).toBe(true);
  });
});

describe("the limits of options", () => {
  test.each([
    ["width", { width: 0 }, "width must be a whole number from 1 to 3840"],
    ["width", { width: -1 }, "width must be a whole number from 1 to 3840"],
    ["width", { width: 3841 }, "width must be a whole number from 1 to 3840"],
    ["height", { height: 0 }, "height must be a whole number from 1 to 3840"],
    ["height", { height: 3841 }, "height must be a whole number from 1 to 3840"],
    ["height", { height: 2147483647 }, "height must be a whole number from 1 to 3840"],
    ["height", { height: 1921 }, "height would make the image wider than 3840 pixels"],
    ["quality", { quality: 0 }, "quality must be a whole number from 1 to 100"],
    ["quality", { quality: 101, format: "WEBP" }, "quality must be a whole number from 1 to 100"],
    ["expiresIn", { expiresIn: 59 }, "expiresIn must be a whole number from 60 to 604800"],
    ["expiresIn", { expiresIn: 604_801 }, "expiresIn must be a whole number from 60 to 604800"],
    ["expiresIn", { expiresIn: 0 }, "expiresIn must be a whole number from 60 to 604800"],
  ])("%s of %j is refused", async (field, options, message) => {
    const { body } = await gateway.graphql(LINK, { id: imageId, ...options });

    expect(body.data).toEqual({ image: null });
    expect(body.errors).toMatchObject([
      { message, path: ["image", "url"], extensions: { code: "BAD_USER_INPUT", field } },
    ]);
  });

  test.each([
    [60, 30],
    [604_800, 300],
  ])("expiresIn of %i is accepted, and the link lasts at most %i seconds more", async (expiresIn, more) => {
    const answer = await load({ expiresIn });

    expect(answer.status).toBe(200);
    const maxAge = Number(/max-age=(\d+)/.exec(String(answer.headers["cache-control"]))?.[1]);
    expect(maxAge).toBeLessThanOrEqual(expiresIn + more);
    expect(maxAge).toBeGreaterThan(expiresIn - 30);
  });

  test("null means the same as omitting an option", async () => {
    const nothing = { width: null, height: null, format: null, quality: null, expiresIn: null };
    expect((await load(nothing)).body.equals((await load({})).body)).toBe(true);
  });
});

function drawStripes(): Promise<Buffer> {
  const pixels = Buffer.alloc(WIDTH * HEIGHT * 3);
  for (let index = 0; index < WIDTH * HEIGHT; index++) {
    const [red, green, blue] = [RED, GREEN, BLUE][Math.floor((index % WIDTH) / 100)] ?? RED;
    pixels.set([red, green, blue], 3 * index);
  }
  return sharp(pixels, { raw: { width: WIDTH, height: HEIGHT, channels: 3 } })
    .png()
    .toBuffer();
}

function drawNoise(): Promise<Buffer> {
  const noise = { type: "gaussian", mean: 128, sigma: 40 } as const;
  return sharp({ create: { width: WIDTH, height: HEIGHT, channels: 3, background: "#000000", noise } })
    .png()
    .toBuffer();
}

function drawLarge(): Promise<Buffer> {
  return sharp({ create: { width: 1920, height: 1080, channels: 3, background: "#345" } })
    .png()
    .toBuffer();
}

async function decode(answer: HttpAnswer) {
  expect(answer.status).toBe(200);
  const { data: pixels, info } = await sharp(answer.body).ensureAlpha().raw().toBuffer({ resolveWithObject: true });
  const { width, height } = info;
  return {
    width,
    height,
    pixels,
    /** At a place from 0 to 1; lossy formats may miss a little. */
    expectColour(x: number, y: number, [red, green, blue, alpha]: Colour) {
      const offset = 4 * (Math.floor(y * height) * width + Math.floor(x * width));
      const [r = 0, g = 0, b = 0, a = 0] = pixels.subarray(offset, offset + 4);
      const isSame =
        alpha === 0 ? a < 12 : [r - red, g - green, b - blue, a - alpha].every((gap) => Math.abs(gap) < 40);
      expect({ x, y, found: [r, g, b, a], isSame }).toEqual({ x, y, found: [r, g, b, a], isSame: true });
    },
  };
}
