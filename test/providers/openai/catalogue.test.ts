import { expect, test } from "@jest/globals";
import { CATALOGUE, describeModels } from "../../../src/providers/openai/catalogue.ts";

const TODAY = "2026-11-22";
const models = new Map(CATALOGUE.map((model) => [model.id, model]));

test("every name stands for one model", () => {
  expect(models.size).toBe(CATALOGUE.length);
});

test("every model that ends leads to one whose end is not announced", () => {
  for (const { shutdownDate, replacement } of CATALOGUE) {
    expect(replacement === undefined).toBe(shutdownDate === undefined);
    if (replacement) expect(models.get(replacement)).toMatchObject({ id: replacement });
    if (replacement) expect(models.get(replacement)?.shutdownDate).toBeUndefined();
    if (shutdownDate) expect(shutdownDate).toMatch(/^\d{4}-\d\d-\d\d$/);
  }
});

test("these models live today", () => {
  const living = CATALOGUE.filter(({ shutdownDate }) => !shutdownDate || shutdownDate > TODAY);
  expect(living.map((model) => model.id).sort()).toEqual([
    "gpt-image-1-mini",
    "gpt-image-1.5",
    "gpt-image-2",
    "gpt-image-2.5-flare",
    "gpt-image-2.5-sunburst",
    "gpt-image-2.6-flare",
    "gpt-image-2.6-sunburst",
  ]);
});

test.each(CATALOGUE.map((model) => [model.id, model] as const))("%s has xhigh and max only from 2.5", (id, model) => {
  const isFrom25 = /^gpt-image-2\.[56]/.test(id);
  expect(model.qualities.includes("XHIGH")).toBe(isFrom25);
  expect(model.qualities.includes("MAX")).toBe(isFrom25);
});

test("unknown names get the rules of gpt-image-2, once each, and known ones keep theirs", () => {
  const described = describeModels(["flux-local", "gpt-image-1.5", "flux-local"]);
  expect(described).toHaveLength(CATALOGUE.length + 1);
  expect(described.at(-1)).toEqual({ ...models.get("gpt-image-2"), id: "flux-local" });
});
