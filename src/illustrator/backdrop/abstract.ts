import { svg, triplesOf } from "../canvas/layer.ts";
import { type Colour, darken, fromHsl, lighten, mix } from "../canvas/palette.ts";
import type { Ground, Setting } from "./setting.ts";
import { createContour } from "./terrain.ts";

const HARMONIES: readonly (readonly Colour[])[] = [
  ["#264653", "#2a9d8f", "#e9c46a", "#f4a261", "#e76f51"],
  ["#22223b", "#4a4e88", "#9a8cc9", "#f2b5a7", "#f2e0d0"],
  ["#0b3c5d", "#328cc1", "#d9b310", "#f4e3b2"],
  ["#5f0f40", "#9a1f4a", "#e36414", "#fb8b24", "#0f4c5c"],
  ["#3d5a80", "#98c1d9", "#e0fbfc", "#ee6c4d", "#293241"],
  ["#606c38", "#283618", "#fefae0", "#dda15e", "#bc6c25"],
  ["#355070", "#6d597a", "#b56576", "#e56b6f", "#eaac8b"],
  ["#1b4965", "#62b6cb", "#bee9e8", "#ffb4a2", "#e5989b"],
  ["#3c096c", "#7b2cbf", "#c77dff", "#ff9e6d", "#ffd166"],
  ["#004e64", "#00a5cf", "#9fffcb", "#25a18e", "#f6f7d7"],
];

/** Colours that go together: the prompt's, or a seeded harmony. */
function harmonyOf({ scene, random }: Setting): Colour[] {
  if (scene.colours.length > 0) {
    const own =
      scene.colours.length === 1
        ? [scene.colours[0] ?? "#888888", lighten(scene.colours[0] ?? "#888888", 0.45)]
        : scene.colours;
    return [...own];
  }
  return random.shuffle(random.pick(HARMONIES));
}

type Composition = (setting: Setting, colours: readonly Colour[]) => void;

const paper = (colours: readonly Colour[]): Colour => mix("#f4f0ea", colours[0] ?? "#888888", 0.14);

/** Layers of cut paper, each with its shadow, under a sun. */
const waves: Composition = ({ layer, random }, colours) => {
  const sky = paper(colours);
  layer.fill(layer.vertical({ 0: lighten(sky, 0.3), 1: mix(sky, colours[0] ?? sky, 0.25) }));
  const sunX = layer.width * random.between(0.22, 0.78);
  const sunY = layer.height * random.between(0.14, 0.24);
  const sun = colours.at(-1) ?? "#e0a92e";
  layer.glow(sunX, sunY, 330, sun, 0.4);
  const disc = layer.vertical({ 0: lighten(sun, 0.25), 1: sun }, sunY - 110, sunY + 110);
  layer.circle(sunX, sunY, random.between(86, 124), disc);
  const rows = Math.max(9, Math.round(layer.height / 105));
  for (let row = 0; row < rows; row++) {
    const base = colours[row % colours.length] ?? "#888888";
    const colour = mix(base, random.chance(0.5) ? "#ffffff" : darken(base, 0.3), random.between(0, 0.22));
    const contour = createContour(random, random.between(700, 1300), 0.34);
    const level = layer.height * (0.2 + (row / rows) * 0.84);
    const swing = random.between(50, 92);
    const foot = Math.min(layer.height + 20, level + 330);
    const edge = (offset: number) => {
      let data = svg`M-20 ${foot}`;
      for (let x = -20; x <= layer.width + 30; x += 14) data += svg`L${x} ${level - contour(x) * swing + offset}`;
      return svg`${data}L${layer.width + 30} ${foot}Z`;
    };
    for (const [offset, opacity] of triplesOf("-15 0.05, -10 0.08, -5 0.12"))
      layer.path(edge(offset), "#141a38", opacity);
    const fill = layer.linear(
      { 0: lighten(colour, 0.2), 0.5: colour, 1: darken(colour, 0.2) },
      [0, level - swing],
      [layer.width, level + 260],
    );
    layer.path(edge(0), fill);
    for (let line = 1; line < 4; line++) {
      let data = "";
      for (let x = -20; x <= layer.width + 30; x += 16)
        data += svg`${x < 0 ? "M" : "L"}${x} ${level - contour(x) * swing + line * 17 + Math.sin(x / 140 + row) * 6}`;
      layer.line(data, lighten(colour, 0.42), 2, 0.42);
    }
  }
};

