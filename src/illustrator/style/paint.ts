import type { Random } from "../canvas/random.ts";
import type { Raster } from "../canvas/raster.ts";
import { createNoiseField } from "./noise.ts";
import { luminanceOf } from "./tone.ts";

/** How many pixels of a stroke are mixed, and how many places its start can slide by. */
const SAMPLES = 5;
const SLIDES = 4;

/** The side of the tile of white noise that becomes the marks of the bristles. */
const TILE = 256;

/** Thick paint: colour drawn out along the strokes of a brush that follows the shapes, lit on its ridges. */
export function oil(raster: Raster, random: Random): void {
  const { width, height, data } = raster;
  const unit = Math.min(width, height) / 1000;
  const half = 19 * unit;
  const reach = Math.ceil(half) + 1;
  const stride = width + reach * 2;
  const source = withMargin(raster, reach);
  const cell = Math.max(2, Math.round(7 * unit));
  const columns = Math.ceil(width / cell) + 1;
  const strokes = strokesOf(directionsOf(raster, random, cell, unit), half, stride);
  const slide = createNoiseField(random, width, height, 6 * unit);
  const tile = Uint8Array.from({ length: TILE * TILE }, () => random.next() * 256);
  let above = new Float32Array(width);
  let current = new Float32Array(width);
  for (let y = 0; y < height; y++) {
    slide.moveTo(y);
    const row = Math.floor(y / cell) * columns;
    [above, current] = [current, above];
    for (let x = 0; x < width; x++) {
      const first =
        (row + Math.floor(x / cell)) * SAMPLES * SLIDES + Math.floor((slide.values[x] ?? 0) * (SLIDES - 0.01));
      const centre = (y + reach) * stride + x + reach;
      let red = 0;
      let green = 0;
      let blue = 0;
      let mark = 0;
      for (let sample = 0; sample < SAMPLES; sample++) {
        const pixel = centre + (strokes[first + sample * SLIDES] ?? 0);
        const from = pixel * 4;
        red += source[from] ?? 0;
        green += source[from + 1] ?? 0;
        blue += source[from + 2] ?? 0;
        mark += tile[pixel & (TILE * TILE - 1)] ?? 0;
      }
      const bristle = mark / (SAMPLES * 255);
      current[x] = bristle;
      const lift = (bristle - (above[x] ?? bristle)) * 18 + (bristle - 0.5) * 30;
      const position = (y * width + x) * 4;
      data[position] = byte(vivid(red / SAMPLES) + lift);
      data[position + 1] = byte(vivid(green / SAMPLES) + lift);
      data[position + 2] = byte(vivid(blue / SAMPLES) + lift * 0.9);
    }
  }
}

/** The picture with its edge pixels repeated around it, so that no stroke leaves it. */
function withMargin({ width, height, data }: Raster, margin: number): Uint8Array {
  const stride = width + margin * 2;
  const source = new Uint32Array(data.buffer, data.byteOffset, width * height);
  const padded = new Uint32Array(stride * (height + margin * 2));
  for (let y = 0; y < height + margin * 2; y++) {
    const row = Math.max(0, Math.min(height - 1, y - margin)) * width;
    const start = y * stride;
    padded.fill(source[row] ?? 0, start, start + margin);
    padded.set(source.subarray(row, row + width), start + margin);
    padded.fill(source[row + width - 1] ?? 0, start + margin + width, start + stride);
  }
  return new Uint8Array(padded.buffer);
}

/** For every cell, how far from a pixel its stroke's samples are, as steps in the padded picture. */
function strokesOf(directions: Float32Array, half: number, stride: number): Int32Array {
  const steps = SAMPLES * SLIDES;
  const strokes = new Int32Array((directions.length / 2) * steps);
  for (let cell = 0; cell < directions.length / 2; cell++) {
    for (let step = 0; step < steps; step++) {
      const along = ((step / (steps - 1)) * 2 - 1) * half;
      const x = Math.round((directions[cell * 2] ?? 0) * along);
      const y = Math.round((directions[cell * 2 + 1] ?? 0) * along);
      strokes[cell * steps + step] = y * stride + x;
    }
  }
  return strokes;
}

/** Which way the brush goes in each cell: along an edge where there is one, else in slow swirls. */
function directionsOf(raster: Raster, random: Random, cell: number, unit: number): Float32Array {
  const { width, height } = raster;
  const luminance = luminanceOf(raster);
  const columns = Math.ceil(width / cell) + 1;
  const rows = Math.ceil(height / cell) + 1;
  const directions = new Float32Array(columns * rows * 2);
  const gap = Math.max(2, Math.round(9 * unit));
  const swirls = createNoiseField(random, width, height, 210 * unit);
  for (let row = 0; row < rows; row++) {
    const y = Math.max(gap, Math.min(height - 1 - gap, row * cell));
    swirls.moveTo(y);
    for (let column = 0; column < columns; column++) {
      const x = Math.max(gap, Math.min(width - 1 - gap, column * cell));
      const pixel = y * width + x;
      const across = (luminance[pixel + gap] ?? 0) - (luminance[pixel - gap] ?? 0);
      const down = (luminance[pixel + gap * width] ?? 0) - (luminance[pixel - gap * width] ?? 0);
      const isEdge = Math.hypot(across, down) > 22;
      const angle = isEdge ? Math.atan2(across, -down) : ((swirls.values[x] ?? 0) - 0.5) * Math.PI * 2.4;
      directions[(row * columns + column) * 2] = Math.cos(angle);
      directions[(row * columns + column) * 2 + 1] = Math.sin(angle);
    }
  }
  return directions;
}

/** A little more contrast than the drawing has. */
const vivid = (value: number): number => (value - 128) * 1.08 + 126;

const byte = (value: number): number => Math.max(0, Math.min(255, value));
