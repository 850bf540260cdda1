const FIN = 0x80;
const MASKED = 0x80;
const OPCODE = 0x0f;
const FIRST_CONTROL_OPCODE = 0x8;
const MASK_BYTES = 4;

/** What a piece of a message takes in memory beside its bytes: `ws` keeps an object for each frame and each chunk. */
const PIECE_BYTES = 256;

/**
 * Follows the frames that a client sends, and knows how much it has sent of a message that is not whole. `ws` keeps all
 * of that and tells nothing of it before the message ends. Control frames may come in between, and do not end it.
 *
 * @see https://www.rfc-editor.org/rfc/rfc6455#section-5.2
 */
export class MessageFrames {
  /** What the unfinished message takes in memory, in bytes; 0 between messages. */
  unfinishedBytes = 0;
  /** The head of a frame, as far as it came; empty inside of a frame. */
  readonly #head: number[] = [];
  #payloadLeft = 0;
  #isInFrame = false;
  #isInMessage = false;

  /** Takes what came over the connection, in pieces of any size. Answers whether a message ended in it. */
  write(chunk: Uint8Array): boolean {
    // A piece of a message keeps the whole chunk in memory.
    let bytes = this.unfinishedBytes + chunk.length + PIECE_BYTES;
    let hasEnded = false;
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
    this.#isInFrame = false;
    if ((first & OPCODE) < FIRST_CONTROL_OPCODE) this.#isInMessage = (first & FIN) === 0;
  }
}
