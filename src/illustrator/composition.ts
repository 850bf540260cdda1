import { type Atmosphere, createAtmosphere } from "./atmosphere.ts";
import { abstract, studio } from "./backdrop/abstract.ts";
import { mars, moon, sky, space } from "./backdrop/cosmos.ts";
import { bedroom, cafe, cave, kitchen, library, office, room, stage, table } from "./backdrop/indoors.ts";
import { desert, farm, field, forest, garden, jungle, meadow, mountains, park, village } from "./backdrop/land.ts";
import type { Backdrop, Ground, Setting } from "./backdrop/setting.ts";
import { landColours } from "./backdrop/terrain.ts";
import { city, street } from "./backdrop/urban.ts";
import { beach, lake, river, sea, underwater } from "./backdrop/water.ts";
import { Layer, svg } from "./layer.ts";
import { arrange, type Spot } from "./layout.ts";
import { type Location, locate } from "./location.ts";
import { lighten, mapColours, mix } from "./palette.ts";
import { drawPortrait, drawStudio, type Sitter } from "./people/portrait.ts";
import type { Random } from "./random.ts";
import type { Person, Scene, Subject } from "./scene.ts";
import type { Sprite } from "./subjects/sprite.ts";
import { subjectSprite } from "./subjects/subject-sprite.ts";
import { drawLightning, drawWeather } from "./weather.ts";
import type { Look } from "./words/people.ts";

const BACKDROPS: Readonly<Record<Location, Backdrop>> = {
  abstract,
  bedroom,
  cafe,
  cave,
  city,
  beach,
  desert,
  farm,
  field,
  forest,
  garden,
  jungle,
  kitchen,
  lake,
  library,
  mars,
  meadow,
  moon,
  mountains,
  office,
  park,
  river,
  room,
  sea,
  sky,
  space,
  stage,
  street,
  studio,
  table,
  underwater,
  village,
};

const INDOORS: ReadonlySet<Location> = new Set([
  "abstract",
  "bedroom",
  "cafe",
  "cave",
  "kitchen",
  "library",
  "office",
  "room",
  "space",
  "stage",
  "studio",
  "table",
  "underwater",
  "moon",
  "mars",
]);

/** A picture before it is pixels: three layers, from the back to the front. */
export interface Composition {
  readonly backdrop: Layer;
  readonly subjects: Layer;
  /** Weather, and what stands in front of the subjects. */
  readonly finish: Layer;
  readonly atmosphere: Atmosphere;
  /** How far behind the backdrop is out of focus, in scene units; 0 is sharp. */
  readonly backdropBlur: number;
  /** Whether light and shade are laid over the subjects. */
  readonly hasShading: boolean;
}

/** Composes a picture for a size in pixels. */
export function compose(scene: Scene, random: Random, pixelWidth: number, pixelHeight: number): Composition {
  const unit = 1000 / Math.min(pixelWidth, pixelHeight);
  const [width, height] = [pixelWidth * unit, pixelHeight * unit];
  const location = locate(scene, random.fork("location"));
  const atmosphere = createAtmosphere(scene, random.fork("atmosphere"));
  const backdrop = new Layer("b", width, height);
  const subjects = new Layer("s", width, height);
  const finish = new Layer("f", width, height);
  const isSnowy = scene.season === "winter" || scene.weather === "snow" || scene.subjects.some(isArctic);
  const setting: Setting = { layer: backdrop, random: random.fork("backdrop"), atmosphere, scene, isSnowy };

  if (isPortrait(scene)) {
    const sitters = scene.subjects.flatMap((subject) => (subject.kind === "person" ? sittersOf(subject) : []));
    if (scene.place === undefined) drawStudio(backdrop, random.fork("backdrop"), atmosphere, scene.colours);
    else BACKDROPS[location](setting);
    drawPortrait(subjects, sitters.slice(0, 4), random.fork("portrait"));
    return {
      backdrop,
      subjects,
      finish,
      atmosphere,
      backdropBlur: scene.place === undefined ? 0 : 7,
      hasShading: true,
    };
  }

  const ground = BACKDROPS[location](setting);
  if (!INDOORS.has(location)) drawLightning({ ...setting, random: random.fork("lightning") }, ground.horizon);
  placeSubjects({ scene, random, ground, location, setting, subjects });
  ground.foreground?.(finish);
  drawWeather({ ...setting, layer: finish, random: random.fork("weather") }, ground.horizon, INDOORS.has(location));
  return { backdrop, subjects, finish, atmosphere, backdropBlur: 0, hasShading: location !== "abstract" };
}

