import { effect, type ReadonlySignal, signal } from "@preact/signals";
import { request } from "../api/client.ts";
import { type StudioError, toStudioError } from "../api/errors.ts";
import { type GenerateImagesInput, QuoteDocument, type QuoteQuery } from "../generated/graphql.ts";
import { moneyRange } from "../words/format.ts";
import { words } from "../words/language.ts";
import { effectiveInput, model, prompt } from "./settings.ts";

export type Quote = QuoteQuery["quote"];

const t = words({ unknown: "price not known" }, { unknown: "价格未知" });

/** How long the prompt must rest before it is priced again. */
const REST_MS = 250;
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

effect(() => {
  if (!model.value) return;
  const input = { ...effectiveInput.value, prompt: prompt.value };
  const timer = setTimeout(async () => {
    const answer = await quote(input).catch(toStudioError);
    if (!isOld) current.value = answer;
  }, REST_MS);
  let isOld = false;
  return () => {
    isOld = true;
    clearTimeout(timer);
  };
});
