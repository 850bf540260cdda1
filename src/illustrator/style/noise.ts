import type { Random } from "../canvas/random.ts";

/** Smooth noise over a picture, row by row: cheap enough to have several for every pixel. */
export interface NoiseField {
  /** Makes `values` those of a row. */
  moveTo(y: number): void;
  /** The current row, 0–1 for every column. */
  readonly values: Float32Array;
}

/**
 * Seeded value noise: random heights on a grid of `cell` pixels, smoothly joined. A cell below two pixels gives grain.
 */
export function createNoiseField(random: Random, width: number, height: number, cell: number): NoiseField {
  const size = Math.max(1.5, cell);
  const columns = Math.ceil(width / size) + 2;
  const rows = Math.ceil(height / size) + 2;
  const grid = Float32Array.from({ length: columns * rows }, () => random.next());
  const cells = new Uint16Array(width);
  const shares = new Float32Array(width);
  for (let x = 0; x < width; x++) {
    const position = x / size;
    cells[x] = Math.floor(position);
    shares[x] = smooth(position - Math.floor(position));
  }
  const nodes = new Float32Array(columns);
  const values = new Float32Array(width);
  return {
    values,
    moveTo(y) {
      const row = Math.floor(y / size);
      const share = smooth(y / size - row);
      for (let column = 0; column < columns; column++) {
        const above = grid[row * columns + column] ?? 0;
        nodes[column] = above + ((grid[(row + 1) * columns + column] ?? 0) - above) * share;
      }
      for (let x = 0; x < width; x++) {
        const column = cells[x] ?? 0;
        const left = nodes[column] ?? 0;
        values[x] = left + ((nodes[column + 1] ?? 0) - left) * (shares[x] ?? 0);
      }
    },
  };
}

const smooth = (share: number): number => share * share * (3 - 2 * share);
