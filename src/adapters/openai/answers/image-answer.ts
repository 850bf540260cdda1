import type { ProviderEvent, TokenUsage } from "../../../ports/image-provider.ts";
import { Base64Decoder } from "../../../streamed-json/base64-decoder.ts";
import { UnreadableJson } from "../../../streamed-json/unreadable-json.ts";
import { type ProviderRefusal, toRefusal } from "../../refusals/provider-refusal.ts";
import { isOfContent } from "../../refusals/refused-call.ts";
import { toRecord } from "../../to-record.ts";
import { BrokenAnswer } from "./broken-answer.ts";
import { describeAnswer, describeDocument, WHERE_TO_LOOK } from "./described-answer.ts";
import { EventStream, isEventStream } from "./event-stream.ts";
import { isImage, SIGNATURE_BYTES } from "./image-signature.ts";
import { type AnswerReader, type AnswerToken, JsonAnswer } from "./json-answer.ts";
import { usageIn } from "./token-usage.ts";
import { WholeImage } from "./whole-image.ts";

export interface ImageAnswer {
  readonly body: AsyncIterable<Uint8Array>;
  /** The answer's media type with its parameters. The format is detected from the first bytes, not from this. */
  readonly contentType: string | null;
  /** The number of requested images. Further images are skipped. */
  readonly imageCount: number;
  /** The prompt of the call, which no error message repeats. */
  readonly prompt: string;
  /** Downloads an image when the answer holds only its address. @defaultValue such an answer is refused */
  readonly download?: ((address: string) => AsyncIterable<Uint8Array>) | undefined;
  /** Converts an error of the body or its content for the consumer. `hasImage` says whether an image had begun. */
  readonly toError: (error: unknown, hasImage: boolean) => unknown;
  /** Whether the consumer has canceled the call. Errors are then always passed on. */
  readonly isCanceled: () => boolean;
  /** Ends the call and any pending read of the body. Called once, unless the body was read to its end. */
  readonly release: () => void;
  /** @defaultValue {@link MAX_IMAGE_BYTES} an image, and 1 MiB of everything else */
  readonly limits?: AnswerLimits;
}

export interface AnswerLimits {
  /** The most bytes one image may have. */
  readonly maxImageBytes: number;
  /** The most bytes of everything else in a document, whitespace between tokens aside. */
  readonly maxOtherBytes: number;
}

/** Twice the size of the largest uncompressed image. */
export const MAX_IMAGE_BYTES = 64 * 1024 * 1024;
/** How many pictures an answer may have besides the requested images: previews, or surplus images. */
const MAX_EXTRA_PICTURES = 4;
/** How many times longer a picture's text may be than its bytes. Base64 adds a third; the rest is for white space. */
const TEXT_FACTOR = 2;

const LIMITS: AnswerLimits = { maxImageBytes: MAX_IMAGE_BYTES, maxOtherBytes: 1024 * 1024 };

/**
 * Yields the images of an answer while they arrive. At any time it holds one chunk of the body, one block of base64 and
 * one decoded block. It reads the next chunk only when the consumer wants more bytes.
 *
 * An image that the consumer does not read to its end is skipped. Ending the generator releases the call and cancels
 * the body. Once all requested images have arrived, errors in the rest of the answer are ignored.
 */
export async function* readImages(answer: ImageAnswer): AsyncGenerator<ProviderEvent> {
  const tokens = new TokenSource(answer);
  try {
    yield* toEvents(tokens, answer);
  } catch (error) {
    throw answer.toError(error, tokens.hasImage);
  } finally {
    if (!tokens.isBodyOver) answer.release();
    await tokens.close();
  }
}

