const FIN = 0x80;
const MASKED = 0x80;
const OPCODE = 0x0f;
const FIRST_CONTROL_OPCODE = 0x8;
const MASK_BYTES = 4;

/** Memory that a piece of a message takes besides its bytes: `ws` keeps an object for each frame and each chunk. */
const PIECE_BYTES = 256;

/**
 * Reads the headers of a client's frames to measure the message that is still arriving. `ws` holds such a message in
 * memory and reports nothing of it before it ends. Control frames may arrive between its frames and do not end it.
 *
 * @see https://www.rfc-editor.org/rfc/rfc6455#section-5.2
 */
export class MessageFrames {
  /** How many frames ended in the chunk that was written last. */
  endedFrames = 0;
  /** Memory that the unfinished message takes, in bytes; 0 between messages. */
  unfinishedBytes = 0;
  /** The bytes of the current frame's header so far; cleared when the frame ends. */
  readonly #head: number[] = [];
  #payloadLeft = 0;
  #isInFrame = false;
  #isInMessage = false;

  /**
   * Reads a chunk of any size that came over the connection.
   *
   * @returns whether a message ended in it
   */
  write(chunk: Uint8Array): boolean {
    // A piece of a message keeps the whole chunk in memory.
    let bytes = this.unfinishedBytes + chunk.length + PIECE_BYTES;
    let hasEnded = false;
    this.endedFrames = 0;
    for (let position = 0; position < chunk.length; ) {
      if (!this.#isInFrame) this.#readHead(chunk[position++] ?? 0);
      const skipped = Math.min(this.#payloadLeft, chunk.length - position);
      this.#payloadLeft -= skipped;
      position += skipped;
      if (!this.#isInFrame || this.#payloadLeft > 0) continue;
      this.#endFrame();
      bytes = this.#isInMessage ? bytes + PIECE_BYTES : chunk.length + PIECE_BYTES;
      hasEnded ||= !this.#isInMessage;
    }
    const isBetween = !this.#isInMessage && !this.#isInFrame && this.#head.length === 0;
    this.unfinishedBytes = isBetween ? 0 : bytes;
    return hasEnded;
  }

  #readHead(byte: number): void {
    this.#head.push(byte);
    const [, lengthByte = 0] = this.#head;
    const shortLength = lengthByte & ~MASKED;
    const lengthBytes = shortLength === 127 ? 8 : shortLength === 126 ? 2 : 0;
    const maskBytes = lengthByte & MASKED ? MASK_BYTES : 0;
    if (this.#head.length < 2 + lengthBytes + maskBytes) return;
    const longLength = this.#head.slice(2, 2 + lengthBytes).reduce((length, part) => length * 256 + part, 0);
    this.#payloadLeft = lengthBytes === 0 ? shortLength : longLength;
    this.#isInFrame = true;
  }

  #endFrame(): void {
    const [first = 0] = this.#head.splice(0);
    this.endedFrames++;
    this.#isInFrame = false;
    if ((first & OPCODE) < FIRST_CONTROL_OPCODE) this.#isInMessage = (first & FIN) === 0;
  }
}
