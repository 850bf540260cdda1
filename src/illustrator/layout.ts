import type { Ground } from "./backdrop/setting.ts";
import type { Random } from "./canvas/random.ts";
import type { Position, Scene, Subject, Thing, Zone } from "./scene.ts";
import type { Sprite } from "./subjects/sprite.ts";
import type { Location } from "./words/scenery.ts";
import { ROLES } from "./words/things.ts";

/** The width and height of a picture in scene units. */
export interface Extent {
  readonly width: number;
  readonly height: number;
}

/** One copy of a subject, ready to be drawn on a ground. */
export interface Spot {
  readonly subject: Subject;
  readonly copy: number;
  /** The middle of its feet, in scene units. */
  readonly x: number;
  readonly y: number;
  readonly height: number;
  readonly maxWidth: number;
  /** Degrees. */
  readonly turn: number;
  readonly isMirrored: boolean;
  readonly hasShadow: boolean;
  readonly isAfloat: boolean;
}

/** Things that are larger or smaller than most of their role: how much, and the names of their art. */
const STATURES: ReadonlyMap<string, number> = new Map(
  Object.entries({
    0.5: "crab snail chess-board",
    0.62: "mouse turtle bridge hedgehog tent",
    0.72: "hamster dove chipmunk rabbit cottage candle frog",
    0.8: "penguin tropical-fish eagle fuji cactus",
    0.9: "pyramid kite bicycle",
    1.1: "camel lighthouse bed bowl duck owl horse dolphin bus",
    1.2: "elephant mammoth dragon locomotive rooster t-rex shark hot-air-balloon couch-and-lamp",
    1.3: "sauropod bouquet swan giraffe fruit-bowl",
    1.5: "spouting-whale whale sunflower peacock vase",
    1.7: "rose flamingo",
  }).flatMap(([stature, arts]) => arts.split(" ").map((art) => [art, Number(stature)] as const)),
);

const PERSON_HEIGHT = 500;

type ZoneHeights = Readonly<Partial<Record<Zone, number>>>;

/** How much of its height a thing of a zone has, where that is not all of it. */
const ZONE_HEIGHTS: ZoneHeights = { air: 0.86, horizon: 1.25, front: 0.62, seat: 0.8, perch: 0.8, void: 1.15 };

/**
 * Furniture to sit on, in shares of its height: how far right of its middle and above its feet one sits, and how tall
 * who sits there is at most.
 */
const SEATS: Readonly<Record<string, readonly [right: number, up: number, tallest: number]>> = {
  "couch-and-lamp": [-0.12, 0.3, 0.95],
  bed: [-0.05, 0.4, 0.75],
  chair: [0, 0.42, 0.9],
};

const WATERS: ReadonlySet<Location> = new Set(["beach", "lake", "river", "sea"]);

/** Decides where every subject stands: none alone in a corner, the first one the largest. */
export function arrange(scene: Scene, location: Location, extent: Extent, random: Random): void {
  const byZone = new Map<Zone, Subject[]>();
  for (const subject of scene.subjects) {
    const zone = zoneOf(subject, scene, location);
    const members = byZone.get(zone) ?? [];
    byZone.set(zone, [...members, ...Array.from({ length: subject.count }, () => subject)]);
    subject.positions = [];
  }
  for (const [zone, members] of byZone) {
    const hasGround = (byZone.get("ground")?.length ?? 0) > 0;
    const positions = arrangeZone(zone, members, scene.subjects, extent, random.fork(zone), hasGround);
    for (const [index, position] of positions.entries()) members[index]?.positions?.push(position);
  }
}

/** Which zone of a place a subject belongs to. */
export function zoneOf(subject: Subject, { subjects }: Scene, location: Location): Zone {
  if (location === "space" || location === "sky") return "void";
  if (location === "studio" || location === "abstract") return "ground";
  const role = subject.kind === "person" ? undefined : subject.role;
  if (location === "underwater")
    return role === "animal" || role === "object" || role === "building" ? "ground" : "void";
  const mountRole = subject.riding?.role;
  if (role === "boat" || role === "swimmer" || mountRole === "boat" || mountRole === "swimmer")
    return WATERS.has(location) ? "water" : "ground";
  if (role === "aircraft" || role === "celestial" || mountRole === "aircraft") return "air";
  if (role === "animal" && seatOf(subjects) !== undefined) return "seat";
  if (role === "bird" && subjects.some((other) => other.kind === "thing" && other.role === "tree")) return "perch";
  const isFlying = subject.flies && (role === "bird" || role === "animal");
  if (role === "insect" || isFlying || (role === "bird" && location === "sea")) return "air";
  if (subject.kind === "thing" && subject.art === "fuji") return "horizon";
  if (role === "building" || role === "tree")
    return subjects[0] === subject && subjects.length === 1 ? "ground" : "back";
  const isSmall = role === "object" || role === "food" || role === "flower" || role === "instrument";
  const isTall = (other: Subject) => other.kind === "person" || ROLES[other.role].height > 320;
  return isSmall && subjects.some((other) => other !== subject && isTall(other)) ? "front" : "ground";
}

