import type { ModelDescription, ModelPrice, TokenPrices, TokenUsage } from "../../ports/image-provider.ts";
import { type Amount, toAmount, toUsd } from "../../ports/projects/money.ts";
import type { Cost, Generation, GenerationOutcome } from "../../ports/records.ts";

/** US dollars in units of 10^-18, so that the price of one token out of a million is still exact. */
export type ExactUsd = bigint;

const MILLION = 1_000_000n;
const FREE: Cost = { usd: toUsd(0n), isEstimated: false };

/** The facts about an order that affect its cost. */
export interface Ordered {
  readonly n: number;
  /** Set when the order is an edit. */
  readonly edit?: unknown;
}

/**
 * The cost of a generation, at the price that was valid when it was accepted. A generation that was certainly not
 * billed costs nothing. A call that was billed and broke off costs the tokens that it used. With a price per image, the
 * cost is then an estimate, as if all images had been made.
 *
 * @returns `undefined` when a part of the cost is not known, or when it is not known whether a price per image was
 *   billed
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

/** The model's price on the UTC day of `at`; `undefined` when none is known. */
export function priceAt({ prices = [] }: ModelDescription, at: Date): ModelPrice | undefined {
  const day = at.toISOString().slice(0, 10);
  let latest: ModelPrice | undefined;
  for (const price of prices) {
    if (price.from <= day && (!latest || price.from >= latest.from)) latest = price;
  }
  return latest;
}

/**
 * The price at which a generation was accepted. Older versions did not record it; then the price of that day counts.
 */
export function priceOf(
  { prices, createdAt }: Pick<Generation, "prices" | "createdAt">,
  model: ModelDescription,
): ModelPrice | undefined {
  return prices ? prices[model.id] : priceAt(model, createdAt);
}

/** Whether the price is known to be zero. */
export function isFree(price: ModelPrice | undefined): boolean {
  if (!price) return false;
  const { perImage = "0", perMillionTokens } = price;
  return perMillionTokens === undefined && toAmount(perImage) === 0n;
}

export function imagesAt(perImage: string, imageCount: number): ExactUsd {
  return toAmount(perImage) * MILLION * BigInt(imageCount);
}

/** The cost of `count` tokens; `undefined` when `count` is not 0 and the price is not known. */
export function tokensAt(perMillion: string | undefined, count: number): ExactUsd | undefined {
  if (count === 0) return 0n;
  return perMillion === undefined ? undefined : toAmount(perMillion) * BigInt(count);
}

/**
 * The cost of the used tokens. Without details, the input of a generation counts as text, and all output as images. The
 * input of an edit without details has no known cost.
 */
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

/** The sum of the amounts; `undefined` when one of them is not known. */
export function sumKnown(amounts: readonly (ExactUsd | undefined)[]): ExactUsd | undefined {
  let sum = 0n;
  for (const amount of amounts) {
    if (amount === undefined) return undefined;
    sum += amount;
  }
  return sum;
}

/** Rounds up to a whole {@link Amount}, so that the result is never less than the exact cost. */
export function roundUp(exact: ExactUsd): Amount {
  return (exact + MILLION - 1n) / MILLION;
}
