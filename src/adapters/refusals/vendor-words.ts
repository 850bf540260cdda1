/**
 * The words by which vendors say what their codes do not. Answers are searched only with statuses that refuse a call,
 * because an answer may repeat the prompt. No text of an answer is passed on.
 */

/** What the words of a refusal mean; nothing if they are not known. */
export interface WordedRefusal {
  readonly isContent: boolean;
  /** Whether the vendor made the picture before it refused it, and may charge for it. */
  readonly isOfOutput: boolean;
  readonly isBudget: boolean;
  readonly isModel: boolean;
}

const CONTENT = /content[_ ](policy|filter|moderat)|moderation_(blocked|failed)|safety|nsfw|flagged_input/i;
const CONTENT_STATUSES: ReadonlySet<number> = new Set([400, 403, 422]);
const OUTPUT = /generated image rejected/i;
/** fal and xAI answer 403 and 429 to accounts without money. */
const BUDGET = /exhausted balance|used all available credits|monthly spending limit|doesn't have any credits/i;
const BUDGET_STATUSES: ReadonlySet<number> = new Set([402, 403, 429]);
const MODEL = /model does not exist/i;

/** Reads the words of an answer with an error status. */
export function readWords(status: number, body: string): WordedRefusal {
  const isContent = CONTENT_STATUSES.has(status) && CONTENT.test(body);
  return {
    isContent,
    isOfOutput: isContent && OUTPUT.test(body),
    isBudget: BUDGET_STATUSES.has(status) && BUDGET.test(body),
    isModel: status === 404 && MODEL.test(body),
  };
}
