import { setTimeout as delay } from "node:timers/promises";
import { APIError } from "openai";
import type { Announcement } from "../../ports/image-provider.ts";
import { toRecord } from "../to-record.ts";
import { BrokenAnswer } from "./answers/broken-answer.ts";
import { OMITTABLE_PARAMETERS, type OptionalParameter } from "./server-model.ts";

/** How long a call waits for a server to list its models. */
const TIMEOUT_MS = 5_000;
/** The most models whose unsupported parameters are remembered. */
const MAX_MODELS = 100;

/** Error texts that mean that a server does not support a parameter at all, rather than one of its values. */
const UNSUPPORTED =
  /not (be )?(supported|permitted|allowed)|unsupported|unknown|unrecogni[sz]ed|unexpected|extra_forbidden/i;

/**
 * The differences between a server and the vendor's API. Compatible servers answer with addresses unless base64 is
 * requested, but the vendor refuses that request. Compatible servers also refuse some of the vendor's parameters.
 */
export class ServerDialect {
  readonly #list: (signal: AbortSignal) => Promise<ReadonlyMap<string, Announcement>>;
  #isVendor: boolean | undefined;
  /** The last read of the list; `undefined` before the first. */
  #asking: Promise<void> | undefined;
  /** The unsupported parameters, by model. */
  readonly #refused = new Map<string, ReadonlySet<OptionalParameter>>();

  /**
   * @param baseUrl the base URL of the API
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
      // Only the vendor announces when models shut down.
      (list) => this.#learnIsVendor([...list.values()].some(({ shutdownDate }) => shutdownDate !== undefined)),
      (error) => {
        const isRefusal = error instanceof APIError && error.status !== undefined && error.status < 500;
        // A server without such a list is not the vendor's.
        if (isRefusal || error instanceof BrokenAnswer) this.#learnIsVendor(false);
      },
    );
    return asked;
  }

  #learnIsVendor(isVendor: boolean): void {
    this.#isVendor ??= isVendor;
  }

  /**
   * Whether the server is the vendor's own, by its list of models. The gateway reads the list when it starts. If that
   * does not answer the question, the server counts as the vendor's.
   */
  async isVendor(signal: AbortSignal): Promise<boolean> {
    await this.#settle(this.#asking, signal);
    if (this.#isVendor === undefined && this.#asking) {
      // The server could not be reached before. Reading the list again costs nothing.
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

  /** The parameters that the model was found not to support. */
  refusedBy(model: string): ReadonlySet<OptionalParameter> {
    return this.#refused.get(model) ?? new Set();
  }

  /**
   * Learns from a refusal which parameter is not supported. The call can then be repeated without it, because the
   * server did no work for it.
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
  const sentOptions = OMITTABLE_PARAMETERS.filter((name) => sent[name] !== undefined && (name !== "n" || sent.n === 1));
  const named = sentOptions.find((name) =>
    typeof param === "string" && param !== "" ? param.split(/[.[\]'"]+/).includes(name) : hasWord(text, name),
  );
  return named === "response_format" || UNSUPPORTED.test(text) ? named : undefined;
}

function hasWord(text: string, word: string): boolean {
  return text.split(/[^\w]+/).includes(word);
}
