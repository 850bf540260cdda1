import type { ModelDescription, ModelPrice, OutputTokens, PixelSize, Quality } from "../../ports/image-provider.ts";
import { toUsd } from "../../ports/projects/money.ts";
import type { GenerationOrder, Warning } from "../../ports/records.ts";
import { nearestModelSize, toSizeText } from "../images/sizes.ts";
import { type ExactUsd, imagesAt, priceAt, roundUp, sumKnown, tokensAt } from "./cost.ts";

/** The basis of a quote; `UNKNOWN` if the cost cannot be computed. */
export const QUOTE_BASES = ["TOKENS", "IMAGES", "UNKNOWN"] as const;
export type QuoteBasis = (typeof QUOTE_BASES)[number];

/** An estimate of a generation's cost, made before anything is spent. */
export interface Quote {
  readonly model: ModelDescription;
  readonly n: number;
  /** The size that the gateway would request from the model, in pixels. */
  readonly modelSize: PixelSize;
  /** US dollars as exact decimal strings; `undefined` when it is not known. */
  readonly cost: { readonly min: string; readonly max: string } | undefined;
  readonly basis: QuoteBasis;
  /** A text for people: how the cost was computed, or why it is not known. */
  readonly explanation: string;
  /** Where the prices and the numbers of tokens are published. */
  readonly sources: readonly string[];
  readonly warnings: readonly Warning[];
}

/** The parts of an order that affect its cost. */
interface Asked extends Pick<GenerationOrder, "prompt" | "n" | "modelSize" | "quality" | "partialImages"> {
  /** Only how many images there are. */
  readonly edit?: { readonly images: readonly unknown[]; readonly mask?: unknown } | undefined;
}

/** The parts of a plan that a quote is computed from. */
export interface QuotedPlan extends Asked {
  readonly model: { readonly description: ModelDescription };
  readonly warnings: readonly Warning[];
}

/** The result of a computation: the least and the greatest cost, or the reason why the cost is not known. */
type Reckoning =
  | { readonly min: ExactUsd; readonly max: ExactUsd; readonly basis: QuoteBasis; readonly explanation: string }
  | { readonly unknown: string };

/** The most bytes of UTF-8 that a token has on average, in any language. Every token has at least one byte. */
const MAX_BYTES_PER_TOKEN = 8;

/** Quotes a plan. @param at the day whose prices count */
export function quoteOf(plan: QuotedPlan, at: Date): Quote {
  const { n, modelSize, warnings } = plan;
  const model = plan.model.description;
  const price = priceAt(model, at);
  const reckoning = reckon(plan, model, price);
  const { perMillionTokens } = price ?? {};
  const sources = [price?.source, ...(perMillionTokens ? [model.outputTokens?.source, model.inputTokens?.source] : [])];
  const about = {
    model,
    n,
    modelSize,
    sources: [...new Set(sources.filter((source) => source !== undefined))],
    warnings,
  };
  if ("unknown" in reckoning) return { ...about, cost: undefined, basis: "UNKNOWN", explanation: reckoning.unknown };
  const { min, max, basis, explanation } = reckoning;
  return { ...about, cost: { min: toUsd(roundUp(min)), max: toUsd(roundUp(max)) }, basis, explanation };
}

/**
 * The highest possible cost of a generation, whichever of these models runs it.
 * @param prices the prices, by model name
 * @returns US dollars as an exact decimal string; `undefined` if the cost has no known bound
 */
export function maxCostOf(
  order: Omit<Asked, "modelSize"> & Pick<GenerationOrder, "requestedSize">,
  models: readonly ModelDescription[],
  prices: Readonly<Record<string, ModelPrice | undefined>>,
): string | undefined {
  const reckonings = models.map((model) => {
    const modelSize = nearestModelSize(order.requestedSize, model.sizes);
    return reckon({ ...order, modelSize }, model, prices[model.id]);
  });
  let most = 0n;
  for (const reckoning of reckonings) {
    if ("unknown" in reckoning) return undefined;
    if (reckoning.max > most) most = reckoning.max;
  }
  return toUsd(roundUp(most));
}

function reckon(asked: Asked, model: ModelDescription, price: ModelPrice | undefined): Reckoning {
  const { prompt, n, modelSize, quality, partialImages = 0, edit } = asked;
  const { id, outputTokens, inputTokens } = model;
  if (!price) return { unknown: `no price of ${id} is known` };
  const { perImage, perMillionTokens } = price;
  const images = perImage === undefined ? 0n : imagesAt(perImage, n);
  if (!perMillionTokens)
    return { min: images, max: images, basis: "IMAGES", explanation: `${n} × ${perImage} dollars` };

  const counts = outputTokens && countTokens(outputTokens, quality, modelSize);
  if (!counts) return { unknown: `how many tokens ${id} takes for an image of this size and quality is not published` };
  const sourceCount = edit ? edit.images.length + (edit.mask ? 1 : 0) : 0;
  const perSource = inputTokens?.perImage;
  if (sourceCount > 0 && !perSource)
    return { unknown: `how many tokens ${id} takes for an image to edit is not known` };
  const { textTokens = 0, imageTokens = 0 } = perSource ?? {};
  const bytes = Buffer.byteLength(prompt);
  const mostText = bytes + (inputTokens?.textPerCall ?? 0) + sourceCount * textTokens;
  const previews = outputTokens.perPartialImage * partialImages;
  const { textInput, imageInput, imageOutput } = perMillionTokens;
  const min = sumKnown([
    images,
    tokensAt(textInput, Math.ceil(bytes / MAX_BYTES_PER_TOKEN)),
    tokensAt(imageOutput, n * counts.min),
  ]);
  // Vendors may split a call for several images into several calls, and bill the input of each.
  const max = sumKnown([
    images,
    tokensAt(textInput, n * mostText),
    tokensAt(imageInput, n * sourceCount * imageTokens),
    tokensAt(imageOutput, n * (counts.max + previews)),
  ]);
  if (min === undefined || max === undefined) return { unknown: `not every price of ${id} is known` };
  const each = counts.min === counts.max ? `${counts.min}` : `${counts.min} to ${counts.max}`;
  const input =
    sourceCount > 0 ? `, at most ${sourceCount} × ${imageTokens + textTokens} input tokens of the files` : "";
  const explanation = `${n} × ${each} output tokens for ${toSizeText(modelSize)}${input}, and 1 token for 1 to 8 bytes of prompt`;
  return { min, max, basis: "TOKENS", explanation };
}

/** The least and the most output tokens of one image. With quality `AUTO`, the model may choose any quality. */
function countTokens(
  { perImage: rule }: OutputTokens,
  quality: Quality,
  { width, height }: PixelSize,
): { readonly min: number; readonly max: number } | undefined {
  const rows = Object.entries(rule.kind === "list" ? rule.counts : rule.factors);
  const counts = rows
    .filter(([name]) => quality === "AUTO" || quality === name)
    .map(([, row]) => {
      if (typeof row !== "number") return row[toSizeText({ width, height })];
      if (rule.kind === "list") return undefined;
      const shorter = Math.round((row * Math.min(width, height)) / Math.max(width, height));
      return Math.ceil((row * shorter * (rule.offsetPixels + width * height)) / rule.scale);
    })
    .filter((count) => count !== undefined);
  return counts.length > 0 ? { min: Math.min(...counts), max: Math.max(...counts) } : undefined;
}
