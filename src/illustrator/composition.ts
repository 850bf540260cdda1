import { type Atmosphere, createAtmosphere } from "./atmosphere.ts";
import { GROUNDS } from "./backdrop/abstract.ts";
import { COSMOS } from "./backdrop/cosmos.ts";
import { INDOORS } from "./backdrop/indoors.ts";
import { LANDS } from "./backdrop/land.ts";
import type { Backdrop, Ground, Setting } from "./backdrop/setting.ts";
import { landColours } from "./backdrop/terrain.ts";
import { TOWNS } from "./backdrop/urban.ts";
import { WATERS } from "./backdrop/water.ts";
import { Layer, svg } from "./canvas/layer.ts";
import { lighten, mapColours, mix } from "./canvas/palette.ts";
import { createRandom, type Random } from "./canvas/random.ts";
import { arrange, type Extent, insideX, type Spot, scaleOf, spotsOn } from "./layout.ts";
import { locate } from "./location.ts";
import { drawPortrait, drawStudio, type Sitter } from "./people/portrait.ts";
import type { Position, Scene, Subject, Thing } from "./scene.ts";
import type { Sprite } from "./subjects/sprite.ts";
import { lookOf, subjectSprite } from "./subjects/subject-sprite.ts";
import { drawLightning, drawWeather } from "./weather.ts";
import type { Location, Season } from "./words/scenery.ts";

const BACKDROPS: Readonly<Record<Location, Backdrop>> = {
  ...COSMOS,
  ...GROUNDS,
  ...INDOORS,
  ...LANDS,
  ...TOWNS,
  ...WATERS,
};

/** Places where things show neither the weather nor the light of the hour. */
const SHELTERED: ReadonlySet<Location> = new Set([
  "space",
  "moon",
  "mars",
  "underwater",
  ...keysOf(GROUNDS),
  ...keysOf(INDOORS),
]);

function keysOf<Key extends string>(record: Readonly<Record<Key, unknown>>): Key[] {
  return Object.keys(record) as Key[];
}

/** Places indoors with a window, through which the weather is seen. */
const WINDOWS: ReadonlySet<Location> = new Set([
  "bedroom",
  "cafe",
  "cave",
  "kitchen",
  "library",
  "office",
  "room",
  "table",
]);

/** A picture before it is pixels: three layers, from the back to the front. */
export interface Composition {
  readonly backdrop: Layer;
  readonly subjects: Layer;
  /** The weather, and objects in front of the subjects. */
  readonly finish: Layer;
  readonly atmosphere: Atmosphere;
  /** How far behind the backdrop is out of focus, in scene units; 0 is sharp. */
  readonly backdropBlur: number;
  /** Whether light and shade are laid over the subjects. */
  readonly hasShading: boolean;
}

/** The extent of a picture of this many pixels: its shorter side has 1000 units. */
export function extentOf(pixelWidth: number, pixelHeight: number): Extent {
  const unit = 1000 / Math.min(pixelWidth, pixelHeight);
  return { width: pixelWidth * unit, height: pixelHeight * unit };
}

/** Decides what a scene leaves open: its place, who sits in a boat, and every position. */
export function settle(scene: Scene, random: Random, extent: Extent): void {
  scene.location = locate(scene, random.fork("location"));
  scene.isPortrait = isPortrait(scene);
  if (scene.subjects.some(isArctic)) scene.season ??= "winter";
  scene.trees = random
    .fork("trees")
    .chance(TREE_CHANCES[scene.weather === "snow" ? "winter" : (scene.season ?? "summer")])
    ? "tree"
    : "fir";
  for (const [index, subject] of scene.subjects.entries()) subject.looks = random.fork(`subject ${index}`);
  if (scene.location === "sea") embark(scene);
  const shared = scene.subjects.flatMap((subject) => takeShared(subject));
  arrange(scene, scene.location, extent, random.fork("layout"));
  for (const subject of shared) {
    subject.looks = random.fork("shared");
    subject.positions = [{ ...SHARED_POSITION, x: extent.width / 2 }];
    scene.subjects.push(subject);
  }
}

/** The probability that woods are broad-leaved, which shows the season, rather than firs. */
const TREE_CHANCES: Readonly<Record<Season, number>> = { spring: 1, summer: 0.45, autumn: 1, winter: 0 };

