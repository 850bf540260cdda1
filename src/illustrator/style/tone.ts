import type { Raster } from "../canvas/raster.ts";
import { vignette } from "../canvas/shading.ts";

/** How bright each pixel looks, 0–255. */
export function luminanceOf({ width, height, data }: Raster): Float32Array {
  const luminance = new Float32Array(width * height);
  for (let pixel = 0; pixel < luminance.length; pixel++) {
    const position = pixel * 4;
    luminance[pixel] =
      (data[position] ?? 0) * 0.2126 + (data[position + 1] ?? 0) * 0.7152 + (data[position + 2] ?? 0) * 0.0722;
  }
  return luminance;
}

/** How sharply brightness changes at each pixel, 0 and up, measured over `reach` pixels. */
export function edgesOf(luminance: Float32Array, width: number, height: number, reach: number): Float32Array {
  const edges = new Float32Array(width * height);
  for (let y = reach; y < height - reach; y++) {
    for (let x = reach; x < width - reach; x++) {
      const pixel = y * width + x;
      const across = (luminance[pixel + reach] ?? 0) - (luminance[pixel - reach] ?? 0);
      const down = (luminance[pixel + reach * width] ?? 0) - (luminance[pixel - reach * width] ?? 0);
      edges[pixel] = Math.abs(across) + Math.abs(down);
    }
  }
  return edges;
}

/** Turns the picture grey, with a little more contrast. */
export function monochrome(raster: Raster): void {
  const luminance = luminanceOf(raster);
  for (let pixel = 0; pixel < luminance.length; pixel++) {
    const value = ((luminance[pixel] ?? 0) - 128) * 1.16 + 126;
    raster.data.fill(Math.max(0, Math.min(255, value)), pixel * 4, pixel * 4 + 3);
  }
}

/** Faded, warm tones as of an old print. */
export function vintage(raster: Raster): void {
  const luminance = luminanceOf(raster);
  const { data } = raster;
  for (let pixel = 0; pixel < luminance.length; pixel++) {
    const grey = 34 + (luminance[pixel] ?? 0) * 0.8;
    const position = pixel * 4;
    data[position] = Math.min(255, (data[position] ?? 0) * 0.3 + grey * 0.76 + 14);
    data[position + 1] = Math.min(255, (data[position + 1] ?? 0) * 0.3 + grey * 0.66 + 6);
    data[position + 2] = Math.min(255, (data[position + 2] ?? 0) * 0.28 + grey * 0.5);
  }
  vignette(raster, 0.4);
}