/** People with nothing to do and nowhere to be are shown from the chest up. */
function isPortrait({ subjects, isPortrait: isAsked, place, actions, weather }: Scene): boolean {
  if (subjects.length === 0 || !subjects.every((subject) => subject.kind === "person")) return false;
  if (isAsked) return true;
  const isBusy =
    actions.some((action) => action !== "wear") || subjects.some((subject) => subject.riding ?? subject.holding);
  const count = subjects.reduce((sum, subject) => sum + subject.count, 0);
  return place === undefined && weather === undefined && !isBusy && count <= 3;
}

function sittersOf({ look, wearing, count }: Person): Sitter[] {
  const eyewear = wearing.find(({ art }) => art === "glasses" || art === "sunglasses")?.art;
  const glasses = eyewear === "glasses" || eyewear === "sunglasses" ? { glasses: eyewear } : {};
  const sitter: Sitter = {
    look: { ...look, ...glasses } as Look,
    wearing: wearing.filter(({ art }) => art !== eyewear),
  };
  return Array.from({ length: count }, () => sitter);
}

function isArctic(subject: Subject): boolean {
  return subject.kind === "thing" && ["penguin", "polar-bear", "snowman"].includes(subject.art);
}

interface Stage {
  readonly scene: Scene;
  readonly random: Random;
  readonly ground: Ground;
  readonly location: Location;
  readonly setting: Setting;
  readonly subjects: Layer;
}

function placeSubjects({ scene, random, ground, location, setting, subjects }: Stage): void {
  if (ground.surface === "water") embark(scene);
  const props = scene.subjects.flatMap((subject) => sharedProp(subject));
  const spots = arrange(scene, ground, location, subjects, random.fork("layout"));
  if (location === "meadow") for (const spot of spots) if (isLandmark(spot.subject)) drawHillock(setting, spot);
  for (const [position, spot] of spots.entries()) {
    const sprite = subjectSprite(spot.subject, scene, random.fork(`subject ${position}`));
    if (sprite !== undefined) placeSprite(subjects, setting, spot, sprite, location);
  }
  for (const prop of props) {
    const sprite = subjectSprite(prop, scene, random.fork("prop"));
    const spot: Spot = {
      subject: prop,
      copy: 0,
      x: subjects.width / 2,
      y: ground.floor + 56,
      height: 150,
      maxWidth: 300,
      turn: 0,
      isMirrored: false,
      hasShadow: true,
      isAfloat: false,
    };
    if (sprite !== undefined) placeSprite(subjects, setting, spot, sprite, location);
  }
}

/** On open water whoever cannot swim is in a boat: the prompt's, or a canoe. */
function embark(scene: Scene): void {
  for (const subject of [...scene.subjects]) {
    const canSwim = subject.kind === "thing" && subject.role !== "animal" && subject.role !== "face";
    if (canSwim || subject.riding !== undefined) continue;
    const position = scene.subjects.findIndex((other) => other.kind === "thing" && other.role === "boat");
    const [boat] = position < 0 ? [] : scene.subjects.splice(position, 1);
    subject.riding =
      boat?.kind === "thing" ? boat : { kind: "thing", art: "canoe", role: "boat", count: 1, wearing: [] };
  }
}

/** What several play with together stands between them instead of in everyone's hands. */
function sharedProp(subject: Subject): Subject[] {
  const held = subject.holding;
  if (held === undefined || (subject.count < 2 && held.art !== "chess-board") || held.role === "food") return [];
  delete subject.holding;
  return [held];
}

