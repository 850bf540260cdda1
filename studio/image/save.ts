import type { ImageFormat } from "../generated/graphql.ts";
import { isKeptElsewhere, readPicture } from "./read-picture.ts";

const EXTENSIONS = { PNG: "png", JPEG: "jpg", WEBP: "webp", AVIF: "avif" } as const;
/** File systems take 255 bytes, and a Chinese character has three. */
const MAX_NAME_LENGTH = 60;
/** By then the browser has written a file that is in memory. */
const WRITTEN_MS = 60_000;

/** Names a file after its prompt and size: `a-red-fox-1536x1024.png`. */
export function downloadName(prompt: string, size: string, format: ImageFormat): string {
  return `${nameOf(prompt)}-${size.replace(/[^\d]+/g, "x")}.${EXTENSIONS[format]}`;
}

/** Names the file that the model sent. The browser adds the ending, because its format is not known here. */
export function originalName(prompt: string): string {
  return `${nameOf(prompt)}-original`;
}

/**
 * Saves the picture at an address as a file. A picture in a bucket is read first, because browsers open what comes from
 * another host instead of saving it. If the bucket does not allow that, it is opened in a tab.
 */
export async function save(url: string, name: string): Promise<void> {
  if (!(await isKeptElsewhere(url))) return follow(url, { download: name });
  try {
    const saved = URL.createObjectURL(await readPicture(url));
    follow(saved, { download: name });
    setTimeout(() => URL.revokeObjectURL(saved), WRITTEN_MS);
  } catch {
    follow(url, { target: "_blank", rel: "noopener" });
  }
}

/** Does what a click on a link does. */
function follow(href: string, properties: Partial<HTMLAnchorElement>): void {
  Object.assign(document.createElement("a"), { href, ...properties }).click();
}

function nameOf(prompt: string): string {
  const words = prompt.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, "-");
  return [...words].slice(0, MAX_NAME_LENGTH).join("").replace(/^-|-$/g, "") || "picture";
}
