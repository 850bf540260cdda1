import type { Random } from "../canvas/random.ts";
import type { Raster } from "../canvas/raster.ts";

/** Cells of one colour, joined by dark seams: a window of stained glass. */
export function mosaic(raster: Raster, random: Random): void {
  const { width, height, data } = raster;
  const source = new Uint8Array(data);
  const cell = Math.max(4, Math.round(Math.min(width, height) / 38));
  const columns = Math.ceil(width / cell) + 2;
  const rows = Math.ceil(height / cell) + 2;
  const seeds = new Float32Array(columns * rows * 2);
  const tones = new Uint8Array(columns * rows * 3);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const index = row * columns + column;
      const x = (column - 1 + random.between(0.1, 0.9)) * cell;
      const y = (row - 1 + random.between(0.1, 0.9)) * cell;
      seeds[index * 2] = x;
      seeds[index * 2 + 1] = y;
      const shine = random.between(0.9, 1.14);
      const from = (clamp(Math.round(y), height) * width + clamp(Math.round(x), width)) * 4;
      for (let channel = 0; channel < 3; channel++)
        tones[index * 3 + channel] = byte((source[from + channel] ?? 0) * shine);
    }
  }
  const seam = Math.max(1.2, cell * 0.085);
  for (let y = 0; y < height; y++) {
    const row = Math.floor(y / cell) + 1;
    for (let x = 0; x < width; x++) {
      const column = Math.floor(x / cell) + 1;
      let nearest = Number.POSITIVE_INFINITY;
      let second = Number.POSITIVE_INFINITY;
      let owner = 0;
      for (let dy = -1; dy <= 1; dy++) {
        for (let dx = -1; dx <= 1; dx++) {
          const index = clamp(row + dy, rows) * columns + clamp(column + dx, columns);
          const distance = ((seeds[index * 2] ?? 0) - x) ** 2 + ((seeds[index * 2 + 1] ?? 0) - y) ** 2;
          if (distance < nearest) {
            second = nearest;
            nearest = distance;
            owner = index;
          } else if (distance < second) second = distance;
        }
      }
      const gap = Math.sqrt(second) - Math.sqrt(nearest);
      const cover = Math.max(0, Math.min(1, gap / seam - 0.4));
      const position = (y * width + x) * 4;
      for (let channel = 0; channel < 3; channel++)
        data[position + channel] = 28 + ((tones[owner * 3 + channel] ?? 0) - 28) * cover;
    }
  }
}

const byte = (value: number): number => Math.max(0, Math.min(255, value));

const clamp = (value: number, length: number): number => (value < 0 ? 0 : value >= length ? length - 1 : value);
