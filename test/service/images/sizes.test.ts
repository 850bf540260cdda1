import { describe, expect, test } from "@jest/globals";
import { CATALOGUE } from "../../../src/adapters/openai/catalogue.ts";
import { GatewayError } from "../../../src/errors.ts";
import type { PixelSize, SizeRule } from "../../../src/ports/image-provider.ts";
import { isCovered, nearestModelSize, nearestSize, parseSize, toSizeText } from "../../../src/service/images/sizes.ts";
import { type Random, seededRandom } from "../../support/random.ts";

type Bounds = Extract<SizeRule, { kind: "bounds" }>;

const TODAYS_OPENAI = ruleOf("gpt-image-2.6-flare");
const THREE_SIZES = ruleOf("gpt-image-1.5");
const ILLUSTRATOR: Bounds = {
  kind: "bounds",
  multipleOf: 1,
  minSide: 64,
  maxLongSide: 3840,
  minPixels: 64 * 64,
  maxPixels: 3840 * 3840,
};

describe("nearestSize", () => {
  test.each([
    ["1024x1024", "1024x1024"],
    ["3840x1280", "3840x1280"],
    ["64x64", "64x64"],
    ["8064x6048", "3840x2880"],
    ["3841x3841", "3840x3840"],
    ["32x64", "64x128"],
    ["1x1", "64x64"],
    ["1x50000000", "1280x3840"],
    ["7000x100", "3840x1280"],
    ["640x64", "640x214"],
    ["1x10", "214x640"],
  ])("of %s is %s", (image, nearest) => {
    const [width = 0, height = 0] = image.split("x").map(Number);
    const size = nearestSize({ width, height });

    expect(toSizeText(size)).toBe(nearest);
    expect(parseSize(nearest)).toEqual(size);
  });

  test("of any image is allowed, and is the image's own size if that is allowed", () => {
    const random = seededRandom(7);
    for (let i = 0; i < 2000; i++) {
      const image = { width: random.whole(1, 9000), height: random.whole(1, 9000) };
      const nearest = nearestSize(image);
      expect(parseSize(toSizeText(nearest))).toEqual(nearest);
      expect(nearestSize(nearest)).toEqual(nearest);
    }
  });
});

describe("parseSize", () => {
  test.each([
    ["1024x1024", 1024, 1024],
    ["64x64", 64, 64],
    ["64x192", 64, 192],
    ["192x64", 192, 64],
    ["3840x3840", 3840, 3840],
    ["3840x1280", 3840, 1280],
    ["1280x3840", 1280, 3840],
    ["100x299", 100, 299],
    ["1281x3840", 1281, 3840],
  ])("reads %s", (text, width, height) => {
    expect(parseSize(text)).toEqual({ width, height });
    expect(toSizeText(parseSize(text))).toBe(text);
  });

  test.each([
    "",
    " ",
    "1024",
    "1024x",
    "x1024",
    "x",
    "1024x1024x1024",
    "1024 x 1024",
    " 1024x1024",
    "1024x1024 ",
    "1024x1024\n",
    "1024X1024",
    "1024×1024",
    "1024*1024",
    "１０２４x1024",
    "١٠٢٤x1024",
    "01024x1024",
    "+1024x1024",
    "-64x64",
    "-1024x-1024",
    "1024.0x1024",
    "1e3x1e3",
    "0x400x0x400",
    "0x0",
    "0x64",
    "63x64",
    "64x63",
    "63x63",
    "3841x3840",
    "3840x3841",
    "99999x99999",
    "99999999999999999999x64",
    "64x193",
    "193x64",
    "3840x1279",
    "1279x3840",
    "4000x100",
    "3840x64",
    "auto",
    "NaNxNaN",
    "undefinedxundefined",
  ])("refuses %j, naming size", (text) => {
    const refusal = errorOf(() => parseSize(text));
    expect(refusal).toBeInstanceOf(GatewayError);
    expect(refusal).toMatchObject({ code: "BAD_USER_INPUT", details: { field: "size" } });
    expect(refusal?.message).toMatch(/"\d+x\d+"/);
  });
});

