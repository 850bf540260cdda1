/** Writes docs/pictures/illustrator.png: pictures that the illustrator drew, side by side. */
import { fileURLToPath } from "node:url";
import sharp from "sharp";
import { draw } from "../src/illustrator/draw.ts";

const OUTPUT = fileURLToPath(new URL("../docs/pictures/illustrator.png", import.meta.url));

/** The side of a picture and the gap between two, in pixels. */
const SIDE = 400;
const GAP = 8;

const PICTURES = [
  { prompt: "A cute asian girl with long hair smiling and looking at me", seed: 5 },
  { prompt: "a red fox in a snowy forest at night", seed: 3 },
  { prompt: "一只戴帽子的猫在海边看日落", seed: 8 },
  { prompt: "a blue car in a rainy city", seed: 5 },
];

const tiles = PICTURES.map(({ prompt, seed }, index) => {
  const size = { width: SIDE, height: SIDE };
  const { png } = draw({ prompt, seed, index: 0, ...size, isTransparent: false, stage: "finish" });
  return { input: Buffer.from(png), left: index * (SIDE + GAP), top: 0 };
});

const width = PICTURES.length * (SIDE + GAP) - GAP;
await sharp({ create: { width, height: SIDE, channels: 3, background: "#ffffff" } })
  .composite(tiles)
  .png({ palette: true, effort: 10 })
  .toFile(OUTPUT);
