import { describe, expect, test } from "@jest/globals";
import { createIllustrator } from "../../../src/adapters/illustrator.ts";
import { createOpenAI } from "../../../src/adapters/openai/openai.ts";
import type { Billed } from "../../../src/errors.ts";
import type { ModelDescription, ModelPrice, TokenUsage } from "../../../src/ports/image-provider.ts";
import { isUsd, toAmount, toUsd } from "../../../src/ports/projects/money.ts";
import { checkInput } from "../../../src/service/generations/generation-input.ts";
import { planGeneration } from "../../../src/service/generations/generation-plan.ts";
import { costOf, priceAt } from "../../../src/service/models/cost.ts";
import { ModelCatalogue } from "../../../src/service/models/model-catalogue.ts";
import { quoteOf } from "../../../src/service/models/quote.ts";
import { SCRIPTED_MODEL } from "../../support/gateways/scripted-provider.ts";
import vectors from "../../vectors/cost.json" with { type: "json" };

interface CostVector {
  readonly name: string;
  readonly model?: string;
  readonly price?: Omit<ModelPrice, "from" | "source">;
  readonly on: string;
  readonly n: number;
  readonly edit?: boolean;
  readonly usage: TokenUsage | null;
  readonly status: string;
  readonly billed?: Billed;
  readonly cost: string | null;
  /** @defaultValue false */
  readonly isEstimated?: boolean;
}

const TODAY = new Date("2026-11-24T12:00:00Z");
const PROVIDERS = [
  createOpenAI({ apiKey: "sk-none", timeoutMs: 1000 }),
  createIllustrator({ decode: () => Promise.reject(new Error("nothing is edited")) }),
];
const CATALOGUE = new ModelCatalogue(PROVIDERS, "illustrator-1", () => TODAY);

function modelOf({ model, price }: CostVector): ModelDescription | undefined {
  if (model !== undefined) return CATALOGUE.find(model)?.description;
  return { ...SCRIPTED_MODEL, prices: [{ from: "2026-01-01", source: "a test", ...price }] };
}

describe("the published test vector of a cost", () => {
  test.each((vectors.costs as readonly CostVector[]).map((vector) => [vector.name, vector] as const))(
    "%s",
    (_name, vector) => {
      const { n, on, edit, usage, status, billed = "UNKNOWN", cost, isEstimated = false } = vector;
      const model = modelOf(vector);
      const price = model && priceAt(model, new Date(`${on}T23:59:59.999Z`));
      const failure = { code: "UPSTREAM_FAILED", message: "", retryable: false, billed } as const;
      const end = status === "SUCCEEDED" ? ({ status } as const) : ({ status: "FAILED", failure } as const);
      const outcome = { ...end, ...(usage && { usage }) };
      expect(costOf(price, { n, edit }, outcome) ?? null).toEqual(cost === null ? null : { usd: cost, isEstimated });
    },
  );
});

describe("the published test vector of a quote", () => {
  test.each(vectors.quotes.map((vector) => [vector.name, vector] as const))("%s", (_name, { input, min, max }) => {
    const { cost } = quoteOf(planGeneration(checkInput(input), CATALOGUE), TODAY);
    expect([cost?.min ?? null, cost?.max ?? null]).toEqual([min, max]);
  });
});

test("a quote says what is unknown", () => {
  const quote = quoteOf(planGeneration(checkInput({ prompt: "a fox", model: "gpt-image-1-mini" }), CATALOGUE), TODAY);
  expect(quote).toMatchObject({ cost: undefined, basis: "UNKNOWN", explanation: expect.stringContaining("published") });
});

test("the price is that of the day in UTC, whatever the order of prices", () => {
  const price = (from: string, perImage: string): ModelPrice => ({ from, source: "a test", perImage });
  const model = {
    ...SCRIPTED_MODEL,
    prices: [price("2026-03-01", "2"), price("2026-01-01", "1"), price("2026-06-01", "3")],
  };
  const at = (time: string) => priceAt(model, new Date(time))?.perImage;
  expect(at("2025-12-31T23:59:59.999Z")).toBeUndefined();
  expect(at("2026-01-01T00:00:00.000Z")).toBe("1");
  expect(at("2026-02-28T23:59:59.999Z")).toBe("1");
  expect(at("2026-03-01T00:30:00.000+01:00")).toBe("1");
  expect(at("2026-03-01T00:00:00.000Z")).toBe("2");
  expect(at("2030-01-01T00:00:00.000Z")).toBe("3");
});

test("amounts keep every digit", () => {
  for (const text of ["0.000000", "0.000001", "0.042113", "1.000000", "123456789.123456789012", "0.100000000001"]) {
    expect(toUsd(toAmount(text))).toBe(text);
  }
  expect(toUsd(toAmount("7"))).toBe("7.000000");
});

test.each(["", "-1", "+1", "1.", ".5", "1e3", "1,5", "NaN", "0x10", " 1", "1 ", "1.1234567890123"])(
  "%j is not an amount",
  (text) => {
    expect(isUsd(text)).toBe(false);
    expect(() => toAmount(text)).toThrow(RangeError);
  },
);

test("an amount in a setting is below a billion dollars", () => {
  expect(isUsd("999999999.999999999999")).toBe(true);
  expect(isUsd("1000000000")).toBe(false);
});