const seatOf = (subjects: readonly Subject[]): Thing | undefined =>
  subjects.find((subject) => subject.kind === "thing" && Object.hasOwn(SEATS, subject.art)) as Thing | undefined;

function arrangeZone(
  zone: Zone,
  members: readonly Subject[],
  subjects: readonly Subject[],
  extent: Extent,
  random: Random,
  hasGround: boolean,
): Position[] {
  const count = members.length;
  const room = Math.min(extent.width * 0.94, count * 620);
  const left = (extent.width - room) / 2;
  const order = random.shuffle(members.map((_, index) => index));
  const isInRows = count > 5 && zone !== "perch";
  const spacing = isInRows ? room / Math.ceil(count / 2 + 0.5) : room / count;
  return members.map((subject, index) => {
    const slot = order[index] ?? index;
    const row = slot % 2 === 0 ? 0 : 1;
    const column = isInRows ? Math.floor(slot / 2) + row * 0.5 : slot;
    const alone = count === 1 ? alonePosition(zone, subject, extent, random, hasGround) : undefined;
    const x =
      zone === "perch"
        ? extent.width * (0.5 + (slot - (count - 1) / 2) * 0.17) + random.between(-20, 20)
        : left + spacing * (column + 0.5) + random.between(-0.1, 0.1) * spacing;
    return {
      zone,
      x: alone ?? x,
      height: heightOf(subject, subjects) * crowding(count) * growthOf(extent) * random.between(0.86, 1.12),
      maxWidth: count === 1 ? extent.width * 0.8 : spacing * (zone === "air" ? 0.95 : 1.12),
      depth: random.next(),
      row,
      crowd: count,
      lean: random.between(-1, 1),
      isMirrored: random.chance(zone === "front" ? 0.3 : 0.5) !== (count === 2 && zone !== "front" && slot === 0),
    };
  });
}

/** How much smaller each is when several stand in one zone. */
export const crowding = (count: number): number =>
  count === 1 ? 1 : count === 2 ? 0.86 : count === 3 ? 0.74 : count <= 5 ? 0.6 : 0.48;

/** In tall pictures subjects are taller. */
const growthOf = ({ width, height }: Extent): number =>
  height > width * 1.3 ? Math.min(1.25, height / width / 1.15) : 1;

/** Where a subject that is alone in its zone goes: near the middle, and beside the ones of other zones. */
function alonePosition(zone: Zone, subject: Subject, { width }: Extent, random: Random, hasGround: boolean): number {
  const side = subject.side === undefined ? (random.chance(0.5) ? 1 : -1) : subject.side === "left" ? -1 : 1;
  const [near, far] =
    subject.side !== undefined || zone === "front" || (zone === "back" && hasGround)
      ? [0.22, 0.32]
      : zone === "air"
        ? [0.06, 0.24]
        : zone === "back" || zone === "horizon"
          ? [-0.06, 0.06]
          : [0.01, 0.17];
  return width * (0.5 + side * random.between(near, far));
}

/** The spots of all subjects on a ground, the far ones before the near ones. */
export function spotsOn(ground: Ground, { subjects }: Scene, extent: Extent): Spot[] {
  const layerOf = ({ subject, copy }: Spot) =>
    ["seat", "perch", "air"].includes(subject.positions?.[copy]?.zone ?? "ground") ? 1 : 0;
  return subjects
    .flatMap((subject) =>
      (subject.positions ?? []).map((position, copy) => toSpot(subject, copy, position, ground, subjects, extent)),
    )
    .sort((first, second) => layerOf(first) - layerOf(second) || first.y - second.y);
}

