import type { ImageFormat } from "../../ports/image-provider.ts";
import { formatOf } from "./pixels.ts";

/** A part that a file is made of: a chunk, a segment or a box. */
export interface ImagePart {
  readonly format: ImageFormat;
  /** As the format's specification calls it: `IDAT`, `APP11`, `VP8X`, `mdat`. */
  readonly name: string;
  /** The size of its content. */
  readonly byteSize: number;
}

/** Receives the parts of a file in order. */
export interface PartsReader {
  /** Returns whether it wants the part's content. */
  begin(part: ImagePart): boolean;
  /** Receives a piece of the current part's content. The bytes are valid only during the call. */
  content(bytes: Uint8Array): void;
  /** Called when the current part is complete. */
  end?(): void;
}

/** The result of reading the next bytes: the head of a part, or bytes between parts. */
type Head =
  | { readonly headBytes: number; readonly part?: ImagePart; readonly paddingBytes?: number; readonly isScan?: boolean }
  /** More bytes are needed. */
  | "more"
  /** The image ends here. Decoders ignore the bytes that follow. */
  | "end"
  /** In this format, no part can begin with these bytes. */
  | "malformed";

/** The most bytes of a part's head. */
const MAX_HEAD_BYTES = 16;
const MAX_PNG_CHUNK_BYTES = 2 ** 31 - 1;
const NOTHING = Buffer.alloc(0);

/**
 * Splits a PNG, JPEG, WebP or AVIF into its parts while its bytes stream past, without keeping the content.
 *
 * It reads containers as strictly as decoders do, or more strictly: it either finds every part that a decoder would
 * find, or reports that the file is malformed.
 */
export class ImageParts {
  readonly #reader: PartsReader;
  #state: "beginning" | "head" | "content" | "scan" | "end" | "malformed" = "beginning";
  #format: ImageFormat | undefined;
  /** The beginning of a head or a marker whose other bytes have not arrived yet. */
  #held: Buffer = NOTHING;
  #isContentWanted = false;
  #contentLeft = 0;
  #paddingLeft = 0;
  /** Bytes left in a WebP, by the size in its header. Decoders ignore the bytes that follow. */
  #riffLeft = 0;
  #isScanNext = false;

  constructor(reader: PartsReader) {
    this.#reader = reader;
  }

  /** Whether the file has none of the supported formats, or violates its format. */
  get isMalformed(): boolean {
    return this.#state === "malformed";
  }

  write(chunk: Uint8Array): void {
    let bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    if (this.#held.length > 0) bytes = Buffer.concat([this.#held, bytes]);
    this.#held = NOTHING;
    let position = 0;
    while (position < bytes.length || this.#isPartOver) {
      switch (this.#state) {
        case "content":
          position = this.#passContent(bytes, position);
          break;
        case "scan":
          position = this.#passScan(bytes, position);
          break;
        case "beginning":
        case "head": {
          const head = this.#state === "head" ? this.#readHead(bytes, position) : this.#begin(bytes);
          if (head === "more") {
            // The caller may reuse the memory of these bytes.
            this.#held = Buffer.from(bytes.subarray(position));
            return;
          }
          if (head === "end" || head === "malformed") this.#state = head;
          else position += this.#enter(head);
          break;
        }
        case "end":
        case "malformed":
          return;
        default:
          this.#state satisfies never;
      }
    }
  }

  get #isPartOver(): boolean {
    return this.#state === "content" && this.#contentLeft + this.#paddingLeft === 0;
  }

