import type { Ground } from "./backdrop/setting.ts";
import type { Layer } from "./layer.ts";
import type { Location } from "./location.ts";
import type { Random } from "./random.ts";
import type { Scene, Subject, Thing } from "./scene.ts";
import type { Role } from "./words/things.ts";

/** One subject's place in the picture. */
export interface Spot {
  readonly subject: Subject;
  /** Which of several of its kind, from 0. */
  readonly copy: number;
  /** The middle of its feet, in scene units. */
  readonly x: number;
  readonly y: number;
  readonly height: number;
  /** The widest it may get. */
  readonly maxWidth: number;
  /** Degrees. */
  readonly turn: number;
  readonly isMirrored: boolean;
  readonly hasShadow: boolean;
  readonly isAfloat: boolean;
}

type Zone = "air" | "water" | "back" | "ground" | "front" | "perch" | "void";

/** How tall things of a role are when alone, in scene units. */
const HEIGHTS: Readonly<Record<Role, number>> = {
  animal: 450,
  bird: 200,
  insect: 130,
  swimmer: 250,
  vehicle: 290,
  boat: 330,
  aircraft: 270,
  building: 480,
  tree: 520,
  flower: 240,
  food: 320,
  wearable: 300,
  instrument: 320,
  object: 280,
  furniture: 340,
  celestial: 190,
  symbol: 400,
  face: 460,
  effect: 300,
};

/** Animals that are larger or smaller than most. */
const STATURES: Readonly<Record<string, number>> = {
  elephant: 1.2,
  mammoth: 1.2,
  giraffe: 1.35,
  "t-rex": 1.25,
  sauropod: 1.3,
  dragon: 1.2,
  horse: 1.12,
  camel: 1.1,
  mouse: 0.6,
  hamster: 0.7,
  hedgehog: 0.66,
  crab: 0.45,
  snail: 0.5,
  chipmunk: 0.72,
  rabbit: 0.72,
  penguin: 0.8,
  "spouting-whale": 1.5,
  whale: 1.5,
  shark: 1.25,
  dolphin: 1.15,
  "tropical-fish": 0.8,
  turtle: 0.62,
  bus: 1.15,
  locomotive: 1.2,
  bicycle: 0.95,
  "palm-tree": 1,
  sunflower: 1.5,
  rose: 1.7,
  eagle: 0.8,
  dove: 0.7,
  "hot-air-balloon": 1.25,
  balloon: 1,
  lighthouse: 1.1,
  bridge: 0.62,
  pyramid: 0.85,
  tent: 0.66,
  cottage: 0.72,
  "fruit-bowl": 1.35,
  "chess-board": 0.55,
  candle: 0.75,
  snowman: 1.2,
  bouquet: 1.3,
  cactus: 0.8,
  frog: 0.75,
  duck: 1.1,
  swan: 1.3,
  flamingo: 1.7,
  peacock: 1.5,
  rooster: 1.2,
  owl: 1.1,
  kite: 0.9,
};

const PERSON_HEIGHT = 500;
const MOST_COPIES = 9;

/** Places every subject: none alone in a corner, the first one the largest, near ones below and over far ones. */
export function arrange(scene: Scene, ground: Ground, location: Location, layer: Layer, random: Random): Spot[] {
  const byZone = new Map<Zone, { subject: Subject; copy: number }[]>();
  for (const subject of scene.subjects) {
    const zone = zoneOf(subject, scene, ground, location);
    const members = byZone.get(zone) ?? [];
    for (let copy = 0; copy < Math.min(subject.count, MOST_COPIES); copy++) members.push({ subject, copy });
    byZone.set(zone, members);
  }
  const spots: Spot[] = [];
  for (const [zone, members] of byZone)
    spots.push(...arrangeZone(zone, members, { scene, ground, layer, random: random.fork(zone), all: byZone }));
  return spots.sort((first, second) => layerOf(first) - layerOf(second) || first.y - second.y);
}

