import type { TokenDetails, TokenUsage } from "../../../ports/image-provider.ts";
import { toRecord } from "../../to-record.ts";

/**
 * The token usage that an answer reports, if it is consistent. A missing sum is computed from the others. `undefined`
 * when that is not possible, or when all counts are 0, which servers send that do not count.
 */
export function usageIn(document: unknown): TokenUsage | undefined {
  const usage = toRecord(toRecord(document).usage);
  const total = countIn(usage, "total_tokens");
  // The second names are those of text models. Some servers use them for all models.
  const input = countIn(usage, "input_tokens", "prompt_tokens");
  const output = countIn(usage, "output_tokens", "completion_tokens");
  const inputTokens = input ?? difference(total, output);
  // Every image takes some tokens, so a sum without output was not really counted.
  const outputTokens = output ?? (difference(total, input) || undefined);
  if (inputTokens === undefined || outputTokens === undefined) return undefined;
  const totalTokens = total ?? inputTokens + outputTokens;
  if (totalTokens === 0) return undefined;
  const inputDetails = toDetails(usage.input_tokens_details, inputTokens);
  const outputDetails = toDetails(usage.output_tokens_details, outputTokens);
  return {
    inputTokens,
    outputTokens,
    totalTokens,
    ...(inputDetails && { inputDetails }),
    ...(outputDetails && { outputDetails }),
  };
}

function countIn(usage: Readonly<Record<string, unknown>>, ...names: readonly string[]): number | undefined {
  return names.map((name) => usage[name]).find(isCount);
}

function difference(total: number | undefined, part: number | undefined): number | undefined {
  return total === undefined || part === undefined || part > total ? undefined : total - part;
}

/** The details, if their parts add up to the sum. If one part equals the sum, the other is 0. */
function toDetails(value: unknown, sum: number): TokenDetails | undefined {
  const { text_tokens: text, image_tokens: image } = toRecord(value);
  const textTokens = isCount(text) ? text : image === sum ? 0 : undefined;
  const imageTokens = isCount(image) ? image : text === sum ? 0 : undefined;
  if (textTokens === undefined || imageTokens === undefined || textTokens + imageTokens !== sum) return undefined;
  return { textTokens, imageTokens };
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
