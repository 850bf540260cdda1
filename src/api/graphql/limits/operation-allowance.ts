import { MAX_IMAGES } from "../../../bounds.ts";
import { badInput } from "../../../errors.ts";
import { LIMITS, tooManyImages } from "./limits.ts";

/**
 * Counts the images and the prompt characters of one operation while it runs. It limits them even if they were
 * underestimated before the operation ran.
 */
export class OperationAllowance {
  #images = 0;
  #promptLength = 0;

  /** @throws BAD_USER_INPUT when the operation exceeds its number of images */
  takeImages(n = 1): void {
    this.#images += n;
    if (n <= MAX_IMAGES && this.#images > LIMITS.images) throw tooManyImages(this.#images);
  }

  /**
   * Counts a prompt of the answer. A prompt costs as much as any other field but can be as long as a page, so a small
   * operation could request the prompts of a whole list a hundred times.
   *
   * @throws BAD_USER_INPUT when the answer exceeds its number of prompt characters
   */
  takePrompt({ length }: string): void {
    this.#promptLength += length;
    if (this.#promptLength <= LIMITS.promptLength) return;
    throw badInput(
      "prompt",
      `the prompts of one answer may have at most ${LIMITS.promptLength} characters; request fewer at once`,
    );
  }
}
