import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import sharp from "sharp";
import type { ImageProvider } from "../../src/ports/image-provider.ts";
import { collect, newIllustrator, pixelsOf, request } from "./pictures.ts";

let illustrator: ImageProvider;
beforeAll(() => {
  illustrator = newIllustrator();
});
afterAll(() => illustrator.close());

async function draw(...asked: Parameters<typeof request>): Promise<Buffer> {
  const [event] = await collect(illustrator, request(...asked));
  if (event === undefined) throw new Error("No picture came.");
  return event.bytes;
}

describe("the same request", () => {
  test.each(["a red fox in a snowy forest at night", "an old man", "asdf qwer", "sushi, watercolor", "🍕🚀"])(
    "gives the same bytes for %j, also from another provider",
    async (prompt) => {
      const first = await draw(prompt, { seed: 7 });
      const other = newIllustrator();
      const [second] = await collect(other, request(prompt, { seed: 7 }));
      await other.close();
      expect(second?.bytes.equals(first)).toBe(true);
    },
  );

  test("gives different pictures for another index, seed or prompt", async () => {
    const images = await collect(illustrator, request("a dog on a beach", { n: 3 }));
    const seeded = await draw("a dog on a beach", { seed: 1 });
    const otherSeed = await draw("a dog on a beach", { seed: 2 });
    const otherPrompt = await draw("a dog on the beach");
    const all = [...images.map(({ bytes }) => bytes), seeded, otherSeed, otherPrompt];
    expect(new Set(all.map((bytes) => bytes.toString("base64"))).size).toBe(all.length);
  });
});

describe("the size of a picture", () => {
  test.each([
    [64, 64],
    [65, 191],
    [192, 64],
    [333, 111],
    [257, 771],
    [1023, 341],
  ])("is exactly %i by %i pixels", async (width, height) => {
    const metadata = await sharp(await draw("a castle on a hill", { size: { width, height } })).metadata();
    expect(metadata).toMatchObject({ format: "png", width, height, channels: 3 });
  });

  test("may be the largest allowed", async () => {
    const metadata = await sharp(await draw("a dog on a beach", { size: { width: 3840, height: 1280 } })).metadata();
    expect(metadata).toMatchObject({ width: 3840, height: 1280 });
  });
});

describe("a drawn picture", () => {
  test("is darker at night than by day", async () => {
    const day = await pixelsOf(await draw("a meadow at noon"));
    const night = await pixelsOf(await draw("a meadow at night"));
    expect(night.brightness).toBeLessThan(day.brightness * 0.6);
  });

  const isBlue = (red: number, green: number, blue: number) => blue > 150 && blue > red + 90 && blue > green + 50;
  const isRed = (red: number, green: number, blue: number) => red > 150 && red > blue + 90 && red > green + 90;

  test("shows a car in the requested colour", async () => {
    const blue = await pixelsOf(await draw("a blue car in a city", { background: "TRANSPARENT" }));
    const red = await pixelsOf(await draw("a red car in a city", { background: "TRANSPARENT" }));
    expect(blue.share(isBlue)).toBeGreaterThan(0.02);
    expect(red.share(isRed)).toBeGreaterThan(0.02);
    expect(blue.share(isRed)).toBeLessThan(red.share(isRed) / 2);
    expect(red.share(isBlue)).toBeLessThan(blue.share(isBlue) / 2);
  });

  test("shows more yellow for nine lemons than for one", async () => {
    const isYellow = (red: number, green: number, blue: number) => red > 200 && green > 130 && blue < 110;
    const one = await pixelsOf(await draw("a lemon in a snowy forest"));
    const nine = await pixelsOf(await draw("nine lemons in a snowy forest"));
    expect(nine.share(isYellow)).toBeGreaterThan(one.share(isYellow) * 1.3);
  });

  test("of abstract waves is mostly in their colours", async () => {
    const isGold = (red: number, green: number, blue: number) => red > 150 && green > 100 && blue < 130;
    const waves = await pixelsOf(await draw("abstract blue and gold waves"));
    expect(waves.share((red, green, blue) => blue > red + 40 && blue > green)).toBeGreaterThan(0.2);
    expect(waves.share(isGold)).toBeGreaterThan(0.2);
  });

  test("in black and white has no colour, and in pixel art consists of blocks", async () => {
    const grey = await pixelsOf(await draw("a parrot, black and white"));
    expect(grey.share((red, green, blue) => red !== green || green !== blue)).toBe(0);
    const size = { width: 256, height: 256 };
    const { data } = await sharp(await draw("a parrot, pixel art", { size }))
      .removeAlpha()
      .raw()
      .toBuffer({ resolveWithObject: true });
    const at = (x: number, y: number) => data.readUIntBE((y * 256 + x) * 3, 3);
    for (let block = 0; block < 128; block += 9) {
      const [x, y] = [block * 2, 254 - block * 2];
      expect([at(x + 1, y), at(x, y + 1), at(x + 1, y + 1)]).toEqual([at(x, y), at(x, y), at(x, y)]);
    }
  });

  test("shows only the subject if the background is transparent", async () => {
    const { data, info } = await sharp(await draw("a fox in a forest", { background: "TRANSPARENT" }))
      .raw()
      .toBuffer({ resolveWithObject: true });
    expect(info.channels).toBe(4);
    const alphas = Array.from({ length: info.width * info.height }, (_, pixel) => data[pixel * 4 + 3] ?? 0);
    expect(alphas[0]).toBe(0);
    const solid = alphas.filter((alpha) => alpha === 255).length / alphas.length;
    expect(solid).toBeGreaterThan(0.05);
    expect(solid).toBeLessThan(0.5);
  });
});

describe("hostile prompts", () => {
  test.each([
    ["markup", '</g></svg><script>alert(1)</script><svg onload="x"><image href="file:///etc/passwd"/>'],
    ["references", "url(#b0) &lt; &#x0; ]]> <!-- %00"],
    ["lone surrogates", "\ud83d\ud83d cat \udc31"],
    ["right-to-left and combining marks", "\u202eقطة c\u0301\u0302\u0303at שלום \u200d"],
    ["nothing visible", "\u200b \u3000\ufeff"],
    ["32,000 characters", "a cat and a dog, ".repeat(1900).slice(0, 32_000)],
    ["many emoji", "🐱🚗🌳👩‍🚀🍕".repeat(300)],
  ])("with %s lead to a picture", async (_name, prompt) => {
    const { width, height, share } = await pixelsOf(await draw(prompt));
    expect([width, height]).toEqual([192, 192]);
    expect(share((red, green, blue) => red === 255 && green === 255 && blue === 255)).toBeLessThan(0.9);
  });
});