/** What sits on something is drawn after it, wherever it is. */
function layerOf({ subject }: Spot): number {
  return subject.kind === "thing" && (subject.role === "bird" || subject.role === "insect") ? 1 : 0;
}

function zoneOf(subject: Subject, scene: Scene, ground: Ground, location: Location): Zone {
  if (location === "space" || location === "studio" || location === "abstract")
    return location === "space" ? "void" : "ground";
  const role = subject.kind === "person" ? undefined : subject.role;
  if (location === "underwater")
    return role === "animal" || role === "object" || role === "building" ? "ground" : "void";
  if (location === "sky") return "void";
  const mountRole = subject.riding?.role;
  if (role === "boat" || role === "swimmer" || mountRole === "boat" || mountRole === "swimmer")
    return ground.waterline === undefined ? "ground" : "water";
  if (role === "aircraft" || role === "celestial" || mountRole === "aircraft") return "air";
  if (role === "bird") {
    if (scene.subjects.some((other) => other.kind === "thing" && other.role === "tree")) return "perch";
    return scene.actions.includes("fly") ? "air" : "ground";
  }
  if (role === "insect") return "air";
  if (role === "building" || role === "tree")
    return scene.subjects[0] === subject && scene.subjects.length === 1 ? "ground" : "back";
  const isSmall = role === "object" || role === "food" || role === "flower" || role === "instrument";
  if (
    isSmall &&
    scene.subjects.some((other) => other !== subject && (other.kind === "person" || HEIGHTS[other.role] > 320))
  )
    return "front";
  return "ground";
}

interface Surroundings {
  readonly scene: Scene;
  readonly ground: Ground;
  readonly layer: Layer;
  readonly random: Random;
  readonly all: ReadonlyMap<Zone, readonly unknown[]>;
}

function arrangeZone(
  zone: Zone,
  members: readonly { readonly subject: Subject; readonly copy: number }[],
  { scene: { subjects }, ground, layer, random, all }: Surroundings,
): Spot[] {
  const count = members.length;
  const crowd = count === 1 ? 1 : count === 2 ? 0.86 : count === 3 ? 0.74 : count <= 5 ? 0.6 : 0.48;
  const room = Math.min(layer.width * 0.94, count * 620);
  const left = (layer.width - room) / 2;
  const order = random.shuffle(members.map((_, index) => index));
  const isTall = layer.height > layer.width * 1.3;
  const growth = isTall ? Math.min(1.25, layer.height / layer.width / 1.15) : 1;
  return members.map(({ subject, copy }, index) => {
    const slot = order[index] ?? index;
    const isInRows = count > 5 && zone !== "perch";
    const spacing = isInRows ? room / Math.ceil(count / 2 + 0.5) : room / count;
    const column = isInRows ? Math.floor(slot / 2) + (slot % 2) * 0.5 : slot;
    const free = count === 1 ? freePosition(zone, layer, random, all) : undefined;
    const x = free ?? left + spacing * (column + 0.5) + random.between(-0.1, 0.1) * spacing;
    const height =
      heightOf(subject, subjects) *
      crowd *
      growth *
      (zone === "front" ? 0.62 : zone === "air" ? 0.86 : 1) *
      random.between(0.86, 1.12);
    const common = {
      subject,
      copy,
      x,
      height,
      maxWidth: count === 1 ? layer.width * 0.8 : spacing * (zone === "air" ? 0.95 : 1.12),
      isAfloat: false,
    };
    const isMirrored = count === 2 ? slot === 0 : random.chance(0.5);
    switch (zone) {
      case "air": {
        const lowest = ground.surface === "none" ? layer.height * 0.8 : ground.horizon * 0.92;
        const y = Math.max(height + 30, lowest * random.between(0.5, 0.86));
        return { ...common, y, turn: random.between(-6, 6), isMirrored, hasShadow: false };
      }
      case "void": {
        const isHero = count === 1;
        const y = isHero
          ? layer.height * 0.5 + height * 0.56
          : layer.height * (0.34 + (slot % 2) * 0.3) + height * 0.5 + random.between(-40, 40);
        return { ...common, height: height * 1.15, y, turn: random.between(-13, 13), isMirrored, hasShadow: false };
      }
      case "water":
        return {
          ...common,
          y: (ground.waterline ?? ground.floor) + random.between(0, 26) + (slot % 2) * 18,
          turn: random.between(-2, 2),
          isMirrored,
          hasShadow: false,
          isAfloat: true,
        };
      case "back":
        return { ...common, y: ground.back + random.between(0, 22), turn: 0, isMirrored, hasShadow: true };
      case "front":
        return {
          ...common,
          y: Math.min(layer.height - 24, ground.floor + (layer.height - ground.floor) * random.between(0.4, 0.62)),
          turn: 0,
          isMirrored: random.chance(0.3),
          hasShadow: true,
        };
      case "perch":
        return {
          ...common,
          height: height * 0.8,
          y: ground.back - 240 * growth + random.between(-70, 70),
          x: layer.width * (0.5 + (slot - (count - 1) / 2) * 0.17) + random.between(-20, 20),
          turn: 0,
          isMirrored,
          hasShadow: false,
        };
      case "ground": {
        const depth = count > 3 ? (slot % 2) * 96 : random.between(-12, 12);
        return {
          ...common,
          y: Math.min(layer.height - 18, ground.floor + depth),
          turn: 0,
          isMirrored,
          hasShadow: true,
        };
      }
      default:
        return zone satisfies never;
    }
  });
}

