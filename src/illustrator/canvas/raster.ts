import { Resvg } from "@resvg/resvg-js";
import type { Layer } from "./layer.ts";

/** Pixels as red, green, blue, alpha; a byte each, the colours multiplied by alpha. */
export interface Raster {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

/** Turns a layer into exactly this many pixels. */
export function rasterise(layer: Layer, width: number, height: number): Raster {
  const image = new Resvg(layer.toSvg(width, height), {
    font: { loadSystemFonts: false },
    shapeRendering: 2,
    logLevel: "off",
  }).render();
  if (image.width !== width || image.height !== height) throw new RangeError("The layer came out in another size.");
  const { pixels } = image;
  return { width, height, data: new Uint8Array(pixels.buffer, pixels.byteOffset, pixels.byteLength) };
}

/** Lays one raster over another one of the same size. */
export function overlay(under: Raster, over: Raster): void {
  const target = under.data;
  const source = over.data;
  for (let position = 0; position < source.length; position += 4) {
    const alpha = source[position + 3] ?? 0;
    if (alpha === 0) continue;
    const rest = 255 - alpha;
    for (let channel = 0; channel < 4; channel++) {
      const index = position + channel;
      target[index] = (source[index] ?? 0) + ((target[index] ?? 0) * rest + 127) / 255;
    }
  }
}

/** Turns a layer into pixels out of focus: drawn small, then stretched smoothly. `sigma` is in pixels. */
export function rasteriseBlurred(layer: Layer, width: number, height: number, sigma: number): Raster {
  const small = rasterise(
    layer,
    Math.max(2, Math.min(width, Math.round(width / Math.max(1, sigma)))),
    Math.max(2, Math.min(height, Math.round(height / Math.max(1, sigma)))),
  );
  const data = new Uint8Array(width * height * 4);
  const scaleX = (small.width - 1) / Math.max(1, width - 1);
  const scaleY = (small.height - 1) / Math.max(1, height - 1);
  for (let y = 0; y < height; y++) {
    const row = Math.min(small.height - 2, Math.floor(y * scaleY));
    const down = y * scaleY - row;
    for (let x = 0; x < width; x++) {
      const column = Math.min(small.width - 2, Math.floor(x * scaleX));
      const across = x * scaleX - column;
      const from = (row * small.width + column) * 4;
      const below = from + small.width * 4;
      for (let channel = 0; channel < 4; channel++) {
        const left = small.data[from + channel] ?? 0;
        const top = left + ((small.data[from + 4 + channel] ?? 0) - left) * across;
        const lower = small.data[below + channel] ?? 0;
        const bottom = lower + ((small.data[below + 4 + channel] ?? 0) - lower) * across;
        data[(y * width + x) * 4 + channel] = top + (bottom - top) * down;
      }
    }
  }
  return { width, height, data };
}

/** Whether a pixel is not opaque. */
export function hasAlpha(data: Uint8Array): boolean {
  for (let position = 3; position < data.length; position += 4) if (data[position] !== 255) return true;
  return false;
}

/** A copy with the colours multiplied by alpha. */
export function multiplyAlpha(straight: Uint8Array): Uint8Array {
  const data = new Uint8Array(straight);
  for (let position = 0; position < data.length; position += 4) {
    const alpha = data[position + 3] ?? 0;
    if (alpha === 255) continue;
    for (let channel = 0; channel < 3; channel++) {
      data[position + channel] = Math.round(((data[position + channel] ?? 0) * alpha) / 255);
    }
  }
  return data;
}

/** Undoes {@link multiplyAlpha} in place. */
export function divideAlpha(data: Uint8Array): Uint8Array {
  for (let position = 0; position < data.length; position += 4) {
    const alpha = data[position + 3] ?? 0;
    if (alpha === 255 || alpha === 0) continue;
    for (let channel = 0; channel < 3; channel++) {
      data[position + channel] = Math.min(255, Math.round(((data[position + channel] ?? 0) * 255) / alpha));
    }
  }
  return data;
}