describe("the size requested from a model", () => {
  test.each([
    ["256x256", "816x816"],
    ["512x512", "816x816"],
    ["1024x1024", "1024x1024"],
    ["1792x1024", "1792x1024"],
    ["1024x1792", "1024x1792"],
    ["1000x1000", "1008x1008"],
    ["1920x1080", "1920x1088"],
    ["3840x2160", "3840x2160"],
    ["2160x3840", "2160x3840"],
    ["2880x2880", "2880x2880"],
    ["3840x3840", "2880x2880"],
    ["3840x1280", "3840x1280"],
    ["1280x3840", "1280x3840"],
    ["64x192", "480x1408"],
    ["192x64", "1408x480"],
    ["64x64", "816x816"],
  ])("for %s is %s with OpenAI's current models", (wanted, made) => {
    expect(toSizeText(nearestModelSize(parseSize(wanted), TODAYS_OPENAI))).toBe(made);
  });

  test.each([
    ["256x256", "1024x1024"],
    ["1024x1024", "1024x1024"],
    ["1792x1024", "1536x1024"],
    ["1024x1792", "1024x1536"],
    ["1200x1000", "1536x1024"],
    ["1000x1200", "1024x1536"],
    ["3840x3840", "1024x1024"],
    ["3840x1280", "1536x1024"],
    ["64x192", "1024x1536"],
    ["192x64", "1536x1024"],
    ["1025x1025", "1024x1024"],
  ])("for %s is %s with a list of three", (wanted, made) => {
    expect(toSizeText(nearestModelSize(parseSize(wanted), THREE_SIZES))).toBe(made);
  });

  test("is the only one in a list of one", () => {
    const only: SizeRule = { kind: "list", sizes: [{ width: 512, height: 256 }] };
    for (const wanted of ["64x64", "64x192", "3840x3840"]) {
      expect(nearestModelSize(parseSize(wanted), only)).toEqual({ width: 512, height: 256 });
    }
  });

  test("is the smaller one in a list if the larger one crops no less", () => {
    const sizes = [2048, 512, 1024].map((side) => ({ width: side, height: side }));
    expect(nearestModelSize({ width: 300, height: 300 }, { kind: "list", sizes })).toEqual({ width: 512, height: 512 });
  });

  test("is exactly the client's size for the illustrator", () => {
    for (const wanted of randomSizes(seededRandom(1), 500)) {
      expect(nearestModelSize(wanted, ILLUSTRATOR)).toEqual(wanted);
    }
  });

  test.each([
    ["OpenAI's models of today", TODAYS_OPENAI],
    ["the illustrator", ILLUSTRATOR],
  ])("obeys the rule, and is large enough if any allowed size is, for %s", (_name, rule) => {
    for (const wanted of [...randomSizes(seededRandom(2), 3000), ...hardSizes()]) {
      expect({ wanted, problems: problemsOf(wanted, rule as Bounds) }).toEqual({ wanted, problems: [] });
    }
  });

  test("obeys the rule, and is large enough if any allowed size is, for random rules", () => {
    const random = seededRandom(3);
    for (let round = 0; round < 1000; round++) {
      const rule = randomRule(random);
      for (const wanted of [...randomSizes(random, 6), ...random.shuffled(hardSizes()).slice(0, 3)]) {
        const problems = problemsOf(wanted, rule);
        expect({ wanted, rule, problems }).toEqual({ wanted, rule, problems: [] });
      }
    }
  });

  test("is in the list, and is large enough if any listed size is, for random lists", () => {
    const random = seededRandom(4);
    for (let round = 0; round < 2000; round++) {
      const sizes = randomSizes(random, random.whole(1, 6));
      const [wanted] = randomSizes(random, 1) as [PixelSize];
      const made = nearestModelSize(wanted, { kind: "list", sizes });

      expect(sizes).toContainEqual(made);
      const covering = sizes.some((size) => isCovered(wanted, size));
      expect({ wanted, sizes, made, isCovered: isCovered(wanted, made) }).toEqual({
        wanted,
        sizes,
        made,
        isCovered: covering,
      });
    }
  });

  test("keeps the proportions: cropping never exceeds what rounding explains", () => {
    for (const wanted of randomSizes(seededRandom(5), 2000)) {
      const made = nearestModelSize(wanted, TODAYS_OPENAI);
      const scale = Math.max(wanted.width / made.width, wanted.height / made.height);
      const kept = (wanted.width * wanted.height) / (scale * scale) / (made.width * made.height);
      expect({ wanted, made, isMostlyKept: kept > 0.95 }).toEqual({ wanted, made, isMostlyKept: true });
    }
  });
});

