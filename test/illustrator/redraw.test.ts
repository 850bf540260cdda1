import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import sharp from "sharp";
import { graphqlMultipart } from "../support/clients/graphql-multipart.ts";
import { type RunningGateway, startGateway } from "../support/gateways/gateway.ts";
import { leftHalfMask } from "../support/images/source-images.ts";

const SIDE = 256;
const SELECTION = "status generatedSize warnings { code message } images { id url(original: true) }";
const GENERATE = `mutation ($input: GenerateImagesInput!) { made: generateImages(input: $input) { ${SELECTION} } }`;
const EDIT = `mutation ($input: EditImagesInput!) { made: editImages(input: $input) { ${SELECTION} } }`;

interface Warning {
  readonly code: string;
  readonly message: string;
}

/** A picture that the gateway delivered. */
interface Made {
  readonly id: string;
  readonly bytes: Buffer;
  readonly warnings: readonly Warning[];
}

let gateway: RunningGateway;
beforeAll(async () => {
  gateway = await startGateway();
});
afterAll(() => gateway.close());

async function run(query: string, input: object): Promise<Made[]> {
  const { body } = await gateway.graphql(query, { input: { size: `${SIDE}x${SIDE}`, ...input } });
  return toMade(body.data.made);
}

async function toMade({
  status,
  warnings,
  images,
}: {
  status: string;
  warnings: Warning[];
  images: { id: string; url: string }[];
}): Promise<Made[]> {
  expect(status).toBe("SUCCEEDED");
  const read = async ({ id, url }: { id: string; url: string }): Promise<Made> => {
    return { id, warnings, bytes: Buffer.from(await (await fetch(url)).arrayBuffer()) };
  };
  return Promise.all(images.map(read));
}

async function generate(prompt: string, input: object = {}): Promise<Made> {
  const [made] = await run(GENERATE, { prompt, seed: 5, ...input });
  if (!made) throw new Error("no picture came");
  return made;
}

async function edit(prompt: string, { id }: { readonly id: string }, input: object = {}): Promise<Made> {
  const [made] = await run(EDIT, { prompt, images: [{ id }], ...input });
  if (!made) throw new Error("no picture came");
  return made;
}

/** Uploads images, the mask last. */
async function editUploads(prompt: string, image: Buffer | { readonly id: string }, mask?: Buffer): Promise<Made> {
  const isUpload = Buffer.isBuffer(image);
  const input = {
    prompt,
    size: `${SIDE}x${SIDE}`,
    images: [isUpload ? { upload: null } : { id: image.id }],
    ...(mask && { mask: { upload: null } }),
  };
  const files = [
    ...(isUpload ? [{ bytes: image, path: "variables.input.images.0.upload" }] : []),
    ...(mask ? [{ bytes: mask, path: "variables.input.mask.upload" }] : []),
  ];
  const { body } = await graphqlMultipart(gateway.url, { query: EDIT, variables: { input } }, files);
  const [made] = await toMade(body.data.made);
  if (!made) throw new Error("no picture came");
  return made;
}

interface Pixels {
  /** Red, green, blue of a pixel. */
  at(x: number, y: number): [number, number, number];
  /** The pixels that pass a test. */
  where(matches: (red: number, green: number, blue: number) => boolean): [x: number, y: number][];
}

async function pixelsOf({ bytes }: { readonly bytes: Buffer }): Promise<Pixels> {
  const data = await sharp(bytes).removeAlpha().raw().toBuffer();
  const at = (x: number, y: number): [number, number, number] => {
    const [red = 0, green = 0, blue = 0] = data.subarray((y * SIDE + x) * 3);
    return [red, green, blue];
  };
  const all = Array.from({ length: SIDE * SIDE }, (_, pixel): [number, number] => [
    pixel % SIDE,
    Math.floor(pixel / SIDE),
  ]);
  return { at, where: (matches) => all.filter(([x, y]) => matches(...at(x, y))) };
}

/** Which pixels of a transparent picture are opaque; shadows are not. */
async function outlineOf({ bytes }: { readonly bytes: Buffer }): Promise<Buffer> {
  return sharp(bytes).extractChannel("alpha").threshold(200).raw().toBuffer();
}

