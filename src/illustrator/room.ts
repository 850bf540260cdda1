import type { Area } from "./canvas/mask.ts";
import type { Random } from "./canvas/random.ts";
import { crowding, type Extent, heightOf, insideX, widthOf, zoneOf } from "./layout.ts";
import type { Position, Scene, Subject, Zone } from "./scene.ts";
import { MAX_COUNT } from "./scene-builder.ts";
import type { Sprite } from "./subjects/sprite.ts";
import { subjectSprite } from "./subjects/subject-sprite.ts";

/** The surroundings in which a new copy of a subject is placed. */
export interface Room {
  readonly scene: Scene;
  readonly extent: Extent;
  readonly random: Random;
  /** The part of the picture that it must stand in; anywhere if omitted. */
  readonly area?: Area | undefined;
}

/** A room, and the looks of its subjects. */
interface SurveyedRoom extends Room {
  readonly spriteOf: (subject: Subject) => Sprite | undefined;
}

/** The margin at the edges of the picture and between two neighbours, in scene units. */
const MARGIN = 22;
/** The smallest scale to which a subject may shrink to fit beside the others. */
const LEAST_SCALE = 0.66;
/** Where things stand beside a portrait, as shares of the picture's width, and how tall they are. */
const BESIDE_PORTRAIT = [0.16, 0.84, 0.3, 0.7] as const;
const BESIDE_PORTRAIT_HEIGHT = 520;
/** Things on the ground taller than this, in scene units, are in the way of things that fly. */
const HIGH = 360;

/** Adds copies of a subject beside the present subjects, which stay where they are. */
export function addCopies(subject: Subject, count: number, room: Room): void {
  const { scene, random } = room;
  const sprites = new Map<Subject, Sprite | undefined>();
  const spriteOf = (other: Subject): Sprite | undefined => {
    if (!sprites.has(other)) sprites.set(other, subjectSprite(other, 0, scene));
    return sprites.get(other);
  };
  for (let copy = 0; copy < count && subject.count < MAX_COUNT; copy++) {
    const position = findRoom(subject, count, { ...room, spriteOf, random: random.fork(`copy ${copy}`) });
    subject.positions = [...(subject.positions ?? []), position];
    subject.count++;
  }
}

/** @param crowd how many copies are added together */
function findRoom(subject: Subject, crowd: number, room: SurveyedRoom): Position {
  const { scene, extent, random, area } = room;
  const { location = "meadow", subjects } = scene;
  const copy = subject.positions?.length ?? 0;
  const anchor = subjects.find((other) => other !== subject && other.positions?.[0] !== undefined);
  const [at] = anchor?.positions ?? [];
  const likeOthers = anchor && at ? Math.min(1.1, at.height / heightOf(anchor, subjects)) : 1;
  const zone = zoneOf(subject, scene, location);
  const isTaken =
    zone === "seat" && subjects.some(({ positions = [] }) => positions.some((other) => other.zone === "seat"));
  const position: Position = {
    zone: scene.isPortrait ? "front" : isTaken ? "ground" : zone,
    x: extent.width / 2,
    height: heightOf(subject, subjects) * Math.min(likeOthers, crowding(crowd)) * random.between(0.88, 1),
    maxWidth: extent.width * 0.8,
    depth: random.next(),
    row: copy % 2 === 0 ? 0 : 1,
    crowd,
    lean: random.between(-1, 1),
    isMirrored: random.chance(0.5),
  };
  if (area !== undefined) return inArea(position, subject, area, room);
  if (scene.isPortrait) return besidePortrait(position, subject, room);
  return besideOthers(position, subject, at?.x ?? extent.width / 2, room);
}

/** Uses the gap nearest to the first subject that is wide enough; if there is none, a place among the others. */
function besideOthers(position: Position, subject: Subject, firstX: number, room: SurveyedRoom): Position {
  const { extent, random } = room;
  const width = widthOf(room.spriteOf(subject), position, extent);
  const sizeOf = ([from, to]: readonly [number, number]) => Math.min(1, (to - from) / width);
  const distanceOf = ([from, to]: readonly [number, number]) => Math.max(0, from - firstX, firstX - to);
  const [gap] = gapsFor(position.zone, room)
    .filter(([from, to]) => isOnSide(subject, (from + to) / 2, firstX) && sizeOf([from, to]) >= LEAST_SCALE)
    .sort((one, other) => sizeOf(other) - sizeOf(one) || distanceOf(one) - distanceOf(other));
  if (gap === undefined) return amongOthers(position, subject, firstX, room);
  const [from, to] = gap;
  const scale = sizeOf(gap);
  const inset = (width * scale) / 2 + (to - from - width * scale) * random.between(0, 0.5);
  return { ...position, x: from >= firstX ? from + inset : to - inset, height: position.height * scale };
}

