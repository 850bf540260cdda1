import { inflateSync } from "node:zlib";
import type { PixelSize } from "../../ports/image-provider.ts";
import { type ImagePart, ImageParts, type PartsReader } from "./image-parts.ts";

/** The most pixels of an image to edit: about the resolution of the largest phone cameras. */
export const MAX_SOURCE_PIXELS = 50_000_000;
/** The most parts of a file: the largest accepted file in chunks of 2.5 KB. */
const MAX_PARTS = 20_000;
/** The most bytes of a file besides its picture: text, profiles, EXIF, XMP, credentials. Depth maps are the largest. */
const MAX_METADATA_BYTES = 8 * 1024 * 1024;
/** The most bytes of all unpacked text and profiles together. Unpacking can make them a thousand times as large. */
const MAX_UNPACKED_BYTES = 1024 * 1024;
/** The most compressed texts and profiles. The gateway unpacks each of them on its main thread. */
const MAX_COMPRESSED_PARTS = 100;
/** The most scans (passes over the picture) in one JPEG. Encoders make about ten. */
const MAX_SCANS = 100;
/** The first bytes of a part's content that are read. */
const HEADER_BYTES = 32;

/** Parts that hold the picture. All others are metadata. */
const PICTURE_PARTS: ReadonlySet<string> = new Set([
  ...["IHDR", "PLTE", "tRNS", "IDAT"].map((name) => `PNG ${name}`),
  ...["SOS", "DHT", "DAC", "0xdb", "0xdd"].map((name) => `JPEG ${name}`),
  ...["VP8X", "VP8 ", "VP8L", "ALPH"].map((name) => `WEBP ${name}`),
]);
/** Parts that mark a file with more than one picture. */
const ANIMATIONS: ReadonlySet<string> = new Set(["PNG acTL", "WEBP ANIM", "WEBP ANMF"]);
/** Parts whose content is compressed, or may be. */
const COMPRESSED: ReadonlySet<string> = new Set(["PNG zTXt", "PNG iTXt", "PNG iCCP"]);
const JPEG_FRAME = /^JPEG SOF([0-9]+)$/;

/** The reason why a file is not passed to a decoder. */
export interface SourceProblem {
  readonly kind: "damaged" | "too many pixels" | "animation" | "too much metadata" | "too many parts";
  /** Set for `too many pixels`. */
  readonly size?: PixelSize;
}

const DAMAGED: SourceProblem = { kind: "damaged" };

/**
 * Checks an image while its bytes stream past, before any decoder reads it. It finds content that would cost a decoder
 * too much time or memory.
 */
export class SourceCheck implements PartsReader {
  readonly #parts = new ImageParts(this);
  #part = "";
  #partCount = 0;
  #scanCount = 0;
  #metadataBytes = 0;
  #compressedCount = 0;
  #unpackedBytes = 0;
  /** The first bytes of the current part's content, or all of the content when it may be compressed. */
  #content: Buffer[] = [];
  #wantedBytes = 0;
  #contentBytes = 0;
  #size: PixelSize | undefined;
  #isInterlaced = false;
  #problem: SourceProblem | undefined;

  /** The first problem found so far. After that, the rest of the image is not checked. */
  get problem(): SourceProblem | undefined {
    return this.#problem ?? (this.#parts.isMalformed ? DAMAGED : undefined);
  }

  /** The size in the image's header; `undefined` before the header has passed. */
  get size(): PixelSize | undefined {
    return this.#size;
  }

  /** Whether the file stores the picture in several passes. */
  get isInterlaced(): boolean {
    return this.#isInterlaced;
  }

  write(chunk: Uint8Array): void {
    if (!this.problem) this.#parts.write(chunk);
  }

