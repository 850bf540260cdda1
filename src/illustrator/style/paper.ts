import type { Random } from "../canvas/random.ts";
import type { Raster } from "../canvas/raster.ts";
import { createNoiseField, type NoiseField } from "./noise.ts";
import { edgesOf, luminanceOf } from "./tone.ts";

/** The colours of the layer, as red, green and blue. */
const PAPER = [250, 247, 240] as const;

/** Washes on paper: edges that wander, pigment that pools, a white border. */
export function watercolour(raster: Raster, random: Random): void {
  const { width, height, data } = raster;
  const source = new Uint8Array(data);
  const unit = Math.min(width, height) / 1000;
  const field = (cell: number): NoiseField => createNoiseField(random, width, height, cell * unit);
  const [wander, drift, fine, pool, spot, grain, tear] = [
    field(30),
    field(27),
    field(9),
    field(120),
    field(44),
    field(2.6),
    field(40),
  ];
  const fields = [wander, drift, fine, pool, spot, grain, tear];
  const reach = 6 * unit;
  const edges = edgesOf(luminanceOf(raster), width, height, Math.max(1, Math.round(3 * unit)));
  for (let y = 0; y < height; y++) {
    for (const each of fields) each.moveTo(y);
    for (let x = 0; x < width; x++) {
      const jitter = ((fine.values[x] ?? 0) - 0.5) * 0.9;
      const fromX = clamp(Math.round(x + (((wander.values[x] ?? 0) - 0.5) * 2 + jitter) * reach), width);
      const fromY = clamp(Math.round(y + (((drift.values[x] ?? 0) - 0.5) * 2 + jitter) * reach), height);
      const from = fromY * width + fromX;
      const wash =
        0.08 + (pool.values[x] ?? 0) * 0.26 + (spot.values[x] ?? 0) * 0.12 + ((grain.values[x] ?? 0) - 0.5) * 0.09;
      const line = Math.min(0.26, (edges[from] ?? 0) / 460);
      const nearest = Math.min(x, y, width - 1 - x, height - 1 - y) / unit;
      const margin = nearest - 20 - (tear.values[x] ?? 0) * 26 - (fine.values[x] ?? 0) * 7;
      const cover = margin <= 0 ? 0 : Math.min(1, margin / 4);
      const rim = cover > 0 && margin < 9 ? (1 - margin / 9) * 0.16 : 0;
      const strength = (1 - line) * (1 - rim);
      const position = (y * width + x) * 4;
      for (let channel = 0; channel < 3; channel++) {
        const paper = PAPER[channel] ?? 245;
        const own = source[from * 4 + channel] ?? 0;
        const pigment = ((own + (255 - own) * wash) * strength * paper) / 255;
        data[position + channel] = paper + (pigment - paper) * cover;
      }
    }
  }
}

/** Pencil on paper: outlines and hatching, with a trace of colour. */
export function sketch(raster: Raster, random: Random): void {
  const { width, height, data } = raster;
  const scale = 1000 / Math.min(width, height);
  const grain = createNoiseField(random, width, height, 2.2 / scale);
  const waver = createNoiseField(random, width, height, 60 / scale);
  const luminance = luminanceOf(raster);
  const edges = edgesOf(luminance, width, height, Math.max(1, Math.round(1.5 / scale)));
  for (let y = 0; y < height; y++) {
    grain.moveTo(y);
    waver.moveTo(y);
    for (let x = 0; x < width; x++) {
      const pixel = y * width + x;
      const position = pixel * 4;
      const tone = (luminance[pixel] ?? 0) / 255;
      const tooth = grain.values[x] ?? 0;
      const bend = (waver.values[x] ?? 0) * 9;
      const line = Math.min(1, (edges[pixel] ?? 0) / 46) * (0.62 + tooth * 0.5);
      const strokes = hatch((x + y) * scale + bend, 9, 0.72 - tone) + hatch((x - y) * scale + bend, 10, 0.42 - tone);
      const ink = Math.min(0.94, line + strokes * 0.42 * (0.55 + tooth * 0.6));
      for (let channel = 0; channel < 3; channel++) {
        const paper = (PAPER[channel] ?? 245) - tooth * 7;
        const tint = paper + ((data[position + channel] ?? 0) - paper) * 0.17;
        data[position + channel] = tint + ((channel === 2 ? 58 : 46) - tint) * ink;
      }
    }
  }
}

/** One direction of pencil strokes: 1 on a stroke, 0 between; the darker the tone, the broader. */
function hatch(position: number, spacing: number, darkness: number): number {
  if (darkness <= 0.06) return 0;
  const share = Math.abs((((position % spacing) + spacing) % spacing) - spacing / 2) / (spacing / 2);
  return share < Math.min(0.85, darkness * 1.5) ? 1 : 0;
}

const clamp = (value: number, length: number): number => (value < 0 ? 0 : value >= length ? length - 1 : value);
