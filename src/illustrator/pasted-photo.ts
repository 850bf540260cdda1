import type { Raster } from "./raster.ts";

/** A picture that is laid on another one: red, green, blue, alpha. */
export type Photo = Raster;

export interface Position {
  /** The middle, in pixels of the picture below. */
  readonly x: number;
  readonly y: number;
  readonly scale: number;
  /** Degrees, clockwise. */
  readonly turn: number;
}

/** The white border, and how far the shadow reaches, as shares of the print's shorter side. */
const BORDER = 0.045;
const SHADOW = 0.07;
const PAPER = [252, 250, 245] as const;

/** Lays a print with a white border and a soft shadow on a picture. */
export function pastePhoto(picture: Raster, print: Photo, { x: middleX, y: middleY, scale, turn }: Position): void {
  const { width, height, data } = picture;
  const [halfWidth, halfHeight] = [(print.width * scale) / 2, (print.height * scale) / 2];
  const short = 2 * Math.min(halfWidth, halfHeight);
  const border = short * BORDER;
  const shadow = short * SHADOW;
  const [cosine, sine] = [Math.cos((turn * Math.PI) / 180), Math.sin((turn * Math.PI) / 180)];
  const reach = Math.hypot(halfWidth, halfHeight) + border + 2 * shadow;
  const [fromX, toX] = [Math.max(0, Math.floor(middleX - reach)), Math.min(width, Math.ceil(middleX + reach))];
  const [fromY, toY] = [Math.max(0, Math.floor(middleY - reach)), Math.min(height, Math.ceil(middleY + reach))];
  const outside = (x: number, y: number): number => Math.max(Math.abs(x) - halfWidth, Math.abs(y) - halfHeight);
  const colour = new Float32Array(3);
  for (let y = fromY; y < toY; y++) {
    for (let x = fromX; x < toX; x++) {
      const [acrossX, acrossY] = [x + 0.5 - middleX, y + 0.5 - middleY];
      const printX = acrossX * cosine + acrossY * sine;
      const printY = acrossY * cosine - acrossX * sine;
      const beyond = outside(printX, printY);
      const position = (y * width + x) * 4;
      // Half a pixel on either side of the edge is mixed, so that it is smooth at any angle.
      const cover = Math.max(0, Math.min(1, border - beyond + 0.5));
      const shade = Math.max(
        0,
        1 - Math.max(0, outside(printX - shadow * 0.2, printY - shadow * 0.45) - border) / shadow,
      );
      darken(data, position, 1 - 0.42 * shade * shade * (1 - cover));
      if (cover === 0) continue;
      const inside = Math.max(0, Math.min(1, 0.5 - beyond));
      sample(print, (printX + halfWidth) / scale - 0.5, (printY + halfHeight) / scale - 0.5, colour);
      for (let channel = 0; channel < 3; channel++) {
        const paper = PAPER[channel] ?? 255;
        const own = paper + ((colour[channel] ?? 0) - paper) * inside;
        data[position + channel] = (data[position + channel] ?? 0) * (1 - cover) + own * cover;
      }
      data[position + 3] = Math.max(data[position + 3] ?? 0, 255 * cover);
    }
  }
}

function darken(data: Uint8Array, position: number, factor: number): void {
  if (factor === 1) return;
  for (let channel = 0; channel < 3; channel++) data[position + channel] = (data[position + channel] ?? 0) * factor;
}

/** The colour at a point between pixels, on paper where the print is transparent. */
function sample({ width, height, data }: Photo, x: number, y: number, colour: Float32Array): void {
  const left = Math.max(0, Math.min(width - 1, Math.floor(x)));
  const top = Math.max(0, Math.min(height - 1, Math.floor(y)));
  const [right, bottom] = [Math.min(width - 1, left + 1), Math.min(height - 1, top + 1)];
  const across = Math.max(0, Math.min(1, x - left));
  const down = Math.max(0, Math.min(1, y - top));
  for (let channel = 0; channel < 3; channel++) {
    const at = (column: number, row: number): number => {
      const position = (row * width + column) * 4;
      return (data[position + channel] ?? 0) + ((PAPER[channel] ?? 255) * (255 - (data[position + 3] ?? 0))) / 255;
    };
    const upper = at(left, top) * (1 - across) + at(right, top) * across;
    const lower = at(left, bottom) * (1 - across) + at(right, bottom) * across;
    colour[channel] = upper * (1 - down) + lower * down;
  }
}