function ruleOf(id: string): SizeRule {
  const rule = CATALOGUE.find((model) => model.id === id)?.sizes;
  if (!rule) throw new Error(`there is no model ${id}`);
  return rule;
}

function randomSizes(random: Random, count: number): PixelSize[] {
  const sizes: PixelSize[] = [];
  while (sizes.length < count) {
    const longest = random.pick([200, 1000, 3840]);
    const size = { width: random.whole(64, longest), height: random.whole(64, longest) };
    if (Math.max(size.width, size.height) <= 3 * Math.min(size.width, size.height)) sizes.push(size);
  }
  return sizes;
}

/**
 * The extremes of the allowed sizes, and proportions of exactly or nearly 3:1, which rounding pushes beyond the limit.
 */
function hardSizes(): PixelSize[] {
  const thin = [64, 65, 100, 333, 467, 575, 640, 853, 1000, 1111, 1279, 1280].flatMap((short) => [
    { width: short, height: 3 * short },
    { width: 3 * short, height: short },
    { width: short, height: 3 * short - 1 },
  ]);
  const square = [64, 815, 816, 817, 2879, 2880, 2881, 3840].map((side) => ({ width: side, height: side }));
  return [...thin, ...square, { width: 3840, height: 2160 }, { width: 3840, height: 2161 }];
}

/** Rules as vendors have them: limits are multiples of the step, and every proportion up to 3:1 is possible. */
function randomRule(random: Random): Bounds {
  const multipleOf = random.pick([1, 8, 16, 32, 64]);
  const minSide = 64 * random.whole(1, 8);
  const maxLongSide = random.pick([4, 5, 6]) * minSide + 64 * random.whole(0, 10);
  const minPixels = random.pick([minSide * minSide, 2 * minSide * minSide]);
  const maxPixels = random.pick([maxLongSide * maxLongSide, Math.round(0.6 * maxLongSide * maxLongSide)]);
  return { kind: "bounds", multipleOf, minSide, maxLongSide, minPixels, maxPixels };
}

function problemsOf(wanted: PixelSize, rule: Bounds): string[] {
  const made = nearestModelSize(wanted, rule);
  const problems = Object.entries({
    "is not allowed": !isAllowed(made, rule),
    "does not cover": !isCovered(wanted, made) && canBeCovered(wanted, rule),
  });
  return problems.filter(([, isSo]) => isSo).map(([problem]) => `${toSizeText(made)} ${problem}`);
}

function isAllowed({ width, height }: PixelSize, rule: Bounds): boolean {
  const [shorter, longer] = [Math.min(width, height), Math.max(width, height)];
  const pixels = width * height;
  return (
    width % rule.multipleOf === 0 &&
    height % rule.multipleOf === 0 &&
    shorter >= rule.minSide &&
    longer <= rule.maxLongSide &&
    longer <= 3 * shorter &&
    pixels >= rule.minPixels &&
    pixels <= rule.maxPixels
  );
}

/** Every width in the grid, and for each the useful heights: the lowest one that is large enough, and those above. */
function canBeCovered(wanted: PixelSize, rule: Bounds): boolean {
  const step = rule.multipleOf;
  const first = (side: number) => Math.ceil(Math.max(side, rule.minSide) / step) * step;
  for (let width = first(wanted.width); width <= rule.maxLongSide; width += step) {
    const least = Math.max(wanted.height, width / 3, rule.minPixels / width);
    if (isAllowed({ width, height: first(least) }, rule)) return true;
  }
  return false;
}

function errorOf(act: () => unknown): Error | undefined {
  try {
    act();
  } catch (error) {
    return error as Error;
  }
  return undefined;
}
