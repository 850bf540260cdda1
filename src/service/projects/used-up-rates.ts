import type { RateRefusal, RateRule, RateStatus } from "../../ports/projects/rates.ts";

/** The most limits that are remembered as used up. The oldest are dropped first. */
const MAX_REMEMBERED = 10_000;

interface Remembered {
  readonly refusal: RateRefusal;
  readonly refusedAtMs: number;
}

/**
 * Remembers which limits of requests in a minute are used up. Further requests in that minute are then refused without
 * asking the store, and before the images of an edit are read. Requests that are refused count nothing, so a used-up
 * limit stays used up until its minute ends.
 */
export class UsedUpRates {
  readonly #remembered = new Map<string, Remembered>();

  /** Remembers a refusal by one of these rules. */
  note(rules: readonly RateRule[], refusal: RateRefusal, at: Date): void {
    const { scope, unit, remaining } = refusal.exceeded;
    const rule = rules.find((each) => each.scope === scope);
    if (!rule || unit !== "REQUESTS" || remaining > 0) return;
    this.#remembered.delete(keyOf(rule));
    this.#remembered.set(keyOf(rule), { refusal, refusedAtMs: at.getTime() });
    const [oldest] = this.#remembered.keys();
    if (oldest !== undefined && this.#remembered.size > MAX_REMEMBERED) this.#remembered.delete(oldest);
  }

  /** Returns the refusal by a rule whose limit is used up; `undefined` when only the store can tell. */
  find(rules: readonly RateRule[], at: Date): RateRefusal | undefined {
    for (const rule of rules) {
      const known = this.#remembered.get(keyOf(rule));
      if (!known) continue;
      const { exceeded, rates } = known.refusal;
      const elapsedMs = at.getTime() - known.refusedAtMs;
      const isOver = elapsedMs < 0 || elapsedMs >= (exceeded.resetSeconds ?? 0) * 1000;
      if (!isOver) return { exceeded: later(exceeded, elapsedMs), rates: rates.map((rate) => later(rate, elapsedMs)) };
      this.#remembered.delete(keyOf(rule));
    }
    return undefined;
  }
}

/** A changed limit has another key, so a refusal by the limit before it is not used. */
function keyOf({ scope, id, requestsPerMinute }: RateRule): string {
  return `${scope} ${id} ${requestsPerMinute}`;
}

function later(status: RateStatus, elapsedMs: number): RateStatus {
  const { resetSeconds } = status;
  if (resetSeconds === undefined) return status;
  return { ...status, resetSeconds: Math.max(1, Math.ceil(resetSeconds - elapsedMs / 1000)) };
}
