import { request } from "../api/client.ts";
import { createPriceFollower, pricedPrompt } from "../dock/price.ts";
import { toText } from "../dock/sizes.ts";
import { type EditImagesInput, QuoteEditDocument, type QuoteEditQuery } from "../generated/graphql.ts";
import { effectiveInput, obstacle, prompt, resultSize, settings, willMask } from "./settings.ts";
import { sources } from "./sources/sources.ts";
import { NO_SPACE } from "./sources/space.ts";

export type EditQuote = QuoteEditQuery["quoteEdit"];

/** Stands for files: a quote counts them and does not read them. */
const ANY_FILE = new Blob(["."], { type: "image/png" });

/**
 * Asks what an edit of the present pictures would cost.
 *
 * @param changes what differs from the present settings
 * @throws StudioError when the gateway would refuse it
 */
export async function quoteEdit(changes: Partial<EditImagesInput> = {}): Promise<EditQuote> {
  const files: Record<string, Blob> = {};
  const asFile = (path: string) => {
    files[`variables.input.${path}.upload`] = ANY_FILE;
    return { upload: null };
  };
  const images = sources.value.map(({ imageId }, index) => {
    const isDrawn = index === 0 && settings.value.space !== NO_SPACE;
    return imageId === undefined || isDrawn ? asFile(`images.${index}`) : { id: imageId };
  });
  const input: EditImagesInput = {
    ...effectiveInput.value,
    ...(resultSize.value && { size: toText(resultSize.value) }),
    ...changes,
    prompt: pricedPrompt(prompt.value),
    images,
    ...(willMask.value && { mask: asFile("mask") }),
  };
  const hasFiles = Object.keys(files).length > 0;
  return (await request(QuoteEditDocument, { input }, hasFiles ? { files } : {})).quoteEdit;
}

const follower = createPriceFollower(() => {
  if (obstacle.value !== undefined) return undefined;
  // Read here, so that each change is priced.
  void [effectiveInput.value, prompt.value, sources.value, willMask.value, resultSize.value];
  return () => quoteEdit();
});

/** What the next click costs, or why the gateway would refuse it; `undefined` while that is not known. */
export const currentQuote = follower.current;

/** Keeps the price up to date until the answer is called. */
export const followPrice = follower.follow;
