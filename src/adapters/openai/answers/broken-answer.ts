/**
 * The provider's answer cannot be used. The message says how, as the rest of a sentence. It reaches clients and logs:
 * of the answer's text it repeats at most what `described-answer.ts` lets through.
 */
export class BrokenAnswer extends Error {
  override readonly name = "BrokenAnswer";
}
