import { setTimeout as delay } from "node:timers/promises";
import { APIError } from "openai";
import type { Announcement } from "../../ports/image-provider.ts";
import { BrokenAnswer } from "./answers/broken-answer.ts";
import { toRecord } from "./answers/to-record.ts";

/** How long a server may take to list its models, where that has to be waited for. */
const TIMEOUT_MS = 5_000;
/** For so many models it is remembered what they do not take. */
const MAX_MODELS = 100;

/** What an image can be made without; `n` where it is 1. */
const OPTIONAL = [
  "n",
  "response_format",
  "size",
  "quality",
  "background",
  "output_format",
  "output_compression",
  "moderation",
  "safety_identifier",
  "partial_images",
  "stream",
] as const;
export type OptionalParameter = (typeof OPTIONAL)[number];

/** Words for a parameter that a server does not have at all, as against a value that it does not take. */
const UNSUPPORTED =
  /not (be )?(supported|permitted|allowed)|unsupported|unknown|unrecogni[sz]ed|unexpected|extra_forbidden/i;

/**
 * How a server speaks the vendor's API. Compatible ones answer with addresses unless asked for base64, which the vendor
 * refuses to be asked for, and refuse parameters that the vendor has.
 */
export class ServerDialect {
  readonly #list: (signal: AbortSignal) => Promise<ReadonlyMap<string, Announcement>>;
  #isVendor: boolean | undefined;
  /** The last reading of the list; `undefined` before the first. */
  #asking: Promise<void> | undefined;
  /** By model. */
  readonly #refused = new Map<string, ReadonlySet<OptionalParameter>>();

  /**
   * @param baseUrl where the API begins
   * @param list reads the server's list of models
   */
  constructor(baseUrl: string, list: (signal: AbortSignal) => Promise<ReadonlyMap<string, Announcement>>) {
    this.#list = list;
    if (/(^|\.)openai\.com$/.test(new URL(baseUrl).hostname)) this.#isVendor = true;
  }

  /** Reads the server's list of models, and learns from it. */
  announcements(signal: AbortSignal): Promise<ReadonlyMap<string, Announcement>> {
    const asked = this.#list(signal);
    this.#asking = asked.then(
      // Nobody else tells when models shut down.
      (list) => this.#learnIsVendor([...list.values()].some(({ shutdownDate }) => shutdownDate !== undefined)),
      (error) => {
        const isRefusal = error instanceof APIError && error.status !== undefined && error.status < 500;
        // A server without such a list is another one.
        if (isRefusal || error instanceof BrokenAnswer) this.#learnIsVendor(false);
      },
    );
    return asked;
  }

  #learnIsVendor(isVendor: boolean): void {
    this.#isVendor ??= isVendor;
  }

  /**
   * Whether the vendor's own rules count, which the list of models tells: the gateway reads it when it starts. What cannot
   * be told counts as the vendor.
   */
  async isVendor(signal: AbortSignal): Promise<boolean> {
    await this.#settle(this.#asking, signal);
    if (this.#isVendor === undefined && this.#asking) {
      // The server was not there yet. To ask it costs nothing.
      this.announcements(AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)])).catch(() => {});
      await this.#settle(this.#asking, signal);
    }
    return this.#isVendor ?? true;
  }

  async #settle(work: Promise<void> | undefined, signal: AbortSignal): Promise<void> {
    if (!work || this.#isVendor !== undefined) return;
    const waiting = new AbortController();
    const isOver = delay(TIMEOUT_MS, undefined, { signal: AbortSignal.any([signal, waiting.signal]) });
    await Promise.race([work, isOver.catch(() => {})]);
    waiting.abort();
  }

  /** What the model was found not to take. */
  refusedBy(model: string): ReadonlySet<OptionalParameter> {
    return this.#refused.get(model) ?? new Set();
  }

  /**
   * Learns from a refusal, after which the call can be made again without what was refused: nothing was done for it.
   *
   * @param sent the parameters of the call
   * @returns whether there was something to learn
   */
  learn(model: string, error: unknown, sent: Readonly<Record<string, unknown>>): boolean {
    const refused = refusedParameter(error, sent);
    if (refused === undefined) return false;
    const [oldest] = this.#refused.keys();
    if (!this.#refused.has(model) && this.#refused.size >= MAX_MODELS && oldest !== undefined) {
      this.#refused.delete(oldest);
    }
    this.#refused.set(model, new Set([...this.refusedBy(model), refused]));
    return true;
  }
}

function refusedParameter(error: unknown, sent: Readonly<Record<string, unknown>>): OptionalParameter | undefined {
  if (!(error instanceof APIError) || (error.status !== 400 && error.status !== 422)) return undefined;
  const { param, code, message } = toRecord(error.error);
  const text = `${code} ${message}`;
  const sentOptions = OPTIONAL.filter((name) => sent[name] !== undefined && (name !== "n" || sent.n === 1));
  const named = sentOptions.find((name) =>
    typeof param === "string" && param !== "" ? param.split(/[.[\]'"]+/).includes(name) : hasWord(text, name),
  );
  return named === "response_format" || UNSUPPORTED.test(text) ? named : undefined;
}

function hasWord(text: string, word: string): boolean {
  return text.split(/[^\w]+/).includes(word);
}