  #begin(bytes: Buffer): Head {
    if (bytes.length < 12) return "more";
    this.#format = formatOf(bytes);
    if (!this.#format) return "malformed";
    if (this.#format === "WEBP") this.#riffLeft = bytes.readUInt32LE(4) - 4;
    return { headBytes: { PNG: 8, JPEG: 2, WEBP: 12, AVIF: 0 }[this.#format] };
  }

  #readHead(bytes: Buffer, start: number): Head {
    switch (this.#format) {
      case "PNG":
        return readChunkHead(bytes, start);
      case "JPEG":
        return readSegmentHead(bytes.subarray(start));
      case "WEBP":
        return this.#riffLeft < RIFF_HEAD_BYTES ? "end" : readRiffHead(bytes.subarray(start));
      case "AVIF":
        return readBoxHead(bytes.subarray(start));
      default:
        return "malformed";
    }
  }

  /** Returns the size of the head. */
  #enter({ headBytes, part, paddingBytes = 0, isScan = false }: Exclude<Head, string>): number {
    this.#state = part ? "content" : "head";
    if (part) {
      this.#contentLeft = part.byteSize;
      this.#paddingLeft = paddingBytes;
      this.#riffLeft -= headBytes + part.byteSize + paddingBytes;
      this.#isScanNext = isScan;
      this.#isContentWanted = this.#reader.begin(part);
    }
    return headBytes;
  }

  /** Returns the position after what was passed, as {@link #passScan} does. */
  #passContent(bytes: Buffer, start: number): number {
    const contentEnd = Math.min(start + this.#contentLeft, bytes.length);
    this.#contentLeft -= contentEnd - start;
    if (this.#isContentWanted && contentEnd > start) this.#reader.content(bytes.subarray(start, contentEnd));
    const end = Math.min(contentEnd + this.#paddingLeft, bytes.length);
    this.#paddingLeft -= end - contentEnd;
    if (this.#isPartOver) {
      this.#state = this.#isScanNext ? "scan" : "head";
      this.#reader.end?.();
    }
    return end;
  }

  /** Pixels of a JPEG, up to the next marker: 0xFF and a byte that is neither 0 nor that of a restart. */
  #passScan(bytes: Buffer, start: number): number {
    let marker = markerIn(bytes, start);
    for (; marker < bytes.length; marker = markerIn(bytes, marker + 1)) {
      const next = bytes[marker] ?? 0;
      const isPixels = next === 0 || (next >= 0xd0 && next <= 0xd7);
      if (isPixels) continue;
      this.#state = "head";
      return marker - 1;
    }
    if (marker === bytes.length) this.#held = Buffer.from([0xff]);
    return bytes.length;
  }
}

/**
 * The index of the byte after the next 0xFF, which may not have arrived yet; `bytes.length + 1` when there is no 0xFF.
 */
function markerIn(bytes: Buffer, from: number): number {
  // Checking one byte is cheaper than a search where one 0xFF follows the other.
  if (bytes[from] === 0xff) return from + 1;
  const start = bytes.indexOf(0xff, from);
  return start === -1 ? bytes.length + 1 : start + 1;
}

/** PNG: length, name, content, checksum. A large PNG has hundreds of chunks. */
function readChunkHead(bytes: Buffer, start: number): Head {
  if (bytes.length - start < 8) return "more";
  const byteSize = bytes.readUInt32BE(start);
  const name = bytes.toString("latin1", start + 4, start + 8);
  if (byteSize > MAX_PNG_CHUNK_BYTES || !/^[A-Za-z]{4}$/.test(name)) return "malformed";
  if (name === "IEND") return "end";
  return { headBytes: 8, part: { format: "PNG", name, byteSize }, paddingBytes: 4 };
}

/** JPEG: marker, length, content. Pixels follow the start of a scan. */
function readSegmentHead(bytes: Buffer): Head {
  // Any number of fill bytes (0xFF) may precede a marker.
  let fillBytes = 0;
  while (bytes[fillBytes] === 0xff && bytes[fillBytes + 1] === 0xff) fillBytes++;
  if (fillBytes > 0) return { headBytes: fillBytes };
  if (bytes.length < 4) return bytes[0] === 0xff && bytes[1] === EOI ? "end" : "more";
  const marker = bytes[1] ?? 0;
  if (marker === EOI) return "end";
  const hasLength = marker >= 0xc0 && !(marker >= 0xd0 && marker <= 0xd8);
  if (bytes[0] !== 0xff || !hasLength) return "malformed";
  const byteSize = bytes.readUInt16BE(2) - 2;
  if (byteSize < 0) return "malformed";
  const part = { format: "JPEG", name: nameOfSegment(marker), byteSize } as const;
  return { headBytes: 4, part, isScan: marker === SOS };
}

const EOI = 0xd9;
const SOS = 0xda;

function nameOfSegment(marker: number): string {
  if (marker >= 0xe0 && marker <= 0xef) return `APP${marker - 0xe0}`;
  if (marker === SOS) return "SOS";
  if (marker === 0xfe) return "COM";
  if (marker === 0xc4) return "DHT";
  if (marker === 0xcc) return "DAC";
  if (marker >= 0xc0 && marker <= 0xcf && marker !== 0xc8) return `SOF${marker - 0xc0}`;
  return `0x${marker.toString(16)}`;
}

const RIFF_HEAD_BYTES = 8;

/** WebP: name, length, content, padded to an even length. */
function readRiffHead(bytes: Buffer): Head {
  if (bytes.length < RIFF_HEAD_BYTES) return "more";
  const byteSize = bytes.readUInt32LE(4);
  return {
    headBytes: RIFF_HEAD_BYTES,
    part: { format: "WEBP", name: bytes.toString("latin1", 0, 4), byteSize },
    paddingBytes: byteSize % 2,
  };
}

/**
 * AVIF: length, name, content. Length 1 means that a 64-bit length follows the name; length 0 means the rest of the
 * file.
 */
function readBoxHead(bytes: Buffer): Head {
  if (bytes.length < 8) return "more";
  const length = bytes.readUInt32BE(0);
  if (length === 1 && bytes.length < MAX_HEAD_BYTES) return "more";
  const headBytes = length === 1 ? MAX_HEAD_BYTES : 8;
  const boxBytes = length === 1 ? Number(bytes.readBigUInt64BE(8)) : length === 0 ? Number.MAX_SAFE_INTEGER : length;
  if (boxBytes < headBytes) return "malformed";
  const part = { format: "AVIF", name: bytes.toString("latin1", 4, 8), byteSize: boxBytes - headBytes } as const;
  return { headBytes, part };
}
