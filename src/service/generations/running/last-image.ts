import type { UnrecordedImage } from "../../../ports/records.ts";

/**
 * How long the last image of a generation may wait for the end of the provider's answer. The two usually arrive together.
 */
const MAX_WAIT_MS = 50;

/**
 * The last image of a generation. It is recorded in one write with the generation's end if the provider's answer ends
 * soon, and otherwise by itself: an image that is paid for must not depend on what its provider still sends.
 */
export class LastImage {
  readonly #image: UnrecordedImage;
  readonly #timer: NodeJS.Timeout;
  #recording: Promise<void> | undefined;

  /** @param record records the image by itself */
  constructor(image: UnrecordedImage, record: () => Promise<void>) {
    this.#image = image;
    this.#timer = setTimeout(() => {
      this.#recording = record();
      // `claim` throws this error.
      this.#recording.catch(() => {});
    }, MAX_WAIT_MS);
  }

  /** Position in the generation, from 0. */
  get index(): number {
    return this.#image.image.index;
  }

  /**
   * Ends the wait.
   * @returns the image, which the caller must now record; `undefined` if it is already recorded
   * @throws the error of recording it by itself
   */
  async claim(): Promise<UnrecordedImage | undefined> {
    clearTimeout(this.#timer);
    if (!this.#recording) return this.#image;
    await this.#recording;
    return undefined;
  }
}
