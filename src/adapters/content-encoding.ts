import { pipeline, type Transform } from "node:stream";
import {
  constants,
  createBrotliDecompress,
  createGunzip,
  createInflate,
  createInflateRaw,
  createZstdDecompress,
} from "node:zlib";

/** The error for compressed data that is damaged or cut short. */
export class DamagedContent extends Error {
  override readonly name = "DamagedContent";
}

type Coding = "gzip" | "deflate" | "br" | "zstd";

const CODINGS: ReadonlyMap<string, Coding> = new Map([
  ["gzip", "gzip"],
  ["x-gzip", "gzip"],
  ["deflate", "deflate"],
  ["br", "br"],
  ["zstd", "zstd"],
]);

/** The most codings of one body. Some proxies compress what a server has already compressed. */
const MAX_CODINGS = 3;
/** The number of first bytes from which a coding is recognised. */
const HEAD_BYTES = 4;
/** The size of the pieces that a decoder produces. */
const CHUNK_BYTES = 64 * 1024;
/** The first bytes of zstd, as a number. */
const ZSTD_MAGIC = 0xfd2fb528;
/** The largest window of zstd, as a power of 2: 8 MiB. @see https://www.rfc-editor.org/rfc/rfc9659 */
const ZSTD_WINDOW_LOG = 23;

/**
 * Decompresses a body as it arrives. For gzip and zstd the first bytes decide, not the header: such a body is
 * decompressed even if undeclared, and any other body that is declared so is passed on unchanged. Unknown codings in
 * the header are ignored.
 *
 * The output is not limited. The reader has to limit it.
 *
 * @param source each of its pieces is valid until the next one is requested
 * @param contentEncoding the header as it was received
 * @throws DamagedContent
 */
export function decodeContent(
  source: AsyncIterable<Uint8Array>,
  contentEncoding: string | null | undefined,
): AsyncIterableIterator<Uint8Array, undefined> {
  const codings = (contentEncoding ?? "").split(",").flatMap((name) => CODINGS.get(name.trim().toLowerCase()) ?? []);
  return new DecodedContent(source[Symbol.asyncIterator](), codings);
}

type Step = IteratorResult<Uint8Array, undefined>;

/** Most content is not compressed. Its pieces come straight from the source: a generator for each would cost more. */
class DecodedContent implements AsyncIterableIterator<Uint8Array, undefined> {
  readonly #source: AsyncIterator<Uint8Array>;
  readonly #declared: readonly Coding[];
  #body: AsyncIterator<Uint8Array> | undefined;

  constructor(source: AsyncIterator<Uint8Array>, declared: readonly Coding[]) {
    this.#source = source;
    this.#declared = declared;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<Step> {
    return this.#body ? this.#body.next() : this.#begin();
  }

  async return(): Promise<Step> {
    if (this.#body && this.#body !== this.#source) await this.#body.return?.();
    await this.#source.return?.();
    return { done: true, value: undefined };
  }

  async #begin(): Promise<Step> {
    const head = await readHead(this.#source);
    const isPlain = [undefined, ...this.#declared].every((coding) => codingOf(head, coding) === undefined);
    if (!isPlain) {
      this.#body = decodeAll(withHead(head, this.#source), [...this.#declared]);
      return this.#body.next();
    }
    this.#body = this.#source;
    return head.length > 0 ? { done: false, value: head } : { done: true, value: undefined };
  }
}

/** Reads the bytes by which a coding is recognised, or all there are. */
async function readHead(pieces: AsyncIterator<Uint8Array>): Promise<Uint8Array> {
  let head: Uint8Array = new Uint8Array(0);
  while (head.length < HEAD_BYTES) {
    const { value, done } = await pieces.next();
    if (done) break;
    head = head.length === 0 && value.length >= HEAD_BYTES ? value : Buffer.concat([head, value]);
  }
  return head;
}

async function* withHead(head: Uint8Array, rest: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  if (head.length > 0) yield head;
  for (;;) {
    const { value, done } = await rest.next();
    if (done) return;
    yield value;
  }
}

async function* decodeAll(source: AsyncIterable<Uint8Array>, declared: Coding[]): AsyncGenerator<Uint8Array> {
  let body = source;
  // The last one was applied last.
  for (let level = 0; level < MAX_CODINGS; level++) body = decodeOnce(body, declared.pop());
  yield* body;
}

async function* decodeOnce(
  source: AsyncIterable<Uint8Array>,
  declared: Coding | undefined,
): AsyncGenerator<Uint8Array> {
  const pieces = source[Symbol.asyncIterator]();
  try {
    const head = await readHead(pieces);
    const body = withHead(head, pieces);
    const coding = codingOf(head, declared);
    if (coding === undefined) yield* body;
    else yield* decompress(body, decoderFor(coding, head));
  } finally {
    await pieces.return?.();
  }
}

/** How content is compressed, by its first bytes, and where these cannot tell by what is declared. */
function codingOf(head: Uint8Array, declared: Coding | undefined): Coding | undefined {
  if (head[0] === 0x1f && head[1] === 0x8b) return "gzip";
  if (head.length >= HEAD_BYTES && Buffer.from(head.subarray(0, HEAD_BYTES)).readUInt32LE() === ZSTD_MAGIC) {
    return "zstd";
  }
  return declared === "br" || declared === "deflate" ? declared : undefined;
}

function decoderFor(coding: Coding, head: Uint8Array): Transform {
  const options = { chunkSize: CHUNK_BYTES };
  switch (coding) {
    case "gzip":
      return createGunzip(options);
    case "zstd":
      return createZstdDecompress({ ...options, params: { [constants.ZSTD_d_windowLogMax]: ZSTD_WINDOW_LOG } });
    case "br":
      return createBrotliDecompress(options);
    case "deflate":
      // Some servers leave the two bytes of zlib out.
      return ((head[0] ?? 0) & 0x0f) === 8 ? createInflate(options) : createInflateRaw(options);
    default:
      return coding satisfies never;
  }
}

async function* decompress(source: AsyncIterable<Uint8Array>, decoder: Transform): AsyncGenerator<Uint8Array> {
  let sourceError: unknown;
  async function* copies(): AsyncGenerator<Uint8Array> {
    try {
      for await (const piece of source) yield Buffer.from(piece);
    } catch (error) {
      sourceError = error;
      throw error;
    }
  }
  // The loop below throws every error.
  pipeline(copies(), decoder, () => {});
  try {
    yield* decoder as AsyncIterable<Uint8Array>;
  } catch (error) {
    throw sourceError ?? new DamagedContent("the compressed data is damaged or cut short", { cause: error });
  } finally {
    decoder.destroy();
  }
}