/** The pixels that differ between two pictures. */
function differences(one: Pixels, other: Pixels): [number, number][] {
  return one
    .where(() => true)
    .filter(([x, y]) => one.at(x, y).some((channel, index) => channel !== other.at(x, y)[index]));
}

const meanX = (places: readonly [number, number][]): number => places.reduce((sum, [x]) => sum + x, 0) / places.length;
const isFox = (red: number, green: number, blue: number) => red > 170 && green > 70 && green < 140 && blue < 80;
const isSun = (red: number, green: number, blue: number) => red > 235 && green > 225 && blue > 150;
const isBright = (red: number, green: number, blue: number) => Math.min(red, green, blue) > 205;

describe("an edit of the illustrator's own picture", () => {
  test("adds a cat with a hat beside the fox, which stays unchanged", async () => {
    const fox = await generate("a red fox in a snowy forest at night");
    const both = await edit("add a cat with a hat", fox);
    const [before, after] = [await pixelsOf(fox), await pixelsOf(both)];

    const changed = differences(before, after);
    const foxPlaces = before.where(isFox);
    expect(foxPlaces.length).toBeGreaterThan(200);
    const touched = new Set(changed.map(([x, y]) => `${x} ${y}`));
    expect(foxPlaces.filter(([x, y]) => touched.has(`${x} ${y}`))).toEqual([]);
    expect(changed.length).toBeGreaterThan(1000);
    expect(changed.length).toBeLessThan((SIDE * SIDE) / 4);
    expect(Math.abs(meanX(changed) - meanX(foxPlaces))).toBeGreaterThan(40);
    expect(both.warnings).toEqual([]);
  });

  test("removes only the fox", async () => {
    const fox = await generate("a red fox in a forest");
    const forest = await edit("remove the fox", fox);
    const [before, after] = [await pixelsOf(fox), await pixelsOf(forest)];

    expect(after.where(isFox).length).toBeLessThan(before.where(isFox).length / 20);
    expect(differences(before, after).length).toBeLessThan((SIDE * SIDE) / 5);
  });

  test("turns the sun into a moon in the same place, over the same subjects", async () => {
    const day = await generate("a fox in a meadow");
    const night = await edit("make it night", day);
    const [before, after] = [await pixelsOf(day), await pixelsOf(night)];
    const mean = (pixels: Pixels) => pixels.where(() => true).reduce((sum, [x, y]) => sum + pixels.at(x, y)[1], 0);

    expect(mean(after)).toBeLessThan(mean(before) * 0.6);
    const moon = after.where(isBright).filter(([, y]) => y < SIDE / 2);
    const inSun = moon.filter(([x, y]) => isSun(...before.at(x, y)));
    expect(inSun.length).toBeGreaterThan(moon.length * 0.6);
    const outlined = { background: "TRANSPARENT" };
    const [alone, alsoAlone] = [
      await generate("a fox in a meadow", outlined),
      await edit("make it night", day, outlined),
    ];
    const [outline, other] = [await outlineOf(alone), await outlineOf(alsoAlone)];
    expect(outline.filter((solid) => solid === 255).length).toBeGreaterThan(3000);
    // At night the shadow on the ground is darker under the edge of a foot.
    expect(outline.filter((solid, pixel) => solid !== other[pixel]).length).toBeLessThan(10);
  });

  test("recolours, dresses and replaces a subject where it stands", async () => {
    const car = await generate("a blue car in a city");
    const red = await pixelsOf(await edit("make the car red", car));
    const blue = await pixelsOf(car);
    const isBlue = (r: number, g: number, b: number) => b > 150 && r < 90 && g < 130;
    const isRed = (r: number, g: number, b: number) => r > 150 && g < 90 && b < 90;

    const [bluePlaces, redPlaces] = [blue.where(isBlue), red.where(isRed)];
    expect(bluePlaces.length).toBeGreaterThan(500);
    expect(Math.abs(redPlaces.length - bluePlaces.length)).toBeLessThan(bluePlaces.length / 2);
    expect(Math.abs(meanX(redPlaces) - meanX(bluePlaces))).toBeLessThan(8);
    expect(red.where(isBlue).length).toBeLessThan(bluePlaces.length / 10);
  });

  test("continues an earlier edit, and gives the same bytes each time", async () => {
    const fox = await generate("a fox in a forest");
    const chain = async (): Promise<Made> => {
      const both = await edit("add a panda", fox, { seed: 3 });
      const night = await edit("make it night", both);
      return edit("remove the fox", night);
    };
    const [once, again] = [await chain(), await chain()];
    const straight = await edit("make it night and remove the fox", await edit("add a panda", fox, { seed: 3 }));

    expect(again.bytes.equals(once.bytes)).toBe(true);
    const [chained, other, first] = await Promise.all([once, straight, fox].map(pixelsOf));
    const foxPixels = first?.where(isFox).length ?? 0;
    expect(foxPixels).toBeGreaterThan(500);
    expect(chained?.where(isFox).length).toBeLessThan(foxPixels / 8);
    // Both show the panda in the same place, but the night skies differ.
    const isPanda = (red: number, green: number, blue: number) => Math.max(red, green, blue) < 40;
    const [pandas, others] = [chained?.where(isPanda) ?? [], other?.where(isPanda) ?? []];
    expect(Math.abs(meanX(pandas) - meanX(others))).toBeLessThan(8);
  });

  test("has as many variations as requested", async () => {
    const fox = await generate("a fox in a forest");
    const images = await run(EDIT, { prompt: "add a cat", images: [{ id: fox.id }], n: 4 });
    expect(new Set(images.map(({ bytes }) => bytes.toString("base64"))).size).toBeGreaterThan(2);
  });

  test("keeps what the mask protects to the last bit, and draws new subjects elsewhere", async () => {
    const fox = await generate("a fox in a forest");
    const edited = await editUploads("add a red car", fox, await leftHalfMask(SIDE, SIDE));
    const changed = differences(await pixelsOf(fox), await pixelsOf(edited));

    expect(changed.length).toBeGreaterThan(1000);
    expect(Math.max(...changed.map(([x]) => x))).toBeLessThan(SIDE / 2);
    const night = await editUploads("make it night", fox, await leftHalfMask(SIDE, SIDE));
    const darker = differences(await pixelsOf(fox), await pixelsOf(night));
    expect(Math.max(...darker.map(([x]) => x))).toBe(SIDE / 2 - 1);
  });

  test("has the requested size, and stays transparent where the picture was", async () => {
    const fox = await generate("a fox in a forest", { background: "TRANSPARENT" });
    const [wide] = await run(EDIT, { prompt: "add a cat", images: [{ id: fox.id }], size: "384x256" });
    expect(await sharp(wide?.bytes).metadata()).toMatchObject({ width: 384, height: 256, channels: 4 });
    const opaque = await edit("add a cat", fox, { background: "OPAQUE" });
    expect(await sharp(opaque.bytes).metadata()).toMatchObject({ channels: 3 });
  });

  test("leaves an empty picture if the only subject of a transparent one is removed", async () => {
    const fox = await generate("a fox in a forest", { background: "TRANSPARENT" });
    const { bytes } = await edit("remove the fox", fox);
    const { channels } = await sharp(bytes).stats();
    expect(channels[3]).toMatchObject({ min: 0, max: 0 });
  });

  test("pastes the other images", async () => {
    const fox = await generate("a fox in a forest");
    const blue = { create: { width: 64, height: 64, channels: 3, background: "#2010f0" } } as const;
    const input = { prompt: "make it night", size: `${SIDE}x${SIDE}`, images: [{ id: fox.id }, { upload: null }] };
    const file = { bytes: await sharp(blue).png().toBuffer(), path: "variables.input.images.1.upload" };
    const { body } = await graphqlMultipart(gateway.url, { query: EDIT, variables: { input } }, [file]);
    const [made] = await toMade(body.data.made);
    if (!made) throw new Error("no picture came");
    const pixels = await pixelsOf(made);
    expect(pixels.where((red, green, blueness) => blueness > 200 && red < 80 && green < 60).length).toBeGreaterThan(
      500,
    );
    expect(made.warnings).toEqual([]);
  });

  test("is cut from its scene if the mask has other proportions", async () => {
    const fox = await generate("a fox in a forest");
    const input = { prompt: "make it night", size: "256x128", images: [{ id: fox.id }], mask: { upload: null } };
    const file = { bytes: await leftHalfMask(SIDE, SIDE), path: "variables.input.mask.upload" };
    const { body } = await graphqlMultipart(gateway.url, { query: EDIT, variables: { input } }, [file]);
    const [made] = await toMade(body.data.made);
    const right = { left: SIDE / 2, top: 0, width: SIDE / 2, height: SIDE / 2 };
    const kept = await sharp(made?.bytes).extract(right).removeAlpha().raw().toBuffer();
    const source = await sharp(fox.bytes)
      .extract({ ...right, top: SIDE / 4 })
      .removeAlpha()
      .raw()
      .toBuffer();
    expect(kept.equals(source)).toBe(true);
  });

  test("reports subjects that it did not find", async () => {
    const fox = await generate("a fox in a forest");
    const { warnings, bytes } = await edit("remove the elephant", fox);
    expect(warnings).toEqual([{ code: "NOT_CHANGED", message: expect.stringContaining("elephant") }]);
    expect(bytes.equals(fox.bytes)).toBe(false);
    expect(differences(await pixelsOf(fox), await pixelsOf({ bytes }))).toEqual([]);
  });
});

