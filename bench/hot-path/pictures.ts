import sharp from "sharp";
import { seededRandom } from "../../test/support/random.ts";

/** A picture that the stand-in for the provider sends to whoever asks for it by its label as the prompt. */
export interface PictureKind {
  readonly label: string;
  /** Pixels of a side. */
  readonly side: number;
  /** How much of a colour's 255 steps is noise, which is what makes a PNG of this size. */
  readonly noise: number;
}

export const PICTURES: readonly PictureKind[] = [
  { label: "0.3 MB", side: 1024, noise: 0.4 },
  { label: "2 MB", side: 1024, noise: 20 },
  { label: "8 MB", side: 2048, noise: 20 },
];

/** The model that everyone asks for. */
export const MODEL = "gpt-image-2.6-flare";
/** What everyone who calls the stand-in has to send. */
export const PROVIDER_KEY = "sk-bench";

/** A gradient under noise: a PNG like those of a model, which hardly compresses. */
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
