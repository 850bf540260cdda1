import { computed, signal } from "@preact/signals";
import { request } from "../api/client.ts";
import { createPriceFollower, pricedPrompt } from "../dock/price.ts";
import { type GenerateImagesInput, QuoteDocument, type QuoteQuery } from "../generated/graphql.ts";
import { viewer } from "../state/gateway.ts";
import { effectiveInput, model, prompt } from "./settings.ts";

export type Quote = QuoteQuery["quote"];

/** How long the thumbnails of the wall wait for the first price, from the start of the page. */
const FIRST_PRICE_MS = 2_000;
/** Prices change with the day and the prompt, so few are kept. */
const MAX_KEPT = 100;

const kept = new Map<string, Promise<Quote>>();

/** Asks what an input would cost. The same input is asked once. @throws StudioError when the gateway would refuse it */
export function quote(input: GenerateImagesInput): Promise<Quote> {
  const priced = { ...input, prompt: pricedPrompt(input.prompt) };
  const name = JSON.stringify(priced);
  const known = kept.get(name);
  if (known) return known;
  const answer = request(QuoteDocument, { input: priced }).then(({ quote }) => quote);
  answer.catch(() => kept.delete(name));
  if (kept.size >= MAX_KEPT) kept.clear();
  kept.set(name, answer);
  return answer;
}

const follower = createPriceFollower(() => {
  if (!model.value) return undefined;
  const input = { ...effectiveInput.value, prompt: prompt.value };
  return () => quote(input);
});
follower.follow();

/** What the next click costs, or why the gateway would refuse it; `undefined` while it is asked for the first time. */
export const currentQuote = follower.current;

const hasWaited = signal(false);
setTimeout(() => {
  hasWaited.value = true;
}, FIRST_PRICE_MS);

/**
 * Whether thumbnails may load. Browsers open six connections to a gateway, and on a slow network a screen of thumbnails
 * keeps them all for seconds. So the first price goes first.
 */
export const mayLoadThumbnails = computed(
  () =>
    currentQuote.value !== undefined || hasWaited.value || (viewer.value !== undefined && model.value === undefined),
);