/** Draws the layers of a complete scene. */
export function compose(scene: Scene, random: Random, extent: Extent): Composition {
  const { width, height } = extent;
  const { location = "meadow", place, backdropColour } = scene;
  const atmosphere = createAtmosphere(scene, scene.shades ?? random.fork("atmosphere"));
  const backdrop = new Layer("b", width, height);
  const subjects = new Layer("s", width, height);
  const finish = new Layer("f", width, height);
  const isSnowy = scene.season === "winter" || scene.weather === "snow";
  const setting: Setting = { layer: backdrop, random: random.fork("backdrop"), atmosphere, scene, isSnowy };
  const isIndoors = SHELTERED.has(location);
  if (isIndoors && !WINDOWS.has(location)) tellUnseen(scene);

  if (scene.isPortrait) {
    const isInStudio = place === undefined && backdropColour === undefined;
    if (isInStudio) drawStudio(backdrop, random.fork("backdrop"), atmosphere, scene.colours);
    else BACKDROPS[location](setting);
    drawPortrait(subjects, sittersOf(scene), random.fork("portrait"));
    const ground: Ground = { horizon: height * 0.6, floor: height * 0.92, back: height * 0.9, surface: "none" };
    const others = { ...scene, subjects: scene.subjects.filter(({ kind }) => kind !== "person") };
    drawSubjects(subjects, setting, ground, others, extent);
    return { backdrop, subjects, finish, atmosphere, backdropBlur: isInStudio ? 0 : 7, hasShading: true };
  }

  const ground = BACKDROPS[location](setting);
  if (!isIndoors) drawLightning({ ...setting, random: random.fork("lightning") }, ground.horizon);
  drawSubjects(subjects, setting, ground, scene, extent);
  ground.foreground?.(finish);
  drawWeather({ ...setting, layer: finish, random: random.fork("weather") }, ground.horizon, isIndoors);
  return { backdrop, subjects, finish, atmosphere, backdropBlur: 0, hasShading: location !== "abstract" };
}

/** Without a sky or a window, neither the weather nor the sky's objects are visible. */
function tellUnseen({ weather, effects, texts, missing }: Scene): void {
  for (const unseen of [weather === "clear" ? undefined : "weather", ...effects]) {
    const text = unseen && texts[unseen];
    if (text) missing.add(text);
  }
}

/** People without an action or a place are shown from the chest up. */
function isPortrait({ subjects, isPortrait: isAsked, place, actions, weather }: Scene): boolean {
  if (subjects.length === 0 || !subjects.every((subject) => subject.kind === "person")) return false;
  if (isAsked) return true;
  const isBusy =
    actions.some((action) => action !== "wear") || subjects.some((subject) => subject.riding ?? subject.holding);
  const count = subjects.reduce((sum, subject) => sum + subject.count, 0);
  return place === undefined && weather === undefined && !isBusy && count <= 3;
}

/** The most people of a portrait. */
const MAX_SITTERS = 4;

function sittersOf({ subjects, missing }: Scene): Sitter[] {
  const people = subjects.flatMap((subject) => (subject.kind === "person" ? [subject] : []));
  for (const { holding, riding } of people) for (const thing of [holding, riding]) if (thing) missing.add(thing.text);
  const sitters = people.flatMap((person) =>
    Array.from({ length: person.count }, (_, copy): Sitter => {
      const look = lookOf(person);
      const wearing = person.wearing.filter(({ art }) => art !== look.glasses);
      return { look, wearing, looks: (person.looks ?? createRandom("")).fork(`${copy}`) };
    }),
  );
  return sitters.slice(0, MAX_SITTERS);
}

function isArctic(subject: Subject): boolean {
  return subject.kind === "thing" && ["penguin", "polar-bear", "snowman"].includes(subject.art);
}

/** On open water, subjects that cannot swim are in a boat: the prompt's, or a canoe. */
function embark(scene: Scene): void {
  for (const subject of [...scene.subjects]) {
    const canSwim = subject.kind === "thing" && subject.role !== "animal" && subject.role !== "face";
    if (canSwim || subject.riding !== undefined) continue;
    const position = scene.subjects.findIndex((other) => other.kind === "thing" && other.role === "boat");
    const [boat] = position < 0 ? [] : scene.subjects.splice(position, 1);
    subject.riding = boat?.kind === "thing" ? boat : CANOE;
  }
}

const CANOE: Thing = { kind: "thing", art: "canoe", role: "boat", text: "", count: 1, wearing: [] };

/** A thing that several subjects play with stands between them, instead of in everyone's hands. */
function takeShared(subject: Subject): Subject[] {
  const held = subject.holding;
  if (held === undefined || (subject.count < 2 && held.art !== "chess-board") || held.role === "food") return [];
  delete subject.holding;
  return [held];
}

