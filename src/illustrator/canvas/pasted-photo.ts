import type { Area } from "./mask.ts";
import type { Random } from "./random.ts";
import type { Raster } from "./raster.ts";

/** A picture that is laid on another one. */
export type Photo = Raster;

interface Position {
  /** The middle, in pixels of the picture below. */
  readonly x: number;
  readonly y: number;
  readonly scale: number;
  /** Degrees, clockwise. */
  readonly turn: number;
}

/** The white border, and how far the shadow reaches, as shares of the photo's shorter side. */
const BORDER = 0.045;
const SHADOW = 0.07;
const PAPER = [252, 250, 245] as const;

/** Lays a photo with a white border and a soft shadow on a picture. */
export function pastePhoto(picture: Raster, photo: Photo, { x: middleX, y: middleY, scale, turn }: Position): void {
  const { width, height, data } = picture;
  const [halfWidth, halfHeight] = [(photo.width * scale) / 2, (photo.height * scale) / 2];
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
      const photoX = acrossX * cosine + acrossY * sine;
      const photoY = acrossY * cosine - acrossX * sine;
      const beyond = outside(photoX, photoY);
      const position = (y * width + x) * 4;
      // Half a pixel on either side of the edge is mixed, so that it is smooth at any angle.
      const cover = Math.max(0, Math.min(1, border - beyond + 0.5));
      const shade = Math.max(
        0,
        1 - Math.max(0, outside(photoX - shadow * 0.2, photoY - shadow * 0.45) - border) / shadow,
      );
      darken(data, position, 1 - 0.42 * shade * shade * (1 - cover));
      if (cover === 0) continue;
      const inside = Math.max(0, Math.min(1, 0.5 - beyond));
      sample(photo, (photoX + halfWidth) / scale - 0.5, (photoY + halfHeight) / scale - 0.5, colour);
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

/** The colour at a point between pixels, on paper where the photo is transparent. */
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

/** Side by side along the lower edge, the more the smaller, each at an angle of its own. */
export function pastePhotos(picture: Raster, photos: readonly Photo[], area: Area, random: Random): void {
  const columns = Math.max(2, Math.min(5, photos.length));
  for (const [index, photo] of photos.entries()) {
    const [column, row] = [index % columns, Math.floor(index / columns)];
    const room = area.width / columns;
    const scale = Math.min((room * 0.84) / photo.width, (area.height * 0.42) / photo.height);
    const inRow = Math.min(columns, photos.length - row * columns);
    pastePhoto(picture, photo, {
      x: area.left + area.width / 2 + (column - (inRow - 1) / 2) * room,
      y: area.top + area.height * (0.76 - row * 0.3),
      scale,
      turn: random.between(-7, 7),
    });
  }
}