  begin({ format, name, byteSize }: ImagePart): boolean {
    this.#part = `${format} ${name}`;
    this.#content = [];
    this.#contentBytes = byteSize;
    this.#wantedBytes = Math.min(byteSize, COMPRESSED.has(this.#part) ? MAX_UNPACKED_BYTES : HEADER_BYTES);
    this.#partCount++;
    if (this.#part === "JPEG SOS") this.#scanCount++;
    if (!PICTURE_PARTS.has(this.#part) && !JPEG_FRAME.test(this.#part)) this.#metadataBytes += byteSize;
    this.#problem ??= this.#problemOfPart();
    return this.#problem === undefined;
  }

  content(bytes: Uint8Array): void {
    if (this.#wantedBytes === 0 || this.#problem) return;
    // The caller may reuse the memory of these bytes.
    const wanted = Buffer.from(bytes.subarray(0, this.#wantedBytes));
    this.#wantedBytes -= wanted.length;
    this.#content.push(wanted);
    if (this.#wantedBytes === 0) this.#problem ??= this.#read(Buffer.concat(this.#content));
  }

  #problemOfPart(): SourceProblem | undefined {
    if (ANIMATIONS.has(this.#part)) return { kind: "animation" };
    if (this.#partCount > MAX_PARTS || this.#scanCount > MAX_SCANS) return { kind: "too many parts" };
    return this.#metadataBytes > MAX_METADATA_BYTES ? { kind: "too much metadata" } : undefined;
  }

  #read(content: Buffer): SourceProblem | undefined {
    const [, frame] = JPEG_FRAME.exec(this.#part) ?? [];
    if (frame !== undefined) return this.#readFrame(content, Number(frame));
    switch (this.#part) {
      case "PNG IHDR":
        if (content.length < 13) return DAMAGED;
        this.#isInterlaced = content[12] === 1;
        return this.#takeSize(content.readUInt32BE(0), content.readUInt32BE(4));
      case "PNG zTXt":
      case "PNG iCCP":
        return this.#unpack(content.subarray(content.indexOf(0) + 2));
      case "PNG iTXt":
        return this.#readText(content);
      case "WEBP VP8X":
        if (content.length < 10) return DAMAGED;
        return this.#takeSize(content.readUIntLE(4, 3) + 1, content.readUIntLE(7, 3) + 1);
      case "WEBP VP8 ":
        if (content.length < 10) return DAMAGED;
        return this.#takeSize(content.readUInt16LE(6) & 0x3fff, content.readUInt16LE(8) & 0x3fff);
      case "WEBP VP8L":
        if (content.length < 5) return DAMAGED;
        return this.#takeSize((content.readUInt32LE(1) & 0x3fff) + 1, ((content.readUInt32LE(1) >>> 14) & 0x3fff) + 1);
      default:
        return undefined;
    }
  }

  /** Reads precision, height, width and components. A file has one frame. Kinds 2, 6, 10 and 14 are progressive. */
  #readFrame(content: Buffer, kind: number): SourceProblem | undefined {
    if (content.length < 6 || this.#size) return DAMAGED;
    this.#isInterlaced = kind % 4 === 2;
    return this.#takeSize(content.readUInt16BE(3), content.readUInt16BE(1));
  }

  /** Reads an iTXt chunk: keyword, compression flag, compression method, language, translated keyword, text. */
  #readText(content: Buffer): SourceProblem | undefined {
    const flag = content.indexOf(0) + 1;
    if (content[flag] !== 1) return undefined;
    const language = content.indexOf(0, flag + 2);
    return this.#unpack(content.subarray(content.indexOf(0, language + 1) + 1));
  }

  #unpack(compressed: Buffer): SourceProblem | undefined {
    const isTooMuch = ++this.#compressedCount > MAX_COMPRESSED_PARTS || this.#contentBytes > MAX_UNPACKED_BYTES;
    if (isTooMuch) return { kind: "too much metadata" };
    try {
      const roomBytes = MAX_UNPACKED_BYTES - this.#unpackedBytes;
      this.#unpackedBytes += inflateSync(compressed, { maxOutputLength: Math.max(1, roomBytes) }).length;
      return undefined;
    } catch (error) {
      const isTooLarge = (error as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE";
      return isTooLarge ? { kind: "too much metadata" } : DAMAGED;
    }
  }

  #takeSize(width: number, height: number): SourceProblem | undefined {
    if (width === 0 || height === 0) return DAMAGED;
    this.#size ??= { width, height };
    return width * height > MAX_SOURCE_PIXELS ? { kind: "too many pixels", size: { width, height } } : undefined;
  }
}