function toSpot(
  subject: Subject,
  copy: number,
  position: Position,
  ground: Ground,
  subjects: readonly Subject[],
  extent: Extent,
): Spot {
  const { zone, depth, row, crowd, lean, isMirrored, maxWidth } = position;
  const height = position.height * (ZONE_HEIGHTS[zone] ?? 1);
  const leanDegrees = zone === "void" ? 13 : zone === "air" ? 6 : zone === "water" ? 2 : 0;
  const spot = {
    subject,
    copy,
    x: position.x,
    height,
    maxWidth,
    turn: lean * leanDegrees,
    isMirrored,
    hasShadow: zone === "back" || zone === "ground" || zone === "front",
    isAfloat: zone === "water",
  };
  if (position.y !== undefined) return { ...spot, y: position.y };
  switch (zone) {
    case "air": {
      const lowest = ground.surface === "none" ? extent.height * 0.8 : ground.horizon * 0.92;
      return { ...spot, y: Math.max(height + 30, lowest * (0.5 + 0.36 * depth)) };
    }
    case "void": {
      const middle = crowd === 1 ? 0.5 : 0.34 + row * 0.3;
      const sway = crowd === 1 ? 0 : (depth - 0.5) * 80;
      return { ...spot, y: extent.height * middle + position.height * (crowd === 1 ? 0.56 : 0.5) + sway };
    }
    case "water":
      return { ...spot, y: (ground.waterline ?? ground.floor) + depth * 26 + row * 18 };
    case "horizon":
      return { ...spot, y: ground.horizon + 8 };
    case "back":
      return { ...spot, y: ground.back + depth * 22 };
    case "front": {
      const share = 0.4 + 0.22 * depth;
      return { ...spot, y: Math.min(extent.height - 24, ground.floor + (extent.height - ground.floor) * share) };
    }
    case "perch":
      return { ...spot, y: ground.back - 240 * growthOf(extent) + (depth - 0.5) * 140 };
    case "ground": {
      const nearer = crowd > 3 ? row * 96 : (depth - 0.5) * 24;
      return { ...spot, y: Math.min(extent.height - 18, ground.floor + nearer) };
    }
    case "seat": {
      const seat = seatOf(subjects);
      const under = seat?.positions?.[0];
      const [across, up, tallest] = SEATS[seat?.art ?? ""] ?? [0, 0, 1];
      if (seat === undefined || under === undefined || copy >= 3) return { ...spot, y: ground.floor };
      const { y, height: tall } = toSpot(seat, 0, under, ground, subjects, extent);
      const mirrored = under.isMirrored ? -1 : 1;
      return {
        ...spot,
        x: under.x + across * mirrored * tall + copy * tall * 0.3,
        y: y - up * tall,
        height: Math.min(height, tall * tallest),
      };
    }
    default:
      return zone satisfies never;
  }
}

/** How much a sprite is scaled to stand somewhere. */
export function scaleOf({ box, stature }: Sprite, height: number, maxWidth: number, extent: Extent): number {
  return Math.min(height / (stature ?? box.height), maxWidth / box.width, (extent.height * 0.84) / box.height);
}

/** Moves something of this width as far into the picture as it fits. */
export function insideX(x: number, width: number, extent: Extent): number {
  const inset = Math.min(extent.width / 2, width / 2 + 6);
  return Math.max(inset, Math.min(extent.width - inset, x));
}

/** How wide a sprite is where it stands, in scene units, with room for its tail on both sides. */
export function widthOf(sprite: Sprite | undefined, position: Position, extent: Extent): number {
  if (sprite === undefined) return 0;
  const scale = scaleOf(sprite, position.height * (ZONE_HEIGHTS[position.zone] ?? 1), position.maxWidth, extent);
  return (sprite.box.width + 2 * (sprite.overhang ?? 0)) * scale;
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
  const stature = STATURES.get(thing.art) ?? 1;
  if (subjects.length === 1) return Math.max(0.85, stature);
  const isBesidePerson = thing.role === "animal" && subjects.some(({ kind }) => kind === "person");
  return isBesidePerson && !LARGE_ANIMALS.has(thing.art) ? stature * 0.56 : stature;
}

/** How tall a subject is beside the others, in scene units. */
export function heightOf(subject: Subject, subjects: readonly Subject[]): number {
  const size = subject.kind === "thing" ? (subject.size === "small" ? 0.66 : subject.size === "large" ? 1.3 : 1) : 1;
  const own =
    subject.kind === "person"
      ? PERSON_HEIGHT * (subject.look.age === "child" ? 0.8 : 1)
      : ROLES[subject.role].height * statureOf(subject, subjects) * size;
  const flying = subject.kind === "thing" && subject.role === "animal" && subject.flies ? 0.66 : 1;
  return subject.riding === undefined ? own * flying : 540;
}
