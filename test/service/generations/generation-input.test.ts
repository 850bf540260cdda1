import { describe, expect, test } from "@jest/globals";
import type { GatewayError } from "../../../src/errors.ts";
import type { ModelDescription } from "../../../src/ports/image-provider.ts";
import { checkInput, type GenerationInput } from "../../../src/service/generations/generation-input.ts";
import { draftPlan, planGeneration } from "../../../src/service/generations/generation-plan.ts";
import type { Attempt } from "../../../src/service/generations/retry-deduplicator.ts";
import { ModelCatalogue } from "../../../src/service/models/model-catalogue.ts";
import { SCRIPTED_MODEL, ScriptedProvider } from "../../support/gateways/scripted-provider.ts";

const MODELS: readonly ModelDescription[] = [
  SCRIPTED_MODEL,
  {
    ...SCRIPTED_MODEL,
    id: "all",
    operations: ["GENERATE", "EDIT"],
    qualities: ["AUTO", "LOW", "MEDIUM", "HIGH", "XHIGH", "MAX"],
    hasSeed: true,
  },
  {
    ...SCRIPTED_MODEL,
    id: "plain",
    maxImages: 1,
    qualities: ["AUTO"],
    formats: ["PNG"],
    backgrounds: ["AUTO", "OPAQUE"],
    maxPromptLength: 1000,
    moderated: [],
  },
  { ...SCRIPTED_MODEL, id: "retired", shutdownDate: "2026-05-12", replacement: "scripted-1" },
];
const CATALOGUE = new ModelCatalogue(
  [new ScriptedProvider(MODELS)],
  "scripted-1",
  () => new Date("2026-11-22T00:00:00Z"),
);

function plan(input: Partial<GenerationInput>) {
  return planGeneration(checkInput({ prompt: "a fox", ...input }), CATALOGUE);
}

function refusalOf(input: Partial<GenerationInput>): GatewayError | undefined {
  try {
    plan(input);
  } catch (error) {
    return error as GatewayError;
  }
  return undefined;
}

function attemptOf(client: string): Attempt {
  return { isRepetition: false, client, isAnswered: Promise.resolve(true) };
}

function warningCodes(input: Partial<GenerationInput>): string[] {
  return plan(input).warnings.map(({ code }) => code);
}