/** Circles and arcs on a grid, as on a poster. */
const tiles: Composition = ({ layer, random }, colours) => {
  const across = Math.max(4, Math.round(layer.width / 210));
  const side = layer.width / across;
  const down = Math.ceil(layer.height / side);
  const tones = [...colours, paper(colours), darken(colours[0] ?? "#333333", 0.5)];
  for (let row = 0; row < down; row++) {
    for (let column = 0; column < across; column++) {
      const x = column * side;
      const y = row * side;
      const [ground = "#ffffff", figure = "#000000", accent = "#888888"] = random.shuffle(tones);
      layer.rect(x, y, side + 0.6, side + 0.6, ground);
      const turn = random.whole(0, 3) * 90;
      layer.group(svg`transform="rotate(${turn} ${x + side / 2} ${y + side / 2})"`, () => {
        const kind = random.whole(0, 5);
        if (kind === 0) layer.path(svg`M${x} ${y}h${side}A${side} ${side} 0 0 1 ${x} ${y + side}Z`, figure);
        else if (kind === 1) {
          layer.circle(x + side / 2, y + side / 2, side * 0.38, figure);
          layer.circle(x + side / 2, y + side / 2, side * 0.2, accent);
        } else if (kind === 2) layer.path(svg`M${x} ${y}h${side}L${x} ${y + side}Z`, figure);
        else if (kind === 3)
          for (let ring = 3; ring > 0; ring--)
            layer.path(
              svg`M${x} ${y}h${(side * ring) / 3}A${(side * ring) / 3} ${(side * ring) / 3} 0 0 1 ${x} ${y + (side * ring) / 3}Z`,
              ring % 2 === 0 ? ground : ring === 3 ? figure : accent,
            );
        else if (kind === 4)
          layer.path(svg`M${x} ${y + side / 2}A${side / 2} ${side / 2} 0 0 1 ${x + side} ${y + side / 2}Z`, figure);
        else for (let stripe = 0; stripe < 4; stripe++) layer.rect(x + (stripe * side) / 4, y, side / 8, side, figure);
      });
    }
  }
};

/** Soft bodies of light that flow into each other. */
const blooms: Composition = ({ layer, random }, colours) => {
  const base = darken(colours[0] ?? "#333355", 0.62);
  layer.fill(layer.linear({ 0: base, 1: darken(colours.at(-1) ?? base, 0.5) }, [0, 0], [layer.width, layer.height]));
  const reach = Math.max(layer.width, layer.height);
  for (let bloom = 0; bloom < 14; bloom++) {
    const [x, y] = [random.between(0, layer.width), random.between(0, layer.height)];
    layer.glow(x, y, reach * random.between(0.2, 0.48), random.pick(colours), random.between(0.5, 0.85));
  }
  for (let ribbon = 0; ribbon < 20; ribbon++) {
    const contour = createContour(random, layer.width * random.between(0.8, 1.5), 0.3);
    const level = layer.height * (0.25 + ribbon * 0.027);
    let data = "";
    for (let x = -20; x <= layer.width + 30; x += 18)
      data += svg`${x < 0 ? "M" : "L"}${x} ${level - contour(x) * layer.height * 0.17}`;
    layer.line(data, lighten(random.pick(colours), 0.5), random.between(1.5, 4), 0.5);
  }
  for (let orb = 0; orb < 7; orb++) {
    const radius = random.between(22, 92);
    const colour = random.pick(colours);
    const x = random.between(0.08, 0.92) * layer.width;
    const y = random.between(0.1, 0.9) * layer.height;
    layer.shadow(x + radius * 0.3, y + radius * 0.5, radius * 1.3, radius * 1.2, "#05061a", 0.4);
    const fill = layer.linear(
      { 0: lighten(colour, 0.5), 0.5: colour, 1: darken(colour, 0.45) },
      [x - radius, y - radius],
      [x + radius, y + radius],
    );
    layer.circle(x, y, radius, fill);
  }
};

/** Black and white as a ground: without the tinge that they have as a thing's colour. */
const PURE_COLOURS: Readonly<Record<Colour, Colour>> = { "#f6f4ef": "#ffffff", "#2b2b33": "#000000" };

/** A picture of nothing: what is drawn for a prompt without a thing or a place in it. */
function abstract(setting: Setting): Ground {
  const colours = harmonyOf(setting);
  const compose = setting.scene.isAbstract ? waves : setting.random.pick([waves, tiles, blooms]);
  compose(setting, colours);
  const { height } = setting.layer;
  return { horizon: height * 0.6, floor: height * 0.8, back: height * 0.7, surface: "none" };
}

/** A plain ground with a soft light, for an object that belongs nowhere; nothing but a colour where that is asked for. */
function studio(setting: Setting): Ground {
  const { layer, random, scene, atmosphere } = setting;
  const horizon = layer.height * 0.68;
  const ground: Ground = { horizon, floor: layer.height * 0.84, back: horizon + 20, surface: "floor" };
  if (scene.backdropColour !== undefined) {
    layer.fill(PURE_COLOURS[scene.backdropColour] ?? scene.backdropColour);
    return ground;
  }
  const base = scene.colours[0] ?? fromHsl(random.between(0, 360), 0.52, atmosphere.isDark ? 0.3 : 0.8);
  layer.fill(layer.vertical({ 0: mix(base, "#ffffff", 0.12), 1: lighten(base, 0.36) }, 0, horizon));
  layer.glow(layer.width * 0.5, horizon * 0.62, Math.max(layer.width, layer.height) * 0.52, "#ffffff", 0.8);
  for (let disc = 0; disc < 16; disc++) {
    const [x, y] = [random.between(0, layer.width), random.between(0, horizon)];
    layer.circle(x, y, random.between(14, 66), "#ffffff", random.between(0.08, 0.24));
  }
  layer.band(horizon, layer.height, { 0: mix(base, "#2a2350", 0.12), 1: lighten(base, 0.18) });
  layer.band(horizon - 36, horizon + 36, {
    0: [lighten(base, 0.3), 0],
    0.5: [lighten(base, 0.3), 0.8],
    1: [lighten(base, 0.18), 0],
  });
  return ground;
}

export const GROUNDS = { abstract, studio };
