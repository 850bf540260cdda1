/**
 * The provider's answer cannot be used. The message gives the reason, as the rest of a sentence. It appears in
 * responses and logs, so it repeats text of the answer only as far as `described-answer.ts` allows.
 */
export class BrokenAnswer extends Error {
  override readonly name = "BrokenAnswer";
}
