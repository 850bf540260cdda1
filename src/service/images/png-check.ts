import { crc32 } from "node:zlib";
import type { PixelSize } from "../../ports/image-provider.ts";

const SIGNATURE = "\x89PNG\r\n\x1a\n";
const CHUNK_HEAD_BYTES = 8;
const CRC_BYTES = 4;
const HEADER_BYTES = 13;
const MAX_CHUNK_BYTES = 2 ** 31 - 1;
/** The best compression ratio that a deflate stream can reach. @see https://www.zlib.net/zlib_tech.html */
const MAX_DEFLATE_RATIO = 1032;

/** Samples of a pixel, and how many bits each may have, by colour type. */
const COLOUR_TYPES: ReadonlyMap<number, { readonly samples: number; readonly depths: readonly number[] }> = new Map([
  [0, { samples: 1, depths: [1, 2, 4, 8, 16] }],
  [2, { samples: 3, depths: [8, 16] }],
  [3, { samples: 1, depths: [1, 2, 4, 8] }],
  [4, { samples: 2, depths: [8, 16] }],
  [6, { samples: 4, depths: [8, 16] }],
]);

/**
 * Checks while a PNG's bytes stream past whether it arrives complete and undamaged. This costs much less than decoding
 * it, and works because checksums cover every chunk of a PNG.
 *
 * It is stricter than decoders are: for some unusual but valid files it gives no result.
 *
 * @see https://www.w3.org/TR/png-3/#5Chunk-layout
 */
export class PngCheck {
  #state: "signature" | "chunk head" | "data" | "checksum" | "over" | "unknown" = "signature";
  /** The bytes so far of the signature, chunk head or checksum that is being read. */
  readonly #part = Buffer.alloc(CHUNK_HEAD_BYTES);
  /** The chunk's name in its head. */
  readonly #name = this.#part.subarray(4);
  #partLength = 0;
  #type = "";
  #bytesLeft = 0;
  #checksum = 0;
  /** The content of IHDR. */
  readonly #header = Buffer.alloc(HEADER_BYTES);
  #headerLength = 0;
  readonly #dataHead: number[] = [];
  #dataBytes = 0;
  #hasPalette = false;

  /** The image's size if it is complete and undamaged; `undefined` if that is not known. */
  get size(): PixelSize | undefined {
    if (this.#state !== "over") return undefined;
    const [width, height] = [this.#header.readUInt32BE(0), this.#header.readUInt32BE(4)];
    const [depth = 0, colourType = 0, ...methods] = this.#header.subarray(8);
    const colour = COLOUR_TYPES.get(colourType);
    const [compression, filter, interlace = 2] = methods;
    if (!colour?.depths.includes(depth) || compression !== 0 || filter !== 0 || interlace > 1) return undefined;
    if (width === 0 || height === 0 || (colourType === 3 && !this.#hasPalette)) return undefined;
    const pixelBytes = height * Math.ceil((width * colour.samples * depth) / 8);
    if (!this.#isDeflate || this.#dataBytes * MAX_DEFLATE_RATIO < pixelBytes) return undefined;
    return { width, height };
  }

  write(bytes: Uint8Array): void {
    let position = 0;
    while (position < bytes.length && this.#state !== "unknown") {
      if (this.#state === "data") {
        const data = bytes.subarray(position, position + this.#bytesLeft);
        position += data.length;
        this.#takeData(data);
      } else if (this.#state === "over") {
        this.#state = "unknown";
      } else {
        const wanted = this.#state === "checksum" ? CRC_BYTES : CHUNK_HEAD_BYTES;
        while (this.#partLength < wanted && position < bytes.length)
          this.#part[this.#partLength++] = bytes[position++]!;
        if (this.#partLength === wanted) this.#takePart();
      }
    }
  }

  #takePart(): void {
    this.#partLength = 0;
    if (this.#state === "signature") {
      this.#state = this.#part.toString("latin1") === SIGNATURE ? "chunk head" : "unknown";
    } else if (this.#state === "chunk head") {
      this.#startChunk(this.#part.readUInt32BE(0), this.#name.toString("latin1"));
    } else if (this.#part.readUInt32BE(0) === this.#checksum) {
      this.#state = this.#type === "IEND" ? "over" : "chunk head";
    } else {
      this.#state = "unknown";
    }
  }

  #startChunk(byteCount: number, type: string): void {
    this.#state = this.#isExpected(byteCount, type) ? (byteCount === 0 ? "checksum" : "data") : "unknown";
    this.#type = type;
    this.#bytesLeft = byteCount;
    this.#checksum = crc32(this.#name);
    if (type === "PLTE") this.#hasPalette = true;
  }

  /**
   * Whether a chunk may stand here. Of the other chunks, only those that decoders may ignore (lower-case initial) pass.
   */
  #isExpected(byteCount: number, type: string): boolean {
    if (byteCount > MAX_CHUNK_BYTES) return false;
    const isFirst = this.#type === "";
    switch (type) {
      case "IHDR":
        return isFirst && byteCount === HEADER_BYTES;
      case "PLTE":
        return !isFirst && !this.#hasPalette && this.#dataBytes === 0;
      case "IDAT":
        return !isFirst && (this.#dataBytes === 0 || this.#type === "IDAT");
      case "IEND":
        return this.#dataBytes > 0 && byteCount === 0;
      default:
        return !isFirst && /^[a-z][A-Za-z]{3}$/.test(type);
    }
  }

  #takeData(data: Uint8Array): void {
    this.#checksum = crc32(data, this.#checksum);
    this.#bytesLeft -= data.length;
    if (this.#type === "IHDR") {
      this.#header.set(data, this.#headerLength);
      this.#headerLength += data.length;
    } else if (this.#type === "IDAT") {
      this.#dataBytes += data.length;
      for (let at = 0; this.#dataHead.length < 2 && at < data.length; at++) this.#dataHead.push(data[at]!);
    }
    if (this.#bytesLeft === 0) this.#state = "checksum";
  }

  /** Whether the pixels begin as a zlib stream does (RFC 1950). */
  get #isDeflate(): boolean {
    const [method = 0, flags = 0] = this.#dataHead;
    return (method & 0x0f) === 8 && (method * 256 + flags) % 31 === 0;
  }
}
