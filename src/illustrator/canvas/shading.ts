import type { Atmosphere } from "../atmosphere.ts";
import { type Colour, toChannels } from "./palette.ts";
import type { Raster } from "./raster.ts";

/**
 * Gives flat subjects a form: a bright rim on the side of the light, a dark one on the other, and a little less light
 * towards their feet. Only solid pixels are touched, so soft shadows stay soft.
 */
export function shadeSubjects({ width, height, data }: Raster, atmosphere: Atmosphere, lightSide: -1 | 1): void {
  const reach = Math.max(1, Math.round(Math.min(width, height) * 0.009));
  const towards = -reach * width + lightSide * reach;
  const solid = new Uint8Array(width * height);
  for (let pixel = 0; pixel < solid.length; pixel++) solid[pixel] = (data[pixel * 4 + 3] ?? 0) > 200 ? 1 : 0;
  const light = toChannels(atmosphere.light);
  const shade = toChannels(atmosphere.shade);
  const rim = atmosphere.time === "day" ? 0.2 : 0.26;
  for (let y = reach; y < height - reach; y++) {
    const fall = Math.max(0, y / height - 0.45) * 0.12;
    for (let x = reach; x < width - reach; x++) {
      const pixel = y * width + x;
      if (solid[pixel] === 0) continue;
      const isLit = solid[pixel + towards] === 0;
      const isTurned = solid[pixel - towards] === 0;
      const target = isLit ? light : shade;
      const amount = isLit ? rim : isTurned ? 0.17 : fall;
      if (amount === 0) continue;
      const position = pixel * 4;
      for (let channel = 0; channel < 3; channel++) {
        const own = data[position + channel] ?? 0;
        data[position + channel] = own + ((target[channel] ?? 0) - own) * amount;
      }
    }
  }
}

/** Darkens the corners a little, so that the eye goes to the middle. */
export function vignette({ width, height, data }: Raster, strength: number): void {
  const across = Float32Array.from({ length: width }, (_, x) => ((x / width - 0.5) * 2) ** 2);
  for (let y = 0; y < height; y++) {
    const down = ((y / height - 0.5) * 2) ** 2;
    for (let x = 0; x < width; x++) {
      const distance = (across[x] ?? 0) + down;
      if (distance < 0.75) continue;
      const factor = 1 - strength * Math.min(1, (distance - 0.75) / 1.25) ** 1.4;
      const position = (y * width + x) * 4;
      for (let channel = 0; channel < 3; channel++) data[position + channel] = (data[position + channel] ?? 0) * factor;
    }
  }
}

/**
 * Tints a picture: every brightness gets its own shade of the colour, from black over the colour to white.
 *
 * @param share how much of its own colour a pixel gives up, 0–1
 */
export function tint({ data }: Raster, colour: Colour, share: number): void {
  const channels = toChannels(colour);
  const middle = Math.max(60, Math.min(190, brightnessOf(...channels)));
  const shades = channels.map((channel) =>
    Float32Array.from({ length: 256 }, (_, bright) =>
      bright < middle ? (channel * bright) / middle : channel + ((255 - channel) * (bright - middle)) / (255 - middle),
    ),
  );
  for (let position = 0; position < data.length; position += 4) {
    const alpha = data[position + 3] ?? 0;
    const bright = Math.round(brightnessOf(data[position] ?? 0, data[position + 1] ?? 0, data[position + 2] ?? 0));
    for (let channel = 0; channel < 3; channel++) {
      const own = data[position + channel] ?? 0;
      const tinted = ((shades[channel]?.[bright] ?? 0) * alpha) / 255;
      data[position + channel] = Math.min(alpha, own + (tinted - own) * share);
    }
  }
}

function brightnessOf(red: number, green: number, blue: number): number {
  return red * 0.2126 + green * 0.7152 + blue * 0.0722;
}
