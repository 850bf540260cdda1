/**
 * The provider's answer cannot be used. The message says how, as the rest of a sentence, and never repeats a byte of
 * the answer: it reaches clients and logs.
 */
export class BrokenAnswer extends Error {
  override readonly name = "BrokenAnswer";
}
