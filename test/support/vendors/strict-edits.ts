import type { IncomingMessage } from "node:http";
import { buffer } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { Busboy, type BusboyHeaders } from "@fastify/busboy";
import sharp from "sharp";
import type { ErrorFields } from "./vendor-error.ts";

/** A file of a multipart body, as it arrived. */
export interface RecordedFile {
  /** `image[]`, `mask` */
  readonly name: string;
  readonly fileName: string;
  readonly mediaType: string;
  readonly bytes: Buffer;
}

export interface RecordedForm {
  readonly body: Readonly<Record<string, unknown>>;
  readonly files: readonly RecordedFile[];
}

/** Reads a form as the vendor does: numbers and `stream` are texts. Returns `undefined` if it is not a form. */
export async function readForm(incoming: IncomingMessage): Promise<RecordedForm | undefined> {
  if (!incoming.headers["content-type"]?.startsWith("multipart/form-data")) return undefined;
  const body: Record<string, unknown> = {};
  const files: Promise<RecordedFile>[] = [];
  const parser = new Busboy({
    headers: incoming.headers as BusboyHeaders,
    isPartAFile: (_field, type, fileName) => type !== undefined && fileName !== undefined,
  });
  parser.on("field", (name, value) => {
    body[name] = toValue(name, value);
  });
  parser.on("file", (name, stream, fileName, _encoding, mediaType) => {
    files.push(buffer(stream).then((bytes) => ({ name, fileName, mediaType, bytes })));
  });
  await pipeline(incoming, parser);
  return { body, files: await Promise.all(files) };
}

function toValue(name: string, text: string): unknown {
  if (["n", "output_compression", "partial_images"].includes(name)) return Number(text);
  if (name === "stream") return text === "true" ? true : text === "false" ? false : text;
  return text;
}

const MAX_IMAGES = 16;
const MAX_BYTES = 50_000_000;

/** The vendor's rules for the files of `POST /v1/images/edits`. */
export async function checkFiles(files: readonly RecordedFile[]): Promise<ErrorFields | undefined> {
  const unknown = files.find(({ name }) => name !== "image[]" && name !== "image" && name !== "mask");
  if (unknown) {
    return { message: `Unknown parameter: '${unknown.name}'.`, param: unknown.name, code: "unknown_parameter" };
  }
  const images = files.filter(({ name }) => name !== "mask");
  const [mask, ...otherMasks] = files.filter(({ name }) => name === "mask");
  const [first] = images;
  if (!first)
    return { message: "Missing required parameter: 'image'.", param: "image", code: "missing_required_parameter" };
  if (images.length > MAX_IMAGES || otherMasks.length > 0) return invalid("image", "Too many files.");
  for (const file of files) {
    const metadata = await sharp(file.bytes)
      .metadata()
      .catch(() => undefined);
    const isAccepted = metadata && ["png", "jpeg", "webp"].includes(metadata.format);
    if (!isAccepted || file.bytes.length >= MAX_BYTES || file.mediaType !== `image/${metadata.format}`) {
      return invalid(file.name, "Invalid image file or mode.");
    }
  }
  if (!mask) return undefined;
  const [of, maskOf] = [await sharp(first.bytes).metadata(), await sharp(mask.bytes).metadata()];
  const fits = maskOf.format === "png" && maskOf.hasAlpha && maskOf.width === of.width && maskOf.height === of.height;
  return fits ? undefined : invalid("mask", "The mask must be a PNG with an alpha channel, of the image's size.");
}

function invalid(param: string, message: string): ErrorFields {
  return { message, param, code: "invalid_value" };
}
