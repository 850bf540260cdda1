import { expect, test } from "@jest/globals";
import { CATALOGUE, describeModel, describeModels } from "../../../src/adapters/openai/catalogue.ts";
import type { ModelDescription } from "../../../src/ports/image-provider.ts";
import { readModelNames } from "../../support/clients/openai-model-names.ts";

const TODAY = "2026-11-22";
const models = new Map(CATALOGUE.map((model) => [model.id, model]));

test("every name belongs to only one model", () => {
  expect(models.size).toBe(CATALOGUE.length);
});

test("every replaced model leads to one without an announced end", () => {
  for (const { id, shutdownDate, replacement = "" } of CATALOGUE) {
    expect(replacement).not.toBe(id);
    expect(models.get(replacement)).toMatchObject({ id: replacement });
    expect(models.get(replacement)?.shutdownDate).toBeUndefined();
    if (shutdownDate) expect(shutdownDate).toMatch(/^\d{4}-\d\d-\d\d$/);
  }
});

test("these models are available today", () => {
  const living = CATALOGUE.filter(({ shutdownDate }) => !shutdownDate || shutdownDate > TODAY);
  expect(living.map((model) => model.id).sort()).toEqual([
    "chatgpt-image-latest",
    "gpt-image-1-mini",
    "gpt-image-1.5",
    "gpt-image-2",
    "gpt-image-2.5-flare",
    "gpt-image-2.5-sunburst",
    "gpt-image-2.6-flare",
    "gpt-image-2.6-sunburst",
  ]);
});

test.each(CATALOGUE.map((model) => [model.id, model] as const))(
  "%s offers the qualities xhigh and max only from 2.5 on",
  (id, model) => {
    const isFrom25 = /^gpt-image-2\.[56]/.test(id);
    expect(model.qualities.includes("XHIGH")).toBe(isFrom25);
    expect(model.qualities.includes("MAX")).toBe(isFrom25);
  },
);

test("unknown names get the rules of gpt-image-2 without its price, one description each; known names keep theirs", () => {
  const described = describeModels(["flux-local", "gpt-image-1.5", "flux-local"]);
  expect(described).toHaveLength(describeModels([]).length + 1);
  const known = models.get("gpt-image-2") ?? {};
  const {
    prices: _p,
    priceClass: _c,
    outputTokens: _t,
    inputTokens: _i,
    replacement: _r,
    ...abilities
  } = known as ModelDescription;
  expect(described.at(-1)).toEqual({ ...abilities, id: "flux-local" });
});

test("every price has a date, a source and a decimal amount in US dollars", () => {
  const prices = CATALOGUE.flatMap((model) => model.prices ?? []);
  expect(prices).toHaveLength(9);
  for (const { from, source, perMillionTokens = {} } of prices) {
    expect(from).toMatch(/^20\d\d-\d\d-\d\d$/);
    expect(source).toMatch(/^https:\/\/developers\.openai\.com\//);
    for (const amount of Object.values(perMillionTokens)) expect(amount).toMatch(/^\d+(\.\d+)?$/);
  }
});

test.each(["gpt-image-2", "gpt-image-2.5-flare", "gpt-image-2.5-sunburst", "gpt-image-2.6-flare"])(
  "%s costs 5, 8 and 30 dollars per million tokens of text input, image input and image output",
  (id) => {
    expect(models.get(id)?.prices).toEqual([
      expect.objectContaining({
        perMillionTokens: expect.objectContaining({ textInput: "5", imageInput: "8", imageOutput: "30" }),
      }),
    ]);
  },
);

test("only models that shut down without another choice have a replacement in another price class", () => {
  const decided = CATALOGUE.filter(({ mayChangePriceClass }) => mayChangePriceClass);
  const changing = CATALOGUE.filter(({ priceClass, replacement = "" }) => {
    return models.get(replacement)?.priceClass !== priceClass;
  });
  expect(changing).toEqual(decided);
  expect(decided.map(({ id }) => id).sort()).toEqual(["dall-e-2", "dall-e-3", "gpt-image-1-mini"]);
  for (const { shutdownDate } of decided) expect(shutdownDate).toBeDefined();
});

test("today's models accept up to 16 images and a mask for edits, and up to 3 previews of a single image", () => {
  for (const model of CATALOGUE.filter(({ id }) => !id.startsWith("dall-e"))) {
    expect(model.operations).toEqual(["GENERATE", "EDIT"]);
    expect(model.edits).toMatchObject({ maxInputImages: 16, hasMask: true });
    expect(model.previews).toEqual({ maxPartialImages: 3, maxImages: 1 });
  }
});

test("every name in the pinned client's ImageModel is described", async () => {
  const names = await readModelNames();
  const described = describeModels([]).map(({ id }) => id);

  expect(names).toContain("gpt-image-2-2026-04-21");
  expect(described).toEqual(expect.arrayContaining(names));
  expect(new Set(described).size).toBe(described.length);
});

test.each([
  ["gpt-image-2-2026-04-21", "gpt-image-2"],
  ["gpt-image-1.5-2025-12-16", "gpt-image-1.5"],
  ["gpt-image-2.6-flare-2026-11-04", "gpt-image-2.6-flare"],
  ["gpt-image-1-2025-04-23", "gpt-image-1"],
])("%s is a dated name of %s", (id, family) => {
  expect(describeModel(id)).toEqual({ ...models.get(family), id, snapshotOf: family });
});

test.each(["gpt-image-3", "gpt-image-3-2027-01-01", "gpt-image-2.7-flare"])(
  "%s is newer than the catalogue: it gets the abilities of gpt-image-2, and no price",
  (id) => {
    const {
      prices: _p,
      priceClass: _c,
      outputTokens: _t,
      inputTokens: _i,
      replacement: _r,
      ...abilities
    } = models.get("gpt-image-2")!;
    expect(describeModel(id)).toEqual({ ...abilities, id, isAssumed: true });
  },
);

test.each([
  "gpt-5",
  "dall-e-4",
  "sora-2",
  "gpt-image-",
  "gpt-image-3 ",
  "gpt-image-3\n",
  `gpt-image-${"3".repeat(60)}`,
])("%j is not the name of an image model", (id) => {
  expect(describeModel(id)).toBeUndefined();
});
