import { type AnswerLimits, readImages } from "../../../src/adapters/openai/answers/image-answer.ts";
import type { ProviderEvent } from "../../../src/ports/image-provider.ts";

/** An event, with its bytes read to the end. */
export type ReadEvent =
  | { readonly type: "image"; readonly index: number; readonly bytes: Buffer }
  | { readonly type: "partial"; readonly index: number; readonly partialIndex: number; readonly bytes: Buffer }
  | Extract<ProviderEvent, { type: "usage" }>;

export async function readAll(events: AsyncIterable<ProviderEvent>): Promise<ReadEvent[]> {
  const read: ReadEvent[] = [];
  for await (const event of events) {
    read.push(event.type === "usage" ? event : { ...event, bytes: await readBytes(event.bytes) });
  }
  return read;
}

export async function readBytes(parts: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const read: Uint8Array[] = [];
  for await (const part of parts) read.push(Uint8Array.from(part));
  return Buffer.concat(read);
}

export interface AnswerOptions {
  readonly contentType?: string;
  readonly imageCount?: number;
  readonly prompt?: string;
  readonly isCanceled?: () => boolean;
  readonly limits?: AnswerLimits;
  readonly download?: (address: string) => AsyncIterable<Uint8Array>;
}

/** Returns the events of an answer in these chunks. Errors are thrown unchanged. */
export function eventsOf(
  chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  {
    contentType = "application/json",
    imageCount = 10,
    prompt = "",
    isCanceled = () => false,
    limits,
    download,
  }: AnswerOptions = {},
): AsyncGenerator<ProviderEvent> {
  return readImages({
    body: toAsync(chunks),
    contentType,
    imageCount,
    prompt,
    toError: (error) => error,
    isCanceled,
    release: () => {},
    ...(limits ? { limits } : {}),
    download,
  });
}

async function* toAsync(chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield* chunks;
}

/** Reads the answer in two chunks, split at `offset`. */
export function readCut(answer: Buffer, offset: number, options?: AnswerOptions): Promise<ReadEvent[]> {
  return readAll(eventsOf([answer.subarray(0, offset), answer.subarray(offset)], options));
}

/** A repeatable source of numbers in [0, 1). */
export function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function randomBytes(length: number, random: () => number): Buffer {
  return Buffer.from(Array.from({ length }, () => Math.floor(random() * 256)));
}

/** Splits into chunks of 1 to `most` bytes. */
export function* randomChunks(answer: Buffer, most: number, random: () => number): Generator<Buffer> {
  for (let start = 0; start < answer.length; ) {
    const end = start + 1 + Math.floor(random() * most);
    yield answer.subarray(start, end);
    start = end;
  }
}
