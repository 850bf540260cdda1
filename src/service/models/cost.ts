import type { ModelDescription, ModelPrice, TokenPrices, TokenUsage } from "../../ports/image-provider.ts";
import type { GenerationOutcome } from "../../ports/records.ts";

/** Decimals that are reckoned with: those of a price, and six more for the million that it may be for. */
const DECIMALS = 18;
const PRICE_DECIMALS = 12;
/** Decimals that are always shown; more only where they say something. */
const SHOWN_DECIMALS = 6;
const MILLION = 1_000_000n;

const AMOUNT = /^(?<whole>\d{1,9})(?:\.(?<fraction>\d{1,12}))?$/;

/** An exact amount, in units of 10^-18 US dollars. */
export type Amount = bigint;

/** What decides what a generation costs besides its outcome. */
export interface Ordered {
  readonly n: number;
  readonly startedAt?: Date;
  /** Set when images went in. */
  readonly edit?: unknown;
}

/**
 * What a generation cost: US dollars as an exact decimal string. The price is that of the day on which it went to the
 * provider.
 *
 * @returns `undefined` where any part of it is not known; what was surely not billed cost 0
 */
export function costOf(
  model: ModelDescription | undefined,
  { n, startedAt, edit }: Ordered,
  outcome: GenerationOutcome,
): string | undefined {
  if (outcome.status === "FAILED" && outcome.failure.billed === "NO") return toUsd(0n);
  const price = model && startedAt && priceAt(model, startedAt);
  if (!price) return undefined;
  // Of a call that broke off nobody knows how many images are charged for.
  const imageCount = outcome.status === "SUCCEEDED" ? n : undefined;
  const cost = sumKnown([
    price.perImage === undefined ? 0n : imagesAt(price.perImage, imageCount),
    price.perMillionTokens === undefined ? 0n : usageAt(price.perMillionTokens, outcome.usage, edit !== undefined),
  ]);
  return cost === undefined ? undefined : toUsd(cost);
}

/** The price of that day; `undefined` when none is known. */
export function priceAt({ prices = [] }: ModelDescription, at: Date): ModelPrice | undefined {
  const day = at.toISOString().slice(0, 10);
  return prices
    .filter((price) => price.from <= day)
    .toSorted((a, b) => (a.from < b.from ? -1 : 1))
    .at(-1);
}

/** What so many images cost; `undefined` when their number is not known. */
export function imagesAt(perImage: string, imageCount: number | undefined): Amount | undefined {
  return imageCount === undefined ? undefined : toAmount(perImage) * BigInt(imageCount);
}

/** What so many tokens cost; `undefined` when there are some and their price is not known. */
export function tokensAt(perMillion: string | undefined, count: number): Amount | undefined {
  if (count === 0) return 0n;
  return perMillion === undefined ? undefined : (toAmount(perMillion) * BigInt(count)) / MILLION;
}

/** Where the parts are not told: a prompt alone is text, and what comes out of an image model is images. */
function usageAt(prices: TokenPrices, usage: TokenUsage | undefined, isEdit: boolean): Amount | undefined {
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
export function sumKnown(amounts: readonly (Amount | undefined)[]): Amount | undefined {
  let sum = 0n;
  for (const amount of amounts) {
    if (amount === undefined) return undefined;
    sum += amount;
  }
  return sum;
}

/** Whether it is an amount in US dollars: a decimal that is not negative, with at most twelve decimals. */
export function isUsd(text: string): boolean {
  return AMOUNT.test(text);
}

/** @param usd as {@link isUsd} accepts it */
export function toAmount(usd: string): Amount {
  const { whole, fraction = "" } = AMOUNT.exec(usd)?.groups ?? {};
  if (whole === undefined) throw new RangeError(`not an amount in US dollars: ${usd}`);
  return BigInt(whole + fraction.padEnd(PRICE_DECIMALS, "0")) * 10n ** BigInt(DECIMALS - PRICE_DECIMALS);
}

/** `0.042113`: no digit is rounded away, and at least six decimals stand. */
export function toUsd(amount: Amount): string {
  const digits = String(amount).padStart(DECIMALS + 1, "0");
  const fraction = digits.slice(-DECIMALS).replace(/0+$/, "").padEnd(SHOWN_DECIMALS, "0");
  return `${digits.slice(0, -DECIMALS)}.${fraction}`;
}