/** Places it smaller in front of the others, or behind them if it is taller, where it hides the least. */
function amongOthers(position: Position, subject: Subject, firstX: number, room: SurveyedRoom): Position {
  const { scene, extent, random } = room;
  const heights = scene.subjects.flatMap(({ positions = [] }) => positions.map(({ height }) => height));
  const isTaller = position.height > Math.max(...heights) * 1.05;
  const zone = isHigh(position.zone) ? position.zone : isTaller ? "back" : "front";
  // Animals in front are not as small as cups and books.
  const height =
    position.height * (zone === "front" && subject.kind === "thing" && subject.role === "animal" ? 1.3 : 1);
  const placed = { ...position, zone, height };
  const half = widthOf(room.spriteOf(subject), placed, extent) / 2;
  const taken = [...takenBy(() => true, room), ...takenBy((other) => other === zone, room)];
  const hiddenAt = (x: number): number =>
    taken.reduce((sum, [left, right]) => sum + Math.max(0, Math.min(right, x + half) - Math.max(left, x - half)), 0);
  const places = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9].map((share) => share * extent.width);
  const onSide = places.filter((x) => isOnSide(subject, x, firstX));
  const [x = firstX] = random.shuffle(onSide.length > 0 ? onSide : places).sort((a, b) => hiddenAt(a) - hiddenAt(b));
  return { ...placed, x };
}

function besidePortrait(position: Position, subject: Subject, { scene, extent, random }: SurveyedRoom): Position {
  const others = scene.subjects.flatMap(({ kind, positions = [] }) => (kind === "person" ? [] : positions));
  const isRight = subject.side === undefined ? random.chance(0.5) : subject.side === "right";
  const share = BESIDE_PORTRAIT[others.length % BESIDE_PORTRAIT.length] ?? 0.5;
  return { ...position, x: extent.width * (isRight ? 1 - share : share), height: BESIDE_PORTRAIT_HEIGHT };
}

/** In the middle of the area, on its lower edge, and as tall as fits. */
function inArea(position: Position, subject: Subject, area: Area, { extent, spriteOf }: SurveyedRoom): Position {
  const width = widthOf(spriteOf(subject), position, extent);
  const scale = Math.min(1, (area.width * 0.92) / width, (area.height * 0.92) / position.height);
  const [x, y] = [area.left + area.width / 2, area.top + area.height * 0.96];
  return { ...position, zone: "ground", x, y, height: position.height * scale };
}

const isOnSide = ({ side }: Subject, x: number, firstX: number): boolean =>
  side === undefined || x < firstX === (side === "left");

const isHigh = (zone: Zone): boolean => zone === "air" || zone === "perch" || zone === "horizon" || zone === "void";

/** The gaps between the obstacles in a zone, from left to right. */
function gapsFor(zone: Zone, room: SurveyedRoom): [from: number, to: number][] {
  const { width } = room.extent;
  const gaps: [from: number, to: number][] = [];
  let from = MARGIN;
  const isInTheWay = (other: Zone, height: number) =>
    isHigh(other) === isHigh(zone) || (zone === "air" && height > HIGH);
  for (const [left, right] of [...takenBy(isInTheWay, room), [width, width] as const]) {
    if (left - MARGIN > from) gaps.push([from, left - MARGIN]);
    from = Math.max(from, right + MARGIN);
  }
  return gaps;
}

/** The horizontal extents of the subjects in some zones, from left to right. */
function takenBy(counts: (zone: Zone, height: number) => boolean, room: SurveyedRoom): [number, number][] {
  const { scene, extent } = room;
  return scene.subjects
    .flatMap((subject) =>
      (subject.positions ?? [])
        .filter(({ zone, height }) => counts(zone, height))
        .map((position): [number, number] => {
          const width = widthOf(room.spriteOf(subject), position, extent);
          const x = insideX(position.x, width, extent);
          return [x - width / 2, x + width / 2];
        }),
    )
    .sort(([one], [other]) => one - other);
}
