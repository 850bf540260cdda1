import { badInput } from "../../../errors.ts";
import { MAX_IMAGES } from "../../../service/generations/generation-input.ts";
import { LIMITS, tooManyImages } from "./limits.ts";

/** Counts what one operation makes and answers while it runs, whatever was foreseen. */
export class OperationAllowance {
  #images = 0;
  #promptLength = 0;

  /** @throws BAD_USER_INPUT when the operation has made as many as it may */
  takeImages(n = 1): void {
    this.#images += n;
    if (n <= MAX_IMAGES && this.#images > LIMITS.images) throw tooManyImages(this.#images);
  }

  /**
   * A prompt is one field as any other, and may be as long as a page: a small operation could name those of a whole
   * list a hundred times.
   *
   * @throws BAD_USER_INPUT when the answer has as much of them as it may
   */
  takePrompt({ length }: string): void {
    this.#promptLength += length;
    if (this.#promptLength <= LIMITS.promptLength) return;
    throw badInput(
      "prompt",
      `the prompts of one answer may have ${LIMITS.promptLength} characters; ask for fewer at once`,
    );
  }
}
