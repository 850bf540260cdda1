import { computed, signal } from "@preact/signals";
import { loadImage } from "../../image/shown-image.ts";
import { bytes, number } from "../../words/format.ts";
import { words } from "../../words/language.ts";

/** A picture that goes into an edit. */
export interface Source {
  /** Tells it apart on this page. */
  readonly key: number;
  /** The image of the gateway; `undefined` for a file. */
  readonly imageId?: string;
  /** What is sent; `undefined` for an image of the gateway. */
  readonly file?: Blob;
  /** Where the page shows it from. */
  readonly url: string;
  readonly thumbnail: string;
  /** In pixels, as it is seen: turned as its EXIF says. */
  readonly width: number;
  readonly height: number;
  /** What it shows: the prompt of an image, the name of a file. */
  readonly name: string;
}

/** What the gateway takes in one edit. Each file must be smaller than the bytes. */
export const MAX_SOURCES = 16;
export const MAX_FILE_BYTES = 50_000_000;
const MAX_PIXELS = 50_000_000;
/** The longest part of a file's name that a message repeats. */
const MAX_SHOWN_NAME = 40;

const t = words(
  {
    tooMany: (count: string) =>
      `An edit takes at most 16 pictures. ${count} were left out. Remove one to make room for another.`,
    oneTooMany: "An edit takes at most 16 pictures. One was left out. Remove another to make room.",
    tooLarge: (name: string, size: string) => `“${name}” has ${size}. A picture must be smaller than 50 MB.`,
    empty: (name: string) => `“${name}” is empty. Choose another file.`,
    type: (name: string) => `“${name}” is not a PNG, JPEG or WebP file. Save it as one of these, and add it again.`,
    damaged: (name: string) => `“${name}” cannot be shown. It may be damaged. Choose another file.`,
    pixels: (name: string, size: string) => `“${name}” has ${size} pixels. Make it smaller than 50 million pixels.`,
    picture: "Pasted picture",
  },
  {
    tooMany: (count: string) => `一次编辑最多 16 张图片。有 ${count} 张没有加入。请先移除一张。`,
    oneTooMany: "一次编辑最多 16 张图片。有一张没有加入。请先移除一张。",
    tooLarge: (name: string, size: string) => `“${name}”有 ${size}。图片必须小于 50 MB。`,
    empty: (name: string) => `“${name}”是空文件。请选择其他文件。`,
    type: (name: string) => `“${name}”不是 PNG、JPEG 或 WebP 文件。请另存为其中一种格式后再添加。`,
    damaged: (name: string) => `“${name}”无法显示，可能已损坏。请选择其他文件。`,
    pixels: (name: string, size: string) => `“${name}”有 ${size} 像素。请缩小到 5000 万像素以内。`,
    picture: "粘贴的图片",
  },
);

/** The pictures of the edit. The first one is edited, the others are references. They stay while the tab is open. */
export const sources = signal<readonly Source[]>([]);
/** Why the last pictures were not added, each in a sentence. */
export const sourceProblems = signal<readonly string[]>([]);
/** The picture that is edited. */
export const edited = computed(() => sources.value[0]);

let nextKey = 1;

/** Adds files that were dropped, pasted or picked. Those that the gateway would refuse are left out, and it is said why. */
export async function addFiles(files: readonly File[]): Promise<void> {
  const room = Math.max(0, MAX_SOURCES - sources.value.length);
  const problems = files.length > room ? [tooMany(files.length - room)] : [];
  const read = await Promise.all(files.slice(0, room).map(readFile));
  const added = read.filter((each) => typeof each !== "string");
  sources.value = [...sources.value, ...added].slice(0, MAX_SOURCES);
  sourceProblems.value = [...problems, ...read.filter((each) => typeof each === "string")];
}

/** Adds an image of the gateway, unless it is there. @throws StudioError when the gateway has no such image */
export async function addImage(id: string): Promise<void> {
  if (sources.value.some(({ imageId }) => imageId === id)) return;
  const source = await readImage(id);
  const hasRoom = sources.value.length < MAX_SOURCES;
  if (hasRoom) sources.value = [...sources.value, source];
  sourceProblems.value = hasRoom ? [] : [tooMany(1)];
}

/** Begins with images of the gateway; what was there before goes. @throws StudioError when one of them is gone */
export async function beginWith(ids: readonly string[]): Promise<void> {
  const wanted = [...new Set(ids)].slice(0, MAX_SOURCES);
  if (wanted.join() === sources.value.map(({ imageId }) => imageId ?? "").join()) return;
  const begun = await Promise.all(wanted.map(readImage));
  clearSources();
  sources.value = begun;
}

export function removeSource({ key, file, url }: Source): void {
  sources.value = sources.value.filter((other) => other.key !== key);
  sourceProblems.value = [];
  if (file) URL.revokeObjectURL(url);
}

/** Makes a picture the one that is edited. */
export function moveToFront(source: Source): void {
  sources.value = [source, ...sources.value.filter(({ key }) => key !== source.key)];
}

/** Edits another image of the gateway instead of the first. @throws StudioError when it is gone */
export async function replaceFirst(id: string): Promise<void> {
  const source = await readImage(id);
  const [first, ...others] = sources.value;
  sources.value = [source, ...others.filter(({ imageId }) => imageId !== id)];
  if (first?.file) URL.revokeObjectURL(first.url);
}

export function clearSources(): void {
  for (const source of sources.value) removeSource(source);
}

/** Brings back pictures that were there before. The address of a file ended when it was removed. */
export function restoreSources(before: readonly Source[]): void {
  clearSources();
  sources.value = before.map((source) => {
    if (!source.file) return source;
    const url = URL.createObjectURL(source.file);
    return { ...source, url, thumbnail: url };
  });
}

async function readImage(id: string): Promise<Source> {
  const { url, thumbnail, width, height, generation } = await loadImage(id);
  return { key: nextKey++, imageId: id, url, thumbnail, width, height, name: generation.prompt };
}

/** Reads a file; answers why it cannot be used instead. */
async function readFile(file: File): Promise<Source | string> {
  const name = (file.name || t.picture).slice(0, MAX_SHOWN_NAME);
  if (file.size === 0) return t.empty(name);
  if (file.size >= MAX_FILE_BYTES) return t.tooLarge(name, bytes(file.size));
  if (!isPicture(new Uint8Array(await file.slice(0, 12).arrayBuffer()))) return t.type(name);
  const url = URL.createObjectURL(file);
  try {
    const image = new Image();
    image.src = url;
    await image.decode();
    const { naturalWidth: width, naturalHeight: height } = image;
    if (width * height <= MAX_PIXELS) return { key: nextKey++, file, url, thumbnail: url, width, height, name };
    URL.revokeObjectURL(url);
    return t.pixels(name, number(width * height));
  } catch {
    URL.revokeObjectURL(url);
    return t.damaged(name);
  }
}

/** Whether a file begins as a PNG, a JPEG or a WebP file. Its name and declared type may be wrong. */
function isPicture(start: Uint8Array): boolean {
  const text = String.fromCharCode(...start);
  return text.startsWith("\x89PNG\r\n\x1a\n") || text.startsWith("\xff\xd8\xff") || /^RIFF.{4}WEBP$/s.test(text);
}

function tooMany(count: number): string {
  return count === 1 ? t.oneTooMany : t.tooMany(number(count));
}
