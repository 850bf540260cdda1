import type { Atmosphere } from "../atmosphere.ts";
import { type Layer, svg } from "../canvas/layer.ts";
import { type Colour, darken, fromHsl, lighten, mix } from "../canvas/palette.ts";
import type { Random } from "../canvas/random.ts";
import type { Worn } from "../scene.ts";
import { dress } from "../subjects/dress.ts";
import { iconSprite } from "../subjects/icons.ts";
import type { Sprite } from "../subjects/sprite.ts";
import type { Look } from "../words/people.ts";
import { drawBackHair } from "./hair.ts";
import { drawHead } from "./head.ts";
import { type Appearance, settleLook } from "./looks.ts";

const BLOSSOMS = ["cherry-blossom", "hibiscus", "rosette", "blossom", "sunflower"] as const;

/** A studio backdrop for a portrait: soft light, discs out of focus, a few blossoms at the edges. */
export function drawStudio(layer: Layer, random: Random, atmosphere: Atmosphere, colours: readonly Colour[]): void {
  const hue = random.between(0, 360);
  const base = colours[0] ?? fromHsl(hue, 0.5, atmosphere.isDark ? 0.26 : 0.86);
  const light = lighten(base, atmosphere.isDark ? 0.25 : 0.5);
  const size = Math.max(layer.width, layer.height);
  layer.fill(
    layer.linear(
      { 0: light, 1: mix(base, atmosphere.isDark ? "#0b1030" : fromHsl(hue + 40, 0.5, 0.7), 0.45) },
      [0, 0],
      [layer.width, layer.height],
    ),
  );
  layer.glow(layer.width * 0.5, layer.height * 0.4, size * 0.62, "#ffffff", atmosphere.isDark ? 0.25 : 0.75);
  for (let disc = 0; disc < Math.round((layer.width * layer.height) / 55_000); disc++) {
    const [x, y] = [random.between(0, layer.width), random.between(0, layer.height)];
    const fill = random.chance(0.6) ? "#ffffff" : lighten(base, 0.3);
    layer.circle(x, y, random.between(18, 82), fill, random.between(0.1, 0.34));
  }
  const flower = random.pick(BLOSSOMS);
  const tint = random.chance(0.5) ? undefined : fromHsl(hue + random.pick([150, 180, 30]), 0.75, 0.62);
  for (let bloom = 0; bloom < Math.round(layer.height / 170) + 3; bloom++) {
    const sprite = iconSprite(flower, tint);
    if (sprite === undefined) return;
    const scale = random.between(1.3, 3.4);
    const edge = random.between(0, 0.17) * layer.width;
    const x = random.chance(0.5) ? edge : layer.width - edge;
    const y = random.between(0.03, 0.9) * layer.height;
    const placed = svg`<g opacity="0.92" transform="translate(${x} ${y}) rotate(${random.between(0, 360)}) scale(${scale}) translate(-16 -16)">${sprite.svg}</g>`;
    layer.add(placed);
  }
}

/** Outfits with something tall on the head, which needs room. */
const HATTED: ReadonlySet<string> = new Set(["wizard", "chef", "royal", "santa", "knight", "pirate"]);

/** Someone to be portrayed, with what is worn besides clothes. */
export interface Sitter {
  readonly look: Look;
  readonly wearing: readonly Worn[];
  /** Decides what the look leaves open. */
  readonly looks: Random;
}

/** Draws people from the chest up, side by side, filling the picture. */
export function drawPortrait(layer: Layer, sitters: readonly Sitter[], random: Random): void {
  const count = sitters.length;
  const share = layer.width / count;
  const isHatted = sitters.some(({ look, wearing }) => wearing.length > 0 || HATTED.has(look.outfit ?? "plain"));
  const scale = Math.min(share / 236, layer.height / 262) * random.between(0.95, 1.08) * (isHatted ? 0.8 : 1);
  for (const [position, { look, wearing, looks }] of sitters.entries()) {
    const person = settleLook(look, looks);
    const x = share * (position + 0.5) + (count === 1 ? random.between(-34, 34) : 0);
    const y = Math.min(
      layer.height - 148 * scale * (person.age === "child" ? 0.92 : 1),
      layer.height * 0.36 + 76 * scale,
    );
    const tilt = random.between(-2.2, 2.2);
    layer.group(svg`transform="translate(${x} ${y}) scale(${scale}) rotate(${tilt})"`, () => {
      drawBust(layer, person);
      for (const worn of wearing) layer.add(dress(BARE, worn, random).svg);
    });
  }
}

