import { computed, effect, type ReadonlySignal, signal } from "@preact/signals";
import { isConnected, request } from "../api/client.ts";
import { StudioError, toStudioError } from "../api/errors.ts";
import { type GenerateImagesInput, QuoteDocument, type QuoteQuery } from "../generated/graphql.ts";
import { viewer } from "../state/gateway.ts";
import { moneyRange } from "../words/format.ts";
import { words } from "../words/language.ts";
import { effectiveInput, model, prompt } from "./settings.ts";

export type Quote = QuoteQuery["quote"];

const t = words({ unknown: "price not known" }, { unknown: "价格未知" });

/** How long the prompt must rest before it is priced again. */
const REST_MS = 250;
/** How long the thumbnails of the wall wait for the first price, from the start of the page. */
const FIRST_PRICE_MS = 2_000;
/** Prices change with the day and the prompt, so few are kept. */
const MAX_KEPT = 100;
/** Stands for the prompt while there is none: the shortest. */
const ANY_PROMPT = ".";

const kept = new Map<string, Promise<Quote>>();

/** Asks what an input would cost. The same input is asked once. @throws StudioError when the gateway would refuse it */
export function quote(input: GenerateImagesInput): Promise<Quote> {
  const priced = { ...input, prompt: input.prompt.trim() || ANY_PROMPT };
  const name = JSON.stringify(priced);
  const known = kept.get(name);
  if (known) return known;
  const answer = request(QuoteDocument, { input: priced }).then(({ quote }) => quote);
  answer.catch(() => kept.delete(name));
  if (kept.size >= MAX_KEPT) kept.clear();
  kept.set(name, answer);
  return answer;
}

/** Writes what a click may cost: "$0.17–0.25", "Free", "price not known". */
export function priceText({ minCost, maxCost }: Pick<Quote, "minCost" | "maxCost">): string {
  return moneyRange(minCost, maxCost) ?? t.unknown;
}

const current = signal<Quote | StudioError | undefined>(undefined);

/** What the next click costs, or why the gateway would refuse it; `undefined` while it is asked for the first time. */
export const currentQuote: ReadonlySignal<Quote | StudioError | undefined> = current;

const hasWaited = signal(false);
setTimeout(() => {
  hasWaited.value = true;
}, FIRST_PRICE_MS);

/**
 * Whether thumbnails may load. Browsers open six connections to a gateway, and on a slow network a screen of thumbnails
 * keeps them all for seconds. So the first price goes first.
 */
export const mayLoadThumbnails = computed(
  () => current.value !== undefined || hasWaited.value || (viewer.value !== undefined && model.value === undefined),
);

/** Counts how often the connection came back after a price could not be asked for. */
const reconnections = signal(0);
effect(() => {
  if (!isConnected.value) return;
  const failed = current.peek();
  if (failed instanceof StudioError && failed.isTransient) reconnections.value = reconnections.peek() + 1;
});

effect(() => {
  void reconnections.value;
  if (!model.value) return;
  const input = { ...effectiveInput.value, prompt: prompt.value };
  let isOld = false;
  const ask = async () => {
    const answer = await quote(input).catch(toStudioError);
    if (!isOld) current.value = answer;
  };
  const timer = kept.size === 0 ? void ask() : setTimeout(ask, REST_MS);
  return () => {
    isOld = true;
    clearTimeout(timer);
  };
});