async function* toEvents(tokens: TokenSource, answer: ImageAnswer): AsyncGenerator<ProviderEvent> {
  const indexes = new Set<number>();
  const isComplete = () => indexes.size >= answer.imageCount;
  let usage: TokenUsage | undefined;
  let document: { readonly value: unknown } | undefined;
  let refusal: ProviderRefusal | undefined;
  let partialIndex = 0;
  const next = () =>
    tokens.next().catch((error) => {
      if (!isComplete() || answer.isCanceled()) throw error;
      return undefined;
    });
  for (let token = await next(); token; token = await next()) {
    if (token.type === "document") {
      document = token;
      usage = usageIn(token.value) ?? usage;
      const error = errorIn(token.value, token.event === "error");
      // A picture beside such an error may be a blank one.
      if (error && (isOfContent(error) || (tokens.isEventStream && !isComplete()))) throw error;
      refusal ??= error;
    } else if ((token.type === "start" || token.type === "address") && token.index < answer.imageCount) {
      const { kind, index } = token;
      if (kind === "other") continue;
      if (kind === "image") tokens.hasImage = true;
      const bytes = token.type === "start" ? new PictureBytes(tokens) : download(token.address, answer);
      if (kind === "partial") {
        yield { type: "partial", index, partialIndex: partialIndex++, bytes };
      } else {
        if (indexes.has(index)) throw new BrokenAnswer("it holds two images in one place");
        indexes.add(index);
        yield { type: "image", index, bytes };
      }
      if (bytes instanceof PictureBytes) bytes.leave();
    }
    // A server may leave a stream open after its last image.
    const isDocumentOver = token.type === "document" || token.type === "address";
    if (tokens.isEventStream && isDocumentOver && isComplete()) break;
  }
  if (!isComplete()) {
    if (refusal) throw refusal;
    refuseOddImages(document?.value);
  }
  if (indexes.size === 0) throw new BrokenAnswer(`${describeDocument(document?.value)}; ${WHERE_TO_LOOK}`);
  if (usage) yield { type: "usage", usage };
}

/** Downloads an image of the answer. @throws BrokenAnswer at once when downloads are not supported */
function download(address: string, answer: ImageAnswer): AsyncIterable<Uint8Array> {
  if (!answer.download) throw new BrokenAnswer("it holds addresses of images instead of images");
  return withErrors(answer.download(address), (error) => answer.toError(error, true));
}

async function* withErrors(
  source: AsyncIterable<Uint8Array>,
  toError: (error: unknown) => unknown,
): AsyncGenerator<Uint8Array> {
  try {
    yield* source;
  } catch (error) {
    throw toError(error);
  }
}

/** The answer as one sequence of tokens with several readers. After a failure, every further read fails too. */
class TokenSource {
  /** Whether an image was made: the call is paid. */
  hasImage = false;
  /** Whether the body was read to its end. */
  isBodyOver = false;
  readonly #decoder: Base64Decoder;
  readonly #limits: AnswerLimits;
  readonly #answer: ImageAnswer;
  readonly #body: AsyncIterator<Uint8Array>;
  readonly #maxBytes: number;
  #byteCount = 0;
  /** The beginning of the answer, until it shows which reader can read it. */
  #head: Buffer = Buffer.alloc(0);
  #reader: AnswerReader | undefined;
  /** The tokens of the present chunk. */
  #tokens: Iterator<AnswerToken> = NO_TOKENS;
  #failure: { readonly error: unknown } | undefined;

  constructor(answer: ImageAnswer) {
    this.#answer = answer;
    this.#limits = answer.limits ?? LIMITS;
    this.#decoder = new Base64Decoder(this.#limits.maxImageBytes);
    this.#body = answer.body[Symbol.asyncIterator]();
    this.#maxBytes = (answer.imageCount + MAX_EXTRA_PICTURES) * TEXT_FACTOR * this.#limits.maxImageBytes;
  }

  get isEventStream(): boolean {
    return this.#reader instanceof EventStream;
  }

