import type { Random } from "../canvas/random.ts";
import type { Raster } from "../canvas/raster.ts";
import { edgesOf, luminanceOf } from "./tone.ts";

/** Large square pixels in few colours. */
export function pixelArt({ width, height, data }: Raster): void {
  const side = Math.max(2, Math.round(Math.min(width, height) / 128));
  for (let top = 0; top < height; top += side) {
    for (let left = 0; left < width; left += side) {
      const sums = [0, 0, 0];
      let count = 0;
      for (let y = top; y < Math.min(height, top + side); y++) {
        for (let x = left; x < Math.min(width, left + side); x++) {
          const position = (y * width + x) * 4;
          for (let channel = 0; channel < 3; channel++)
            sums[channel] = (sums[channel] ?? 0) + (data[position + channel] ?? 0);
          count++;
        }
      }
      const isOdd = (Math.floor(top / side) + Math.floor(left / side)) % 2 === 0;
      const colour = sums.map((sum) =>
        Math.max(0, Math.min(255, Math.round((sum / count + (isOdd ? 2.5 : -2.5)) / 15) * 15)),
      );
      for (let y = top; y < Math.min(height, top + side); y++) {
        for (let x = left; x < Math.min(width, left + side); x++) data.set(colour, (y * width + x) * 4);
      }
    }
  }
}

/** Few flat colours, dark outlines and a dot screen in the shadows, as printed. */
export function poster(raster: Raster): void {
  const { width, height, data } = raster;
  const scale = 1000 / Math.min(width, height);
  const luminance = luminanceOf(raster);
  const edges = edgesOf(luminance, width, height, Math.max(1, Math.round(1.6 / scale)));
  const spacing = 9;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const pixel = y * width + x;
      const position = pixel * 4;
      const tone = (luminance[pixel] ?? 0) / 255;
      const dotX = (((x + y) * scale * Math.SQRT1_2) % spacing) - spacing / 2;
      const dotY = (((((x - y) * scale * Math.SQRT1_2) % spacing) + spacing) % spacing) - spacing / 2;
      const radius = Math.max(0, 0.62 - tone) * spacing * 0.62;
      const dot = dotX * dotX + dotY * dotY < radius * radius ? 0.8 : 1;
      const line = 1 - Math.min(1, Math.max(0, (edges[pixel] ?? 0) - 26) / 40) * 0.85;
      for (let channel = 0; channel < 3; channel++) {
        const own = data[position + channel] ?? 0;
        const strong = (own - 128) * 1.18 + 128;
        const flat = Math.round(strong / 24) * 24;
        data[position + channel] = Math.max(0, Math.min(255, flat * dot * line + 14 * (1 - line)));
      }
    }
  }
}

/** The dark, with every edge a glowing tube. */
export function neon(raster: Raster, random: Random): void {
  const { width, height, data } = raster;
  const scale = 1000 / Math.min(width, height);
  const luminance = luminanceOf(raster);
  const wide = edgesOf(luminance, width, height, Math.max(1, Math.round(7 / scale)));
  const narrow = edgesOf(luminance, width, height, Math.max(1, Math.round(2 / scale)));
  const tubes = random.pick([
    [
      [255, 60, 190],
      [60, 220, 255],
    ],
    [
      [170, 90, 255],
      [60, 255, 200],
    ],
    [
      [255, 90, 120],
      [110, 130, 255],
    ],
  ] as const);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const pixel = y * width + x;
      const position = pixel * 4;
      const share = (x / width + y / height) / 2;
      const glow = Math.min(1, (wide[pixel] ?? 0) / 190) * 0.55;
      const core = Math.min(1, (narrow[pixel] ?? 0) / 95);
      for (let channel = 0; channel < 3; channel++) {
        const own = data[position + channel] ?? 0;
        const base = own * 0.4 + ([16, 6, 44][channel] ?? 0);
        const tube = (tubes[0][channel] ?? 0) * (1 - share) + (tubes[1][channel] ?? 0) * share;
        const lit = 255 - ((255 - base) * (255 - tube * glow)) / 255;
        data[position + channel] = Math.min(255, lit + (tube * 0.75 + 70) * core * 0.7);
      }
    }
  }
}