function isLandmark(subject: Subject): boolean {
  return (
    subject.kind === "thing" &&
    subject.role === "building" &&
    !["snow-capped-mountain", "mountain", "volcano", "tent"].includes(subject.art)
  );
}

/** A rise in the ground for a building to stand on. */
function drawHillock(setting: Setting, { x, y, height }: Spot): void {
  const { layer, atmosphere } = setting;
  const { near, far } = landColours({ ...setting, random: setting.random.fork("hillock") });
  const colour = atmosphere.tint(mix(near, far, 0.5), 0.06);
  const reach = height * 1.35;
  layer.path(
    svg`M${x - reach} ${y + 130}C${x - reach * 0.55} ${y + 90} ${x - reach * 0.5} ${y - 26} ${x} ${y - 26}C${x + reach * 0.5} ${y - 26} ${x + reach * 0.55} ${y + 90} ${x + reach} ${y + 130}Z`,
    layer.vertical({ 0: lighten(colour, 0.12), 1: colour }, y - 26, y + 120),
  );
}

function placeSprite(layer: Layer, setting: Setting, spot: Spot, sprite: Sprite, location: Location): void {
  const { box } = sprite;
  const { atmosphere } = setting;
  const scale = Math.min(
    spot.height / (sprite.stature ?? box.height),
    spot.maxWidth / box.width,
    (layer.height * 0.84) / box.height,
  );
  const [width, height] = [box.width * scale, box.height * scale];
  const mirrored = spot.isMirrored ? -1 : 1;
  const colours = (svg: string) =>
    INDOORS.has(location) && !atmosphere.isDark ? svg : mapColours(svg, atmosphere.illuminate);
  if (spot.hasShadow) {
    layer.shadow(
      spot.x,
      spot.y - height * 0.005,
      width * 0.56,
      Math.max(9, Math.min(34, height * 0.075)),
      atmosphere.shade,
      atmosphere.isDark ? 0.5 : 0.36,
    );
  }
  drawBeam(layer, setting, spot, width, height);
  const turn = spot.turn === 0 ? "" : svg` rotate(${spot.turn} 0 ${-height / 2})`;
  layer.add(
    svg`<g transform="translate(${spot.x} ${spot.y})${turn} scale(${(scale * mirrored).toFixed(4)} ${scale.toFixed(4)}) translate(${-box.x - box.width / 2} ${-box.y - box.height})">${colours(sprite.svg)}</g>`,
  );
  if (spot.isAfloat) {
    const water = lighten(atmosphere.tint("#3f93b8", 0.1), 0.18);
    layer.ellipse(spot.x, spot.y, width * 0.58, height * 0.035, water, 0.75);
    layer.ellipse(
      spot.x + width * 0.06,
      spot.y + height * 0.045,
      width * 0.42,
      height * 0.02,
      lighten(water, 0.3),
      0.6,
    );
  }
}

/** The beam of a lighthouse in bad light. */
function drawBeam(layer: Layer, { atmosphere }: Setting, spot: Spot, width: number, height: number): void {
  if (spot.subject.kind !== "thing" || spot.subject.art !== "lighthouse") return;
  if (!atmosphere.isDark && atmosphere.hasOrb && atmosphere.time !== "sunset") return;
  const lampY = spot.y - height * 0.835;
  for (const side of [-1, 1]) {
    const reach = layer.width;
    layer.path(
      svg`M${spot.x} ${lampY - 7}L${spot.x + side * reach} ${lampY - (side < 0 ? 170 : 40)}L${spot.x + side * reach} ${lampY + (side < 0 ? 40 : 170)}L${spot.x} ${lampY + 7}Z`,
      layer.linear(
        { 0: ["#fff3c0", 0.75], 0.5: ["#fff3c0", 0.25], 1: ["#fff3c0", 0] },
        [spot.x, lampY],
        [spot.x + side * reach * 0.8, lampY],
      ),
    );
  }
  layer.glow(spot.x, lampY, width * 0.9, "#fff3c0", 0.9);
}
