import type { ProviderEvent, TokenDetails, TokenUsage } from "../../ports/image-provider.ts";
import { Base64Decoder } from "./base64.ts";
import { BrokenAnswer } from "./broken-answer.ts";
import { EventStream } from "./event-stream.ts";
import { type AnswerReader, type AnswerToken, JsonAnswer } from "./json-answer.ts";
import { toRecord } from "./json-strings.ts";
import { toRefusal } from "./provider-refusal.ts";

export interface ImageAnswer {
  readonly body: AsyncIterable<Uint8Array>;
  /** The answer's media type with its parameters; `null` is taken for JSON. */
  readonly contentType: string | null;
  /** Images asked for. A surplus is read over. */
  readonly imageCount: number;
  /** Reads an image of which the answer holds only the address. @defaultValue such an answer is refused */
  readonly download?: ((address: string) => AsyncIterable<Uint8Array>) | undefined;
  /** Turns what the body or its content threw into what the consumer gets; also told whether an image had begun. */
  readonly toError: (error: unknown, hasImage: boolean) => unknown;
  /** Ends the call, so that a read of the body that is under way ends too. Called once, however reading ended. */
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

/** Twice the largest image uncompressed. */
export const MAX_IMAGE_BYTES = 64 * 1024 * 1024;

const LIMITS: AnswerLimits = { maxImageBytes: MAX_IMAGE_BYTES, maxOtherBytes: 1024 * 1024 };

/**
 * Hands over the images of an answer while they arrive. At any time it holds one chunk of the body, one block of base64
 * and one decoded block, and it asks for the next chunk only when the consumer wants more than that.
 *
 * An image that the consumer leaves is read over. Leaving the generator itself releases the call and cancels the body.
 */
export async function* readImages(answer: ImageAnswer): AsyncGenerator<ProviderEvent> {
  const tokens = new TokenSource(answer);
  try {
    yield* toEvents(tokens, answer);
  } catch (error) {
    throw answer.toError(error, tokens.hasImage);
  } finally {
    answer.release();
    await tokens.close();
  }
}

async function* toEvents(tokens: TokenSource, answer: ImageAnswer): AsyncGenerator<ProviderEvent> {
  const indexes = new Set<number>();
  let usage: TokenUsage | undefined;
  let partialIndex = 0;
  for (let token = await tokens.next(); token; token = await tokens.next()) {
    if (token.type === "document") {
      checkDocument(token.value, token.event === "error");
      usage = toUsage(token.value) ?? usage;
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
    if (tokens.isEventStream && isDocumentOver && indexes.size === answer.imageCount) break;
  }
  if (indexes.size === 0) throw new BrokenAnswer("it holds no image");
  if (usage) yield { type: "usage", usage };
}

/** @throws BrokenAnswer at once, where nothing is downloaded */
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

/** The answer as one sequence of tokens, read from several places; a failure stays a failure. */
class TokenSource {
  readonly isEventStream: boolean;
  /** Whether an image was made: the call is paid. */
  hasImage = false;
  readonly #decoder: Base64Decoder;
  readonly #tokens: AsyncGenerator<AnswerToken>;
  readonly #toError: ImageAnswer["toError"];
  #failure: { readonly error: unknown } | undefined;

  constructor({ body, contentType, toError, limits = LIMITS }: ImageAnswer) {
    const mediaType = contentType?.split(";", 1)[0]?.trim().toLowerCase() ?? "application/json";
    this.isEventStream = mediaType === "text/event-stream";
    const isJson = /^application\/([\w.-]+\+)?json$/.test(mediaType);
    const Reader = this.isEventStream ? EventStream : isJson ? JsonAnswer : undefined;
    this.#decoder = new Base64Decoder(limits.maxImageBytes);
    this.#tokens = readTokens(body, Reader && new Reader(this.#decoder, limits.maxOtherBytes));
    this.#toError = toError;
  }

  async next(): Promise<AnswerToken | undefined> {
    if (this.#failure) throw this.#failure.error;
    try {
      const { value, done } = await this.#tokens.next();
      return done ? undefined : value;
    } catch (error) {
      this.#failure = { error: this.#toError(error, this.hasImage) };
      throw this.#failure.error;
    }
  }

  async close(): Promise<void> {
    await this.#tokens.return(undefined);
    // Left to a collection, those of many calls would wait for it together.
    this.#decoder.release();
  }
}

async function* readTokens(
  body: AsyncIterable<Uint8Array>,
  reader: AnswerReader | undefined,
): AsyncGenerator<AnswerToken> {
  for await (const chunk of body) {
    if (!reader) throw new BrokenAnswer("it is not JSON");
    yield* reader.write(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength));
  }
  if (!reader) throw new BrokenAnswer("it is not JSON");
  yield* reader.end();
}

/** One picture's bytes, until its end or until the consumer goes on to the next event. */
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

/** Compatible servers and streams tell errors with status 200. */
function checkDocument(document: unknown, isErrorEvent: boolean): void {
  const { error, type, data, b64_json } = toRecord(document);
  if (error) throw toRefusal(200, error);
  if (isErrorEvent || type === "error") throw toRefusal(200, document);
  const images = Array.isArray(data) ? data.map((item) => toRecord(item).b64_json) : [b64_json];
  // A picture that was read stands as "" here; null and "" are left by servers that answer with addresses.
  if (images.some((image) => image !== undefined && image !== null && image !== "")) {
    throw new BrokenAnswer("an image is not base64");
  }
}

/** A total of 0 is how servers that do not count fill the field. */
function toUsage(document: unknown): TokenUsage | undefined {
  const usage = toRecord(toRecord(document).usage);
  const { input_tokens: inputTokens, output_tokens: outputTokens, total_tokens: totalTokens } = usage;
  if (!isCount(inputTokens) || !isCount(outputTokens) || !isCount(totalTokens) || totalTokens === 0) return undefined;
  const inputDetails = toDetails(usage.input_tokens_details, inputTokens);
  const outputDetails = toDetails(usage.output_tokens_details, outputTokens);
  return {
    inputTokens,
    outputTokens,
    totalTokens,
    ...(inputDetails && { inputDetails }),
    ...(outputDetails && { outputDetails }),
  };
}

/** Parts that are not the whole tell nothing. */
function toDetails(value: unknown, sum: number): TokenDetails | undefined {
  const { text_tokens: textTokens, image_tokens: imageTokens } = toRecord(value);
  if (!isCount(textTokens) || !isCount(imageTokens) || textTokens + imageTokens !== sum) return undefined;
  return { textTokens, imageTokens };
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
