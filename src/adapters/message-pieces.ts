import type { IncomingMessage } from "node:http";

type Piece = Buffer<ArrayBuffer>;
type Step = IteratorResult<Uint8Array, undefined>;

/** The most pieces that wait for the reader. Beyond that, the connection is paused. */
const MAX_WAITING = 2;

/**
 * The body of a message in pieces. A piece is valid only until the next one is requested: its memory is then freed.
 * Otherwise a few megabytes of an answer would make the garbage collector scan the whole heap, which costs more than
 * all other work on an image. What the connection reads is freed as soon as the parser has copied the piece out of it.
 * With 32 calls at once, this saves 20 MB.
 *
 * It listens to the message itself, because the asynchronous iterator of a stream costs more for each piece than the
 * scanner that reads it. It has one reader, which requests one piece at a time. No other message may follow on the
 * connection.
 */
export class MessagePieces implements AsyncIterableIterator<Uint8Array, undefined> {
  readonly #message: IncomingMessage;
  readonly #waiting: Piece[] = [];
  /** The newest piece since the last chunk of the connection. */
  #parsed: Piece | undefined;
  /** Whether pieces were seen to be copies. */
  #isCopied = false;
  /** The piece that the reader is using. */
  #taken: Piece | undefined;
  #reader: PromiseWithResolvers<Step> | undefined;
  #isListening = false;
  #isOver = false;
  #failure: { readonly error: unknown } | undefined;

  constructor(message: IncomingMessage) {
    this.#message = message;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<Step> {
    this.#free();
    if (!this.#isListening) this.#listen();
    const piece = this.#waiting.shift();
    if (piece) {
      this.#taken = piece;
      if (this.#waiting.length === 0) this.#message.resume();
      return Promise.resolve({ done: false, value: piece });
    }
    if (this.#failure) return Promise.reject(this.#failure.error);
    if (this.#isOver) return Promise.resolve(DONE);
    this.#reader = Promise.withResolvers<Step>();
    return this.#reader.promise;
  }

  /** Stops reading. Closes the connection unless the body has ended. */
  async return(): Promise<Step> {
    this.#end();
    this.#waiting.length = 0;
    this.#free();
    this.#message.destroy();
    return DONE;
  }

  #listen(): void {
    this.#isListening = true;
    const message = this.#message;
    const fail = (error: unknown) => this.#end({ error });
    message.on("data", (piece: Piece) => this.#take(piece));
    // The parser listens to its socket too, since before there was a message. So it has read each chunk by now.
    message.socket.on("data", (chunk: Piece) => this.#freeChunk(chunk));
    message.once("end", () => this.#end());
    message.once("error", fail);
    message.once("close", () => {
      if (!this.#isOver) fail(cutOff());
    });
    if (message.errored) fail(message.errored);
    else if (message.destroyed) fail(cutOff());
  }

  #take(piece: Piece): void {
    this.#parsed = piece;
    const reader = this.#reader;
    if (reader) {
      this.#reader = undefined;
      this.#taken = piece;
      reader.resolve({ done: false, value: piece });
      return;
    }
    this.#waiting.push(piece);
    if (this.#waiting.length >= MAX_WAITING) this.#message.pause();
  }

  /** Ends the body. Further calls have no effect. */
  #end(failure?: { readonly error: unknown }): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#failure = failure;
    const reader = this.#reader;
    this.#reader = undefined;
    if (failure) reader?.reject(failure.error);
    else reader?.resolve(DONE);
  }

  /** If a version of Node did not copy pieces, a chunk would be the memory of its pieces, and is not freed. */
  #freeChunk(chunk: Piece): void {
    if (this.#parsed && this.#message.readableLength === 0) this.#isCopied = this.#parsed.buffer !== chunk.buffer;
    this.#parsed = undefined;
    if (this.#isCopied) free(chunk);
  }

  #free(): void {
    if (this.#taken) free(this.#taken);
    this.#taken = undefined;
  }
}

/** Frees memory, unless it is shared with others. */
function free(piece: Piece): void {
  if (piece.byteLength === piece.buffer.byteLength) piece.buffer.transfer(0);
}

const DONE: Step = { done: true, value: undefined };

function cutOff(): Error {
  return new Error("the connection was closed before the end of the answer");
}
