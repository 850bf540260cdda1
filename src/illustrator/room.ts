import { type Extent, heightOf, insideX, widthOf, zoneOf } from "./layout.ts";
import type { Area } from "./mask.ts";
import type { Random } from "./random.ts";
import type { Position, Scene, Subject } from "./scene.ts";

/** What is kept free at the edges of the picture and between two neighbours, in scene units. */
const MARGIN = 22;
/** A subject shrinks to this share at most, rather than stand in front of another one. */
const LEAST_SCALE = 0.5;
/** Where things stand beside a portrait, as shares of the picture's width. */
const BESIDE_PORTRAIT = [0.16, 0.84, 0.3, 0.7] as const;
const BESIDE_PORTRAIT_HEIGHT = 520;

/**
 * Finds room for one more copy of a subject beside what stands there already, which stays where it is.
 *
 * @param area the part of the picture that it has to stand in; the whole picture when it is left out
 */
export function findRoom(subject: Subject, scene: Scene, extent: Extent, random: Random, area?: Area): Position {
  const { location = "meadow", subjects } = scene;
  const [anchor] = subjects.filter((other) => other !== subject && (other.positions?.length ?? 0) > 0);
  const at = anchor?.positions?.[0];
  const zone = scene.isPortrait ? "front" : zoneOf(subject, scene, location);
  const tallness = anchor && at ? at.height / heightOf(anchor, subjects) : 1;
  const position: Position = {
    zone,
    x: extent.width / 2,
    height: heightOf(subject, subjects) * Math.min(1.1, tallness) * random.between(0.88, 1),
    maxWidth: extent.width * 0.8,
    depth: random.next(),
    row: 0,
    crowd: 1,
    lean: random.between(-1, 1),
    isMirrored: random.chance(0.5),
  };
  if (area !== undefined) return inArea(position, subject, scene, extent, area);
  if (scene.isPortrait) {
    const others = subjects.flatMap((other) =>
      other.kind === "person" || other === subject ? [] : (other.positions ?? []),
    );
    const isRight = subject.side === undefined ? random.chance(0.5) : subject.side === "right";
    const share = BESIDE_PORTRAIT[others.length % BESIDE_PORTRAIT.length] ?? 0.5;
    return { ...position, x: extent.width * (isRight ? 1 - share : share), height: BESIDE_PORTRAIT_HEIGHT };
  }
  return inGap(position, subject, scene, extent, random, at?.x ?? extent.width / 2);
}

/** In the gap nearest to the anchor that is wide enough, or smaller in the widest one. */
function inGap(
  position: Position,
  subject: Subject,
  scene: Scene,
  extent: Extent,
  random: Random,
  anchorX: number,
): Position {
  const isHigh = (zone: Position["zone"]) => zone === "air" || zone === "perch" || zone === "horizon";
  const gaps: [from: number, to: number][] = [];
  let from = MARGIN;
  for (const [left, right] of occupied(scene, extent, (zone) => isHigh(zone) === isHigh(position.zone))) {
    if (left - MARGIN > from) gaps.push([from, left - MARGIN]);
    from = Math.max(from, right + MARGIN);
  }
  if (extent.width - MARGIN > from) gaps.push([from, extent.width - MARGIN]);
  const onSide = gaps.filter(([start, end]) => isOnSide(subject, (start + end) / 2, anchorX));
  const width = widthOf(subject, position, scene, extent);
  const distance = ([start, end]: [number, number]) => Math.max(0, start - anchorX, anchorX - end);
  const size = ([start, end]: [number, number]) => end - start;
  const fitting = onSide.filter((gap) => size(gap) >= width * LEAST_SCALE);
  const [gap] = fitting.sort(
    (one, other) =>
      Math.min(1, size(other) / width) - Math.min(1, size(one) / width) || distance(one) - distance(other),
  );
  if (gap === undefined) return inFront(position, subject, scene, extent, random, anchorX);
  const scale = Math.min(1, size(gap) / width);
  const slack = size(gap) - width * scale;
  const half = (width * scale) / 2;
  const inset = half + slack * random.between(0, 0.5);
  const x = gap[0] >= anchorX ? gap[0] + inset : gap[1] - inset;
  return { ...position, x, height: position.height * scale };
}

/** Smaller and nearer than the others, where it hides the least of them. */
function inFront(
  position: Position,
  subject: Subject,
  scene: Scene,
  extent: Extent,
  random: Random,
  anchorX: number,
): Position {
  const zone = position.zone === "air" ? "air" : "front";
  const half = widthOf(subject, { ...position, zone }, scene, extent) / 2;
  const taken = occupied(scene, extent, () => true);
  const inFirstRow = occupied(scene, extent, (other) => other === zone);
  const hidden = (x: number): number =>
    [...taken, ...inFirstRow, ...inFirstRow].reduce(
      (sum, [left, right]) => sum + Math.max(0, Math.min(right, x + half) - Math.max(left, x - half)),
      0,
    );
  const places = random.shuffle([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9].map((share) => share * extent.width));
  const onSide = places.filter((place) => isOnSide(subject, place, anchorX));
  const x = (onSide.length > 0 ? onSide : places).reduce((best, other) =>
    hidden(other) < hidden(best) ? other : best,
  );
  return { ...position, zone, x };
}

const isOnSide = ({ side }: Subject, x: number, anchorX: number): boolean =>
  side === undefined || x < anchorX === (side === "left");

/** As tall as the area allows, on the ground where that is inside the area, on its lower edge otherwise. */
function inArea(position: Position, subject: Subject, scene: Scene, extent: Extent, area: Area): Position {
  const { left, top, width: across, height: down } = area;
  const width = widthOf(subject, position, scene, extent);
  const scale = Math.min(1, (across * 0.92) / width, (down * 0.92) / position.height);
  return {
    ...position,
    zone: "ground",
    x: left + across / 2,
    y: top + down * 0.96,
    height: position.height * scale,
  };
}

/** From where to where the picture is taken, from left to right. */
function occupied(scene: Scene, extent: Extent, counts: (zone: Position["zone"]) => boolean): [number, number][] {
  return scene.subjects
    .flatMap((subject) =>
      (subject.positions ?? [])
        .filter(({ zone }) => counts(zone))
        .map((position): [number, number] => {
          const width = widthOf(subject, position, scene, extent);
          const x = insideX(position.x, width, extent);
          return [x - width / 2, x + width / 2];
        }),
    )
    .sort(([one], [other]) => one - other);
}
