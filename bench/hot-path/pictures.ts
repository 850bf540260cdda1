import sharp from "sharp";
import { seededRandom } from "../../test/support/random.ts";

/** A picture that the stand-in for the provider sends. The prompt is its label. */
export interface PictureKind {
  readonly label: string;
  /** Pixels of a side. */
  readonly side: number;
  /** The share of a colour's 255 steps that is noise. It decides the size of the PNG. */
  readonly noise: number;
}

export const PICTURES: readonly PictureKind[] = [
  { label: "0.3 MB", side: 1024, noise: 0.4 },
  { label: "2 MB", side: 1024, noise: 20 },
  { label: "8 MB", side: 2048, noise: 20 },
];

/** The model in all requests. */
export const MODEL = "gpt-image-2.6-flare";
/** The key that callers of the stand-in must send. */
export const PROVIDER_KEY = "sk-bench";

/** Draws a gradient with noise: a PNG that hardly compresses, like those of models. */
export function drawPicture({ side, noise }: PictureKind): Promise<Buffer> {
  const pixels = seededRandom(side).bytes(side * side * 3);
  for (let at = 0; at < pixels.length; at++) {
    const pixel = Math.floor(at / 3);
    const slope = ((pixel % side) + Math.floor(pixel / side)) * (90 / side);
    pixels[at] = slope + 20 * (at % 3) + ((pixels[at] ?? 0) / 255) * noise;
  }
  return sharp(pixels, { raw: { width: side, height: side, channels: 3 } })
    .png({ adaptiveFiltering: true })
    .toBuffer();
}