const SHARED_POSITION: Omit<Position, "x"> = {
  zone: "front",
  height: 242,
  maxWidth: 300,
  depth: 0,
  row: 0,
  crowd: 1,
  lean: 0,
  isMirrored: false,
};

function drawSubjects(layer: Layer, setting: Setting, ground: Ground, scene: Scene, extent: Extent): void {
  const spots = spotsOn(ground, scene, extent);
  if (scene.location === "meadow") for (const spot of spots) if (isLandmark(spot.subject)) drawHillock(setting, spot);
  for (const spot of spots) {
    const sprite = subjectSprite(spot.subject, spot.copy, scene);
    if (sprite !== undefined) placeSprite(layer, setting, spot, sprite);
  }
}

function isLandmark(subject: Subject): boolean {
  return subject.kind === "thing" && subject.role === "building" && !["fuji", "volcano", "tent"].includes(subject.art);
}

/** A rise in the ground for a building to stand on. */
function drawHillock(setting: Setting, { x, y, height }: Spot): void {
  const { layer, atmosphere } = setting;
  const { near, far } = landColours({ ...setting, random: setting.random.fork("hillock") });
  const colour = atmosphere.tint(mix(near, far, 0.5), 0.06);
  const reach = height * 1.35;
  const rise = svg`M${x - reach} ${y + 130}C${x - reach * 0.55} ${y + 90} ${x - reach * 0.5} ${y - 26} ${x} ${y - 26}C${x + reach * 0.5} ${y - 26} ${x + reach * 0.55} ${y + 90} ${x + reach} ${y + 130}Z`;
  layer.path(rise, layer.vertical({ 0: lighten(colour, 0.12), 1: colour }, y - 26, y + 120));
}

function placeSprite(layer: Layer, setting: Setting, spot: Spot, sprite: Sprite): void {
  const { box } = sprite;
  const { atmosphere } = setting;
  const { location = "meadow" } = setting.scene;
  const scale = scaleOf(sprite, spot.height, spot.maxWidth, layer);
  const [width, height] = [box.width * scale, box.height * scale];
  const x = insideX(spot.x, width, layer);
  const mirrored = spot.isMirrored ? -1 : 1;
  const colours = (svg: string) =>
    SHELTERED.has(location) && !atmosphere.isDark ? svg : mapColours(svg, atmosphere.illuminate);
  if (spot.hasShadow) {
    const depth = Math.max(9, Math.min(34, height * 0.075));
    layer.shadow(x, spot.y - height * 0.005, width * 0.56, depth, atmosphere.shade, atmosphere.isDark ? 0.5 : 0.36);
  }
  drawBeam(layer, setting, { ...spot, x }, width, height);
  const turn = spot.turn === 0 ? "" : svg` rotate(${spot.turn} 0 ${-height / 2})`;
  const placed = svg`<g transform="translate(${x} ${spot.y})${turn} scale(${(scale * mirrored).toFixed(4)} ${scale.toFixed(4)}) translate(${-box.x - box.width / 2} ${-box.y - box.height})">${colours(sprite.svg)}</g>`;
  layer.add(placed);
  if (spot.isAfloat) {
    const water = lighten(atmosphere.tint("#3f93b8", 0.1), 0.18);
    layer.ellipse(x, spot.y, width * 0.58, height * 0.035, water, 0.75);
    layer.ellipse(x + width * 0.06, spot.y + height * 0.045, width * 0.42, height * 0.02, lighten(water, 0.3), 0.6);
  }
}

/** The beam of a lighthouse in bad light. */
function drawBeam(layer: Layer, { atmosphere }: Setting, spot: Spot, width: number, height: number): void {
  if (spot.subject.kind !== "thing" || spot.subject.art !== "lighthouse") return;
  if (!atmosphere.isDark && atmosphere.hasOrb && atmosphere.time !== "sunset") return;
  const lampY = spot.y - height * 0.835;
  for (const side of [-1, 1]) {
    const reach = layer.width;
    const beam = svg`M${spot.x} ${lampY - 7}L${spot.x + side * reach} ${lampY - (side < 0 ? 170 : 40)}L${spot.x + side * reach} ${lampY + (side < 0 ? 40 : 170)}L${spot.x} ${lampY + 7}Z`;
    const fade = layer.linear(
      { 0: ["#fff3c0", 0.75], 0.5: ["#fff3c0", 0.25], 1: ["#fff3c0", 0] },
      [spot.x, lampY],
      [spot.x + side * reach * 0.8, lampY],
    );
    layer.path(beam, fade);
  }
  layer.glow(spot.x, lampY, width * 0.9, "#fff3c0", 0.9);
}