describe("an edit of any other picture", () => {
  test("draws over it, and reports what could not be done", async () => {
    const grey = { create: { width: SIDE, height: SIDE, channels: 3, background: "#808080" } } as const;
    const photo = await sharp(grey).png().toBuffer();
    const { warnings } = await editUploads("remove the fox and make it night", photo);
    expect(warnings).toEqual([{ code: "NOT_REDRAWN", message: expect.stringContaining("fox") }]);
  });

  test("does not redraw it, even if an earlier edit with a mask drew a part of it", async () => {
    const fox = await generate("a fox in a forest");
    const masked = await editUploads("add a cat", fox, await leftHalfMask(SIDE, SIDE));
    const { warnings } = await edit("make it night", masked);
    expect(warnings.map(({ code }) => code)).toEqual(["NOT_REDRAWN"]);
  });
});

describe("a word of the prompt that is missing in the picture", () => {
  test.each([
    ["a panda eating bamboo by a lake with a narwhal", "NOT_DRAWN", "bamboo, narwhal"],
    ["a fox on the moon in the rain", "NOT_DRAWN", "rain"],
    ["a portrait of a woman holding a guitar", "NOT_DRAWN", "guitar"],
    ["кот на крыше", "NOT_DRAWN", "English, Chinese, Japanese and Korean"],
    ["asdf qwer", "NOT_DRAWN", "English, Chinese, Japanese and Korean"],
    ["a cat and собака", "NOT_DRAWN", "собака; the illustrator reads English"],
  ])("is reported for %j", async (prompt, code, words) => {
    const { warnings } = await generate(prompt);
    expect(warnings).toEqual([{ code, message: expect.stringContaining(words) }]);
  });

  test("is reported once, however many pictures are made", async () => {
    const [{ warnings } = { warnings: [] }] = await run(GENERATE, { prompt: "a narwhal and a fox", n: 4 });
    expect(warnings).toHaveLength(1);
  });

  test.each([
    "a 5 year old girl",
    "a red fox in a snowy forest at night",
    "sushi and ramen on a wooden table, watercolor",
    "一只戴帽子的猫在海边看日落",
    "a cat on a sofa",
    "a bowl of cherries",
    "a panda in a bamboo forest",
    "mount fuji by a lake at dawn",
  ])("does not occur with %j", async (prompt) => {
    expect((await generate(prompt)).warnings).toEqual([]);
  });
});

test.each(["a red apple on white", "a cat on a white background", "白色背景上的苹果"])(
  "%s has a pure white background",
  async (prompt) => {
    const pixels = await pixelsOf(await generate(prompt));
    for (const [x, y] of [
      [0, 0],
      [SIDE - 1, 0],
      [0, SIDE - 1],
      [SIDE - 1, SIDE - 1],
      [SIDE / 2, 4],
    ] as const) {
      expect(pixels.at(x, y)).toEqual([255, 255, 255]);
    }
    expect(pixels.where((r, g, b) => r === 255 && g === 255 && b === 255).length).toBeGreaterThan(SIDE * SIDE * 0.5);
  },
);
