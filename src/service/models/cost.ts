import type { ModelDescription, ModelPrice, TokenPrices, TokenUsage } from "../../ports/image-provider.ts";
import { type Amount, toAmount, toUsd } from "../../ports/money.ts";
import type { Cost, GenerationOutcome } from "../../ports/records.ts";

/** US dollars as an integer of 10^-18: exact, however small the part of a price that is for a million. */
export type ExactUsd = bigint;

const MILLION = 1_000_000n;
const FREE: Cost = { usd: toUsd(0n), isEstimated: false };

/** What decides what a generation costs besides its price and its outcome. */
export interface Ordered {
  readonly n: number;
  /** Set when images went in. */
  readonly edit?: unknown;
}

/**
 * What a generation cost, by the price at which it was accepted. What was surely not billed cost nothing. A call that
 * was billed and broke off costs what its usage says; where the price is for each image, as if all had been made, as an
 * estimate.
 *
 * @returns `undefined` where any part of it is not known, or it may not have been billed
 */
export function costOf(
  price: ModelPrice | undefined,
  { n, edit }: Ordered,
  outcome: GenerationOutcome,
): Cost | undefined {
  const isBrokenOff = outcome.status === "FAILED";
  if (isBrokenOff && outcome.failure.billed === "NO") return FREE;
  if (!price) return undefined;
  const { perImage, perMillionTokens } = price;
  if (isBrokenOff && outcome.failure.billed === "UNKNOWN" && perImage !== undefined) return undefined;
  const cost = sumKnown([
    perImage === undefined ? 0n : imagesAt(perImage, n),
    perMillionTokens === undefined ? 0n : usageAt(perMillionTokens, outcome.usage, edit !== undefined),
  ]);
  if (cost === undefined) return undefined;
  return { usd: toUsd(roundUp(cost)), isEstimated: isBrokenOff && perImage !== undefined };
}

/** The price of that day; `undefined` when none is known. */
export function priceAt({ prices = [] }: ModelDescription, at: Date): ModelPrice | undefined {
  const day = at.toISOString().slice(0, 10);
  return prices
    .filter((price) => price.from <= day)
    .toSorted((a, b) => (a.from < b.from ? -1 : 1))
    .at(-1);
}

/** Whether it is known that nothing is ever charged. */
export function isFree(price: ModelPrice | undefined): boolean {
  if (!price) return false;
  const { perImage = "0", perMillionTokens } = price;
  return perMillionTokens === undefined && toAmount(perImage) === 0n;
}

export function imagesAt(perImage: string, imageCount: number): ExactUsd {
  return toAmount(perImage) * MILLION * BigInt(imageCount);
}

/** What so many tokens cost; `undefined` when there are some and their price is not known. */
export function tokensAt(perMillion: string | undefined, count: number): ExactUsd | undefined {
  if (count === 0) return 0n;
  return perMillion === undefined ? undefined : toAmount(perMillion) * BigInt(count);
}

/** Where the parts are not told: a prompt alone is text, and what comes out of an image model is images. */
function usageAt(prices: TokenPrices, usage: TokenUsage | undefined, isEdit: boolean): ExactUsd | undefined {
  if (!usage) return undefined;
  const { inputTokens, outputTokens, inputDetails, outputDetails } = usage;
  if (!inputDetails && isEdit) return undefined;
  const input = inputDetails ?? { textTokens: inputTokens, imageTokens: 0 };
  const output = outputDetails ?? { textTokens: 0, imageTokens: outputTokens };
  return sumKnown([
    tokensAt(prices.textInput, input.textTokens),
    tokensAt(prices.imageInput, input.imageTokens),
    tokensAt(prices.textOutput, output.textTokens),
    tokensAt(prices.imageOutput, output.imageTokens),
  ]);
}

/** `undefined` as soon as one is not known. */
export function sumKnown(amounts: readonly (ExactUsd | undefined)[]): ExactUsd | undefined {
  let sum = 0n;
  for (const amount of amounts) {
    if (amount === undefined) return undefined;
    sum += amount;
  }
  return sum;
}

/** What is charged is never less than what it cost. */
export function roundUp(exact: ExactUsd): Amount {
  return (exact + MILLION - 1n) / MILLION;
}
