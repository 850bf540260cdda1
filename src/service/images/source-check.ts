import { inflateSync } from "node:zlib";
import type { PixelSize } from "../../ports/image-provider.ts";
import { type ImagePart, ImageParts, type PartsReader } from "./image-parts.ts";

/** The most pixels of an image that goes into an edit: those of the largest cameras in phones. */
export const MAX_SOURCE_PIXELS = 50_000_000;
/** Parts of a file: chunks of 2.5 KB in the largest file that is taken. */
const MAX_PARTS = 20_000;
/** Everything in a file that is not its picture: notes, profiles, EXIF, XMP, credentials. Depth maps take the most. */
const MAX_METADATA_BYTES = 8 * 1024 * 1024;
/** What compressed notes and profiles unpack to, together; they can be a thousand times as large as they look. */
const MAX_UNPACKED_BYTES = 1024 * 1024;
/** Compressed notes and profiles. Unpacking each costs time of the gateway's own. */
const MAX_COMPRESSED_PARTS = 100;
/** Passes over the picture in one JPEG. Encoders make about ten. */
const MAX_SCANS = 100;
/** What the first bytes of a part's content can tell. */
const HEADER_BYTES = 32;

/** Parts that hold the picture. Whatever else there is, is metadata. */
const PICTURE_PARTS: ReadonlySet<string> = new Set([
  ...["IHDR", "PLTE", "tRNS", "IDAT"].map((name) => `PNG ${name}`),
  ...["SOS", "DHT", "DAC", "0xdb", "0xdd"].map((name) => `JPEG ${name}`),
  ...["VP8X", "VP8 ", "VP8L", "ALPH"].map((name) => `WEBP ${name}`),
]);
/** Parts that say that there is more than one picture. */
const ANIMATIONS: ReadonlySet<string> = new Set(["PNG acTL", "WEBP ANIM", "WEBP ANMF"]);
/** Parts whose content is compressed, or may be. */
const COMPRESSED: ReadonlySet<string> = new Set(["PNG zTXt", "PNG iTXt", "PNG iCCP"]);
const JPEG_FRAME = /^JPEG SOF([0-9]+)$/;

/** Why a file is not given to a decoder, and for what the caller can do about it. */
export interface SourceProblem {
  readonly kind: "damaged" | "too many pixels" | "animation" | "too much metadata" | "too many parts";
  /** Set for `too many pixels`. */
  readonly size?: PixelSize;
}

const DAMAGED: SourceProblem = { kind: "damaged" };

/**
 * Follows an image while its bytes pass, and finds what would make its decoder work or hold more than a picture is worth,
 * before any decoder sees it.
 */
export class SourceCheck implements PartsReader {
  readonly #parts = new ImageParts(this);
  #part = "";
  #partCount = 0;
  #scanCount = 0;
  #metadataBytes = 0;
  #compressedCount = 0;
  #unpackedBytes = 0;
  /** What the current part's content begins with, or all of it where it is compressed. */
  #content: Buffer[] = [];
  #wantedBytes = 0;
  #contentBytes = 0;
  #size: PixelSize | undefined;
  #isInterlaced = false;
  #problem: SourceProblem | undefined;

  /** What is wrong with what has passed; nothing more is looked for then. */
  get problem(): SourceProblem | undefined {
    return this.#problem ?? (this.#parts.isMalformed ? DAMAGED : undefined);
  }

  /** As its header says; `undefined` before it has passed. */
  get size(): PixelSize | undefined {
    return this.#size;
  }

  /** Whether it is stored in passes over the whole picture. */
  get isInterlaced(): boolean {
    return this.#isInterlaced;
  }

  write(chunk: Uint8Array): void {
    if (!this.problem) this.#parts.write(chunk);
  }

  begin({ format, name, byteSize }: ImagePart): void {
    this.#part = `${format} ${name}`;
    this.#content = [];
    this.#contentBytes = byteSize;
    this.#wantedBytes = Math.min(byteSize, COMPRESSED.has(this.#part) ? MAX_UNPACKED_BYTES : HEADER_BYTES);
    this.#partCount++;
    if (this.#part === "JPEG SOS") this.#scanCount++;
    if (!PICTURE_PARTS.has(this.#part) && !JPEG_FRAME.test(this.#part)) this.#metadataBytes += byteSize;
    this.#problem ??= this.#problemOfPart();
  }

  content(bytes: Uint8Array): void {
    if (this.#wantedBytes === 0 || this.#problem) return;
    // Whoever hands bytes over may use their memory again.
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

  /** Precision, height, width and components. A file has one frame; 2, 6, 10 and 14 are those in several passes. */
  #readFrame(content: Buffer, kind: number): SourceProblem | undefined {
    if (content.length < 6 || this.#size) return DAMAGED;
    this.#isInterlaced = kind % 4 === 2;
    return this.#takeSize(content.readUInt16BE(3), content.readUInt16BE(1));
  }

  /** Keyword, whether it is compressed, how, language, translated keyword, text. */
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