  async next(): Promise<AnswerToken | undefined> {
    if (this.#failure) throw this.#failure.error;
    try {
      for (;;) {
        const { value, done } = this.#tokens.next();
        if (!done) return value;
        if (this.isBodyOver) return undefined;
        this.#tokens = this.#write(await this.#body.next())[Symbol.iterator]();
      }
    } catch (error) {
      const broken = error instanceof UnreadableJson ? toBrokenAnswer(error) : error;
      this.#failure = { error: this.#answer.toError(broken, this.hasImage) };
      throw this.#failure.error;
    }
  }

  async close(): Promise<void> {
    await this.#body.return?.();
    // Free the decoder now. Otherwise the decoders of many calls would wait for the garbage collector.
    this.#decoder.release();
  }

  /** The tokens of the next chunk, or of the end. */
  #write({ value: chunk, done }: IteratorResult<Uint8Array>): Iterable<AnswerToken> {
    if (done) {
      this.isBodyOver = true;
      return this.#end();
    }
    this.#byteCount += chunk.byteLength;
    if (this.#byteCount > this.#maxBytes) throw new BrokenAnswer(`it has more than ${this.#maxBytes} bytes`);
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    if (this.#reader) return this.#reader.write(bytes);
    const head = withoutLead(this.#head.length > 0 ? Buffer.concat([this.#head, bytes]) : bytes);
    if (head.length >= SIGNATURE_BYTES) return this.#open(head).write(head);
    // A copy: the memory of the chunk is freed.
    this.#head = Buffer.from(head);
    return [];
  }

  *#end(): Generator<AnswerToken> {
    if (!this.#reader) yield* this.#open(this.#head).write(this.#head);
    yield* this.#reader!.end();
  }

  /** Chooses a reader by the answer's first bytes, because media types are often wrong. */
  #open(head: Buffer): AnswerReader {
    const { contentType, prompt } = this.#answer;
    const { maxImageBytes, maxOtherBytes } = this.#limits;
    if (head.length === 0) throw new BrokenAnswer("it is empty");
    const mediaType = contentType?.split(";", 1)[0]?.trim().toLowerCase();
    if (isImage(head)) this.#reader = new WholeImage(maxImageBytes);
    else if (head[0] === OPENING_BRACE || head[0] === OPENING_BRACKET)
      this.#reader = new JsonAnswer(this.#decoder, maxOtherBytes);
    else if (isEventStream(mediaType, head)) this.#reader = new EventStream(this.#decoder, maxOtherBytes);
    else throw new BrokenAnswer(`${describeAnswer(mediaType, head, prompt)}; ${WHERE_TO_LOOK}`);
    return this.#reader;
  }
}

const NO_TOKENS: Iterator<AnswerToken> = [][Symbol.iterator]();

function toBrokenAnswer({ reason, message }: UnreadableJson): BrokenAnswer {
  const advice = reason === "too much" ? "; images are read at data[].b64_json and data[].url" : "";
  return new BrokenAnswer(message + advice);
}

const OPENING_BRACE = 0x7b;
const OPENING_BRACKET = 0x5b;
const BYTE_ORDER_MARK = Buffer.from("\uFEFF");

/** Removes white space and a byte order mark from the beginning of a text, where they have no meaning. */
function withoutLead(head: Buffer): Buffer {
  const start = head.findIndex((byte) => byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09);
  const rest = start === -1 ? head.subarray(head.length) : head.subarray(start);
  const isMarked = rest.length >= BYTE_ORDER_MARK.length && rest.indexOf(BYTE_ORDER_MARK) === 0;
  return isMarked ? withoutLead(rest.subarray(BYTE_ORDER_MARK.length)) : rest;
}

/** The bytes of one picture. They end with the picture, or when the consumer requests the next event. */
class PictureBytes implements AsyncIterableIterator<Uint8Array, undefined> {
  readonly #tokens: TokenSource;
  #isOver = false;

  constructor(tokens: TokenSource) {
    this.#tokens = tokens;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<Uint8Array, undefined>> {
    if (this.#isOver) return { done: true, value: undefined };
    const token = await this.#tokens.next();
    if (token?.type === "bytes") return { done: false, value: token.bytes };
    this.#isOver = true;
    return { done: true, value: undefined };
  }

  async return(): Promise<IteratorResult<Uint8Array, undefined>> {
    this.leave();
    return { done: true, value: undefined };
  }

  leave(): void {
    this.#isOver = true;
  }
}

/**
 * The error in a document, if there is one. Compatible servers and streams report errors with status 200. Some leave the
 * member there and empty beside images.
 */
function errorIn(document: unknown, isErrorEvent: boolean): ProviderRefusal | undefined {
  const { error, type } = toRecord(document);
  if (!isEmpty(error)) return toRefusal(200, error);
  return isErrorEvent || type === "error" ? toRefusal(200, document) : undefined;
}

/** A picture that was read stands as "" in its document, and null is what servers leave that answer with addresses. */
function refuseOddImages(document: unknown): void {
  const { data, b64_json } = toRecord(document);
  const images = Array.isArray(data) ? data.map((item) => toRecord(item).b64_json) : [b64_json];
  if (images.some((image) => image !== undefined && image !== null && typeof image !== "string")) {
    throw new BrokenAnswer("an image is not base64");
  }
}

function isEmpty(value: unknown): boolean {
  if (typeof value === "object" && value !== null) return Object.values(value).every(isEmpty);
  return value === undefined || value === null || value === false || value === 0 || value === "";
}
