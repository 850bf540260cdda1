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
export async function* decodeContent(
  source: AsyncIterable<Uint8Array>,
  contentEncoding: string | null | undefined,
): AsyncGenerator<Uint8Array> {
  const declared = (contentEncoding ?? "").split(",").flatMap((name) => CODINGS.get(name.trim().toLowerCase()) ?? []);
  let body = source;
  // The header lists the codings in the order in which they were applied.
  for (let level = 0; level < MAX_CODINGS; level++) body = decodeOnce(body, declared.pop());
  yield* body;
}

async function* decodeOnce(
  source: AsyncIterable<Uint8Array>,
  declared: Coding | undefined,
): AsyncGenerator<Uint8Array> {
  const pieces = source[Symbol.asyncIterator]();
  try {
    let head: Uint8Array = new Uint8Array(0);
    while (head.length < HEAD_BYTES) {
      const { value, done } = await pieces.next();
      if (done) break;
      head = Buffer.concat([head, value]);
    }
    const decoder = decoderFor(head, declared);
    const body = withHead(head, pieces);
    if (decoder) yield* decompress(body, decoder);
    else yield* body;
  } finally {
    await pieces.return?.();
  }
}

async function* withHead(head: Uint8Array, rest: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  if (head.length > 0) yield head;
  for (;;) {
    const { value, done } = await rest.next();
    if (done) return;
    yield value;
  }
}

function decoderFor(head: Uint8Array, declared: Coding | undefined): Transform | undefined {
  const options = { chunkSize: CHUNK_BYTES };
  if (head[0] === 0x1f && head[1] === 0x8b) return createGunzip(options);
  if (head.length >= HEAD_BYTES && Buffer.from(head).readUInt32LE() === 0xfd2fb528) {
    return createZstdDecompress({ ...options, params: { [constants.ZSTD_d_windowLogMax]: ZSTD_WINDOW_LOG } });
  }
  if (declared === "br") return createBrotliDecompress(options);
  // Some servers omit the two header bytes of zlib.
  if (declared === "deflate") return ((head[0] ?? 0) & 0x0f) === 8 ? createInflate(options) : createInflateRaw(options);
  return undefined;
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