/** Where a subject that is alone in its zone goes: near the middle, and beside the ones of other zones. */
function freePosition(zone: Zone, layer: Layer, random: Random, all: ReadonlyMap<Zone, readonly unknown[]>): number {
  const side = random.chance(0.5) ? 1 : -1;
  if (zone === "front") return layer.width * (0.5 + side * random.between(0.24, 0.32));
  if (zone === "air") return layer.width * (0.5 + side * random.between(0.06, 0.24));
  if (zone === "back" && (all.get("ground")?.length ?? 0) > 0)
    return layer.width * (0.5 + side * random.between(0.22, 0.3));
  if (zone === "back") return layer.width * random.between(0.44, 0.56);
  return layer.width * (0.5 + side * random.between(0.01, 0.17));
}

/** Animals that stand no lower than a person. */
const LARGE_ANIMALS: ReadonlySet<string> = new Set(
  (
    "horse unicorn zebra donkey cow ox water-buffalo bison camel two-hump-camel giraffe elephant mammoth rhinoceros moose " +
    "hippopotamus bear polar-bear gorilla lion tiger dragon t-rex sauropod deer llama crocodile"
  ).split(" "),
);

/** How tall a thing is beside the others: an animal next to a person has the size it has in life. */
function statureOf(thing: Thing, subjects: readonly Subject[]): number {
  const stature = STATURES[thing.art] ?? 1;
  if (subjects.length === 1) return Math.max(0.85, stature);
  const isBesidePerson = thing.role === "animal" && subjects.some(({ kind }) => kind === "person");
  return isBesidePerson && !LARGE_ANIMALS.has(thing.art) ? stature * 0.56 : stature;
}

function heightOf(subject: Subject, subjects: readonly Subject[]): number {
  const size = subject.kind === "thing" ? (subject.size === "small" ? 0.66 : subject.size === "large" ? 1.3 : 1) : 1;
  const own =
    subject.kind === "person"
      ? PERSON_HEIGHT * (subject.look.age === "child" ? 0.8 : 1)
      : HEIGHTS[subject.role] * statureOf(subject, subjects) * size;
  return subject.riding === undefined ? own : 540;
}
