import type { ImageFormat } from "../generated/graphql.ts";

const EXTENSIONS = { PNG: "png", JPEG: "jpg", WEBP: "webp", AVIF: "avif" } as const;
/** File systems take 255 bytes, and a Chinese character has three. */
const MAX_NAME_LENGTH = 60;

/** Names a file after its prompt and size: `a-red-fox-1536x1024.png`. */
export function downloadName(prompt: string, size: string, format: ImageFormat): string {
  const words = prompt.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, "-");
  const name = [...words].slice(0, MAX_NAME_LENGTH).join("").replace(/^-|-$/g, "") || "picture";
  return `${name}-${size.replace(/[^\d]+/g, "x")}.${EXTENSIONS[format]}`;
}

/** Saves what is at an address as a file, as a click on a link would. */
export function save(url: string, name: string): void {
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
}