describe("an input", () => {
  test("with only a prompt gets every default", () => {
    const { inputHash, model, ...rest } = plan({});

    expect(model.description.id).toBe("scripted-1");
    expect(inputHash).toMatch(/^[0-9a-f]{64}$/);
    expect(rest).toEqual({
      prompt: "a fox",
      n: 1,
      requestedSize: { width: 1024, height: 1024 },
      modelSize: { width: 1024, height: 1024 },
      quality: "AUTO",
      format: "PNG",
      background: "AUTO",
      seed: undefined,
      compression: undefined,
      moderation: undefined,
      safetyIdentifier: undefined,
      idempotencyKey: undefined,
      attempt: undefined,
      warnings: [],
    });
  });

  test("is carried out as requested if the model can do so", () => {
    const input = { model: "all", n: 10, size: "3840x2160", quality: "MAX", format: "WEBP", background: "TRANSPARENT" };
    const { model, ...rest } = plan({ ...input, seed: 0, idempotencyKey: "k" });

    expect(model.description.id).toBe("all");
    expect(rest).toMatchObject({
      n: 10,
      requestedSize: { width: 3840, height: 2160 },
      quality: "MAX",
      format: "WEBP",
      background: "TRANSPARENT",
      seed: 0,
      idempotencyKey: "k",
      warnings: [],
    });
  });

  test.each([
    ["one character", 1],
    ["32,000 characters", 32_000],
  ])("may have a prompt of %s", (_what, length) => {
    expect(plan({ prompt: "x".repeat(length) }).prompt).toHaveLength(length);
  });

  test("counts its prompt in characters, not in code units", () => {
    expect(plan({ prompt: "🖼".repeat(32_000) }).prompt).toHaveLength(64_000);
    expect(refusalOf({ prompt: "🖼".repeat(32_001) })).toMatchObject({ details: { field: "prompt" } });
  });

  test("keeps its prompt unchanged", () => {
    expect(plan({ prompt: "  a fox\r\n " }).prompt).toBe("  a fox\r\n ");
  });

  test.each<[string, string, Partial<GenerationInput>]>([
    ["prompt", "is empty", { prompt: "" }],
    ["prompt", "is blank", { prompt: " \n\t\u3000" }],
    ["prompt", "is too long", { prompt: "x".repeat(32_001) }],
    ["prompt", "is far too long", { prompt: "x".repeat(1_000_000) }],
    ["prompt", "holds half a character", { prompt: "a \ud83d" }],
    ["prompt", "holds NUL", { prompt: "a\0b" }],
    ["prompt", "is longer than the model takes", { prompt: "x".repeat(1001), model: "plain" }],
    ["n", "is 0", { n: 0 }],
    ["n", "is negative", { n: -1 }],
    ["n", "is 11", { n: 11 }],
    ["n", "is no whole number", { n: 2.5 }],
    ["n", "is no number", { n: Number.NaN }],
    ["n", "is endless", { n: Number.POSITIVE_INFINITY }],
    ["n", "is more than the model makes", { n: 2, model: "plain" }],
    ["size", "is malformed", { size: "1024" }],
    ["size", "is empty", { size: "" }],
    ["size", "is too small", { size: "63x64" }],
    ["quality", "is unknown", { quality: "best" }],
    ["quality", "is empty", { quality: "" }],
    ["format", "is unknown", { format: "GIF" }],
    ["background", "is unknown", { background: "red" }],
    ["background", "is transparent in a JPEG", { background: "TRANSPARENT", format: "JPEG" }],
    ["background", "is none of the model's", { background: "TRANSPARENT", model: "plain" }],
    ["seed", "is negative", { seed: -1 }],
    ["seed", "is too large", { seed: 2_147_483_648 }],
    ["seed", "is no whole number", { seed: 0.5 }],
    ["compression", "is negative", { compression: -1, format: "JPEG" }],
    ["compression", "is above 100", { compression: 101, format: "WEBP" }],
    ["compression", "is of a PNG, which is lossless", { compression: 99 }],
    ["moderation", "is unknown", { moderation: "none" }],
    ["safetyIdentifier", "is empty", { safetyIdentifier: "" }],
    ["safetyIdentifier", "is too long", { safetyIdentifier: "x".repeat(65) }],
    ["safetyIdentifier", "holds NUL", { safetyIdentifier: "a\0" }],
    ["idempotencyKey", "is empty", { idempotencyKey: "" }],
    ["idempotencyKey", "is too long", { idempotencyKey: "k".repeat(256) }],
    ["idempotencyKey", "is not ASCII", { idempotencyKey: "ключ" }],
    ["idempotencyKey", "has a line break", { idempotencyKey: "a\nb" }],
  ])("is refused if its %s %s", (field, _what, input) => {
    const refusal = refusalOf(input);

    expect(refusal).toMatchObject({ code: "BAD_USER_INPUT", details: { field } });
    expect(refusal?.message).toContain(field === "background" ? "" : field);
  });

  test("is refused if its model is unknown", () => {
    expect(refusalOf({ model: "nowhere" })).toMatchObject({ code: "MODEL_UNAVAILABLE", details: { field: "model" } });
  });

  test("is refused without repeating its prompt in the error", () => {
    expect(refusalOf({ prompt: `marked ${"x".repeat(32_001)}` })?.message).not.toContain("marked");
  });

  test.each(["k", "k".repeat(255), "two words", "!~", "order-17/a:b"])("may have the idempotency key %j", (key) => {
    expect(plan({ idempotencyKey: key }).idempotencyKey).toBe(key);
  });
});