/** A head's places for hats and the like, without the head. */
const BARE: Sprite = {
  svg: "",
  box: { x: -60, y: -76, width: 120, height: 240 },
  head: { at: [0, -44], width: 104 },
  eyes: { at: [0, -2], width: 92 },
  neck: { at: [0, 84], width: 84 },
};

function drawBust(layer: Layer, person: Appearance): void {
  drawBackHair(layer, person);
  // A child's shoulders are small for its head.
  layer.group(person.age === "child" ? 'transform="translate(0 4) scale(0.74 0.9)"' : "", () =>
    drawTorso(layer, person),
  );
  drawHead(layer, person);
}

function drawTorso(layer: Layer, person: Appearance): void {
  const { outfitColour: cloth, skin } = person;
  const isBroad = person.gender === "male" && person.age !== "child";
  const half = isBroad ? 112 : 94;
  const neck = isBroad ? 23 : 18;
  layer.path(`M${-neck} 40V82Q0 104 ${neck} 82V40Z`, darken(skin, 0.12));
  const torso = `M${-half} 210C${-half} 118 ${-half + 8} 104 ${-neck - 14} 82Q0 112 ${neck + 14} 82C${half - 8} 104 ${half} 118 ${half} 210L${half + 14} 700H${-half - 14}Z`;
  layer.path(torso, cloth);
  const shaded = `M${half * 0.45} 92C${half - 8} 106 ${half} 118 ${half} 210L${half + 12} 700H${half * 0.7}L${half * 0.62} 210Q${half * 0.7} 130 ${half * 0.45} 92Z`;
  layer.path(shaded, darken(cloth, 0.2), 0.45);
  drawCollar(layer, person, neck);
}

function drawCollar(layer: Layer, { outfit, outfitColour: cloth, skin }: Appearance, neck: number): void {
  const light = lighten(cloth, 0.42);
  if (outfit === "suit" || outfit === "police" || outfit === "pirate") {
    layer.path(`M${-neck - 12} 84L0 168L${neck + 12} 84L0 100Z`, "#fbfaf6");
    layer.path("M-9 100H9L13 168L0 184L-13 168Z", outfit === "suit" ? "#b8383f" : "#1c2233");
    layer.line(`M${-neck - 14} 82L-4 190M${neck + 14} 82L4 190`, darken(cloth, 0.3), 5);
  } else if (outfit === "kimono" || outfit === "hanfu") {
    layer.path(`M${-neck - 14} 82L14 150L4 176L${-neck - 32} 88Z`, light);
    layer.path(`M${neck + 14} 82L-20 172L-2 180L${neck + 32} 88Z`, light);
  } else if (outfit === "doctor" || outfit === "coat" || outfit === "chef") {
    const lapels = `M${-neck - 12} 83L0 142L${neck + 12} 83Q0 112 ${-neck - 12} 83Z`;
    layer.path(lapels, outfit === "coat" ? "#e9e2d6" : "#8fc3e0");
    layer.line("M0 142V210", darken(cloth, 0.25), 3);
  } else if (outfit === "astronaut") {
    layer.rect(-52, 66, 104, 26, "#c2ccd8", 1, 13);
    layer.rect(-34, 128, 68, 50, "#8f9fb5", 1, 8);
    layer.circle(-18, 146, 6, "#e5485a");
    layer.circle(0, 146, 6, "#f4c542");
    layer.circle(18, 146, 6, "#4f9be8");
  } else if (outfit === "dress") {
    layer.path(`M${-neck - 22} 80Q0 162 ${neck + 22} 80Q0 108 ${-neck - 22} 80Z`, skin);
    layer.line("M-24 96Q0 126 24 96", "#f4d98a", 3);
  } else if (outfit === "hoodie") {
    layer.path(`M${-neck - 30} 90Q0 148 ${neck + 30} 90L${neck + 10} 74Q0 112 ${-neck - 10} 74Z`, darken(cloth, 0.18));
    layer.line("M-13 124v40M13 124v40", "#fbfaf6", 4);
  } else if (outfit === "santa" || outfit === "royal") {
    layer.path(`M${-neck - 34} 92Q0 136 ${neck + 34} 92L${neck + 14} 72Q0 106 ${-neck - 14} 72Z`, "#fbfaf6");
  } else
    layer.path(
      `M${-neck - 14} 82Q0 116 ${neck + 14} 82Q${neck + 12} 90 ${neck + 8} 96Q0 124 ${-neck - 8} 96Q${-neck - 12} 90 ${-neck - 14} 82Z`,
      light,
    );
}
