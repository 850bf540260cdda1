import { effect, type ReadonlySignal, signal } from "@preact/signals";
import { useEffect, useState } from "preact/hooks";
import { isConnected } from "../api/client.ts";
import { StudioError, toStudioError } from "../api/errors.ts";
import { moneyRange } from "../words/format.ts";
import { words } from "../words/language.ts";

const t = words({ unknown: "price not known" }, { unknown: "价格未知" });

/** How long the prompt must rest before it is priced again. */
const REST_MS = 250;
/** Stands for the prompt while there is none: the shortest. */
const ANY_PROMPT = ".";

/** What a click may cost, in dollars. */
export interface PriceRange {
  readonly minCost: string | null;
  readonly maxCost: string | null;
}

/** The prompt to price. */
export function pricedPrompt(prompt: string): string {
  return prompt.trim() || ANY_PROMPT;
}

/** Writes what a click may cost: "$0.17–0.25", "Free", "price not known". */
export function priceText({ minCost, maxCost }: PriceRange): string {
  return moneyRange(minCost, maxCost) ?? t.unknown;
}

/** A quote, or why the gateway would refuse the click; `undefined` while that is not known. */
export type Priced<Quote> = Quote | StudioError | undefined;

/** Whether the gateway has said that it would refuse the click. */
export function isRefusal(priced: Priced<unknown>): boolean {
  return priced instanceof StudioError && !priced.isTransient && priced.code !== "ABORTED";
}

/** Keeps the price of the next click. */
export interface PriceFollower<Quote> {
  readonly current: ReadonlySignal<Priced<Quote>>;
  /** Keeps the price up to date until the answer is called. */
  follow(): () => void;
}

/**
 * Prices the next click whenever something changes. The first question is asked at once. One that the gateway could not
 * answer is asked again when the connection is back.
 *
 * @param prepare returns the question, or `undefined` if there is nothing to price; the signals that it reads are watched
 */
export function createPriceFollower<Quote>(prepare: () => (() => Promise<Quote>) | undefined): PriceFollower<Quote> {
  const current = signal<Priced<Quote>>(undefined);
  const reconnections = signal(0);
  let hasAsked = false;
  const retryWhenConnected = () => {
    if (!isConnected.value) return;
    const failed = current.peek();
    if (failed instanceof StudioError && failed.isTransient) reconnections.value = reconnections.peek() + 1;
  };
  const price = () => {
    void reconnections.value;
    const question = prepare();
    let isOld = false;
    const ask = async () => {
      const answer = await question?.().catch(toStudioError);
      if (!isOld) current.value = answer;
    };
    const timer = hasAsked || !question ? setTimeout(ask, REST_MS) : void ask();
    hasAsked ||= question !== undefined;
    return () => {
      isOld = true;
      clearTimeout(timer);
    };
  };
  return {
    current,
    follow: () => {
      const stops = [effect(retryWhenConnected), effect(price)];
      return () => {
        for (const stop of stops) stop();
      };
    },
  };
}

/** A setting that could be chosen, and the question what the click would cost then. */
export interface Offer {
  readonly name: string;
  readonly ask: () => Promise<PriceRange>;
}

/**
 * What the click would cost with each offer, by its name, as far as it is known.
 *
 * @param present what the prices depend on; they are asked for again when it changes
 */
export function usePrices(offers: readonly Offer[], present: unknown): Readonly<Record<string, string>> {
  const [prices, setPrices] = useState<Readonly<Record<string, string>>>({});
  useEffect(() => {
    let isOld = false;
    for (const { name, ask } of offers) {
      ask().then(
        (quoted) => !isOld && setPrices((others) => ({ ...others, [name]: priceText(quoted) })),
        () => {},
      );
    }
    return () => {
      isOld = true;
    };
  }, [JSON.stringify([present, offers])]);
  return prices;
}