describe("a warning reports every deviation from the request:", () => {
  test.each([
    ["standard", "scripted-1", "MEDIUM"],
    ["hd", "scripted-1", "HIGH"],
    ["HD", "all", "HIGH"],
    ["hd", "plain", "AUTO"],
    ["XHIGH", "scripted-1", "HIGH"],
    ["MAX", "scripted-1", "HIGH"],
    ["max", "scripted-1", "HIGH"],
    ["LOW", "plain", "AUTO"],
    ["MAX", "plain", "AUTO"],
  ])("quality %s of %s becomes %s", (asked, model, quality) => {
    const planned = plan({ quality: asked, model });

    expect(planned.quality).toBe(quality);
    expect(planned.warnings.map(({ code }) => code)).toEqual(["QUALITY_REPLACED"]);
    expect(planned.warnings[0]?.message).toMatch(new RegExp(`no quality ${asked}; ${quality} `, "i"));
  });

  test.each([
    ["AUTO", "plain"],
    ["auto", "scripted-1"],
    ["low", "scripted-1"],
    ["HIGH", "scripted-1"],
    ["XHIGH", "all"],
    ["MAX", "all"],
  ])("quality %s of %s does not change", (asked, model) => {
    expect(plan({ quality: asked, model })).toMatchObject({ quality: asked.toUpperCase(), warnings: [] });
  });

  test("any style", () => {
    expect(warningCodes({ style: "vivid" })).toEqual(["STYLE_IGNORED"]);
    expect(warningCodes({ style: "" })).toEqual(["STYLE_IGNORED"]);
  });

  test("a seed if the model has none", () => {
    expect(plan({ seed: 5 })).toMatchObject({ seed: undefined, warnings: [{ code: "SEED_IGNORED" }] });
    expect(plan({ seed: 0 })).toMatchObject({ seed: undefined, warnings: [{ code: "SEED_IGNORED" }] });
    expect(plan({ seed: 5, model: "all" })).toMatchObject({ seed: 5, warnings: [] });
  });

  test("moderation if it cannot be set", () => {
    const warnings = [{ code: "MODERATION_IGNORED" }];
    const input = { prompt: "a fox", moderation: "low" };

    expect(plan({ moderation: "low" })).toMatchObject({ moderation: "LOW", warnings: [] });
    expect(plan({ moderation: "low", model: "plain" })).toMatchObject({ moderation: undefined, warnings });
    expect(plan({ moderation: "auto", model: "plain" })).toMatchObject({ moderation: undefined, warnings: [] });
    expect(draftPlan(checkInput({ ...input, model: "all" }), CATALOGUE, "EDIT")).toMatchObject({
      moderation: undefined,
      warnings,
    });
  });

  test("a retired model", () => {
    const planned = plan({ model: "retired" });

    expect(planned.model.description.id).toBe("scripted-1");
    expect(planned.warnings.map(({ code }) => code)).toEqual(["MODEL_REPLACED"]);
  });

  test("a size larger than the model's sizes", () => {
    const planned = plan({ size: "3840x3840" });

    expect(planned).toMatchObject({
      requestedSize: { width: 3840, height: 3840 },
      modelSize: { width: 2880, height: 2880 },
      warnings: [{ code: "ENLARGED", message: expect.stringMatching(/2880x2880.*3840x3840/) }],
    });
    expect(warningCodes({ size: "2880x2880" })).toEqual([]);
    expect(warningCodes({ size: "64x192" })).toEqual([]);
  });

  test("several deviations in one list", () => {
    expect(warningCodes({ model: "retired", quality: "hd", style: "natural", seed: 1, size: "3840x3840" })).toEqual([
      "MODEL_REPLACED",
      "QUALITY_REPLACED",
      "SEED_IGNORED",
      "STYLE_IGNORED",
      "ENLARGED",
    ]);
  });
});

describe("the hash of an input", () => {
  const hashOf = (input: Partial<GenerationInput>) => plan({ model: "all", ...input }).inputHash;
  const base = hashOf({});

  test.each<[string, Partial<GenerationInput>]>([
    ["a default written out", { n: 1, size: "1024x1024", quality: "AUTO", format: "PNG", background: "AUTO" }],
    ["an idempotency key", { idempotencyKey: "k" }],
    ["a safety identifier", { safetyIdentifier: "a" }],
    ["usual moderation, and all of a PNG", { moderation: "auto", compression: 100 }],
    ["a word in lower case", { quality: "auto", format: "png", background: "auto" }],
    ["a client that gives a key", { idempotencyKey: "k", attempt: attemptOf("a client") }],
  ])("is the same with %s", (_what, input) => {
    expect(hashOf(input)).toBe(base);
  });

  test("differs for every field that decides what is made", () => {
    const others: readonly Partial<GenerationInput>[] = [
      { prompt: "a fox " },
      { prompt: "A fox" },
      { n: 2 },
      { size: "1024x1025" },
      { size: "1025x1024" },
      { model: "scripted-1" },
      { model: undefined },
      { quality: "LOW" },
      { quality: "HIGH" },
      { format: "WEBP" },
      { background: "OPAQUE" },
      { seed: 0 },
      { seed: 1 },
      { moderation: "LOW" },
      { format: "JPEG" },
      { format: "JPEG", compression: 100 },
      { format: "JPEG", compression: 0 },
      { attempt: attemptOf("") },
      { attempt: attemptOf("a client") },
    ];
    const hashes = [base, ...others.map(hashOf)];

    expect(new Set(hashes).size).toBe(hashes.length);
  });

  test("cannot be forged by moving text from one field to the next", () => {
    expect(hashOf({ prompt: 'a","n":2' })).not.toBe(hashOf({ prompt: "a", n: 2 }));
  });
});
