import { createRandom, type Random } from "../canvas/random.ts";
import { figureSprite, type Pose } from "../people/figure.ts";
import type { Person, Scene, Subject, Thing } from "../scene.ts";
import { creatureSprite } from "./creature.ts";
import { dress, give, mount } from "./dress.ts";
import { iconSprite } from "./icons.ts";
import { landmarkSprite } from "./landmarks.ts";
import type { Sprite } from "./sprite.ts";

/**
 * Draws one copy of a subject with what it wears, holds and rides. `undefined` when there is no art for it. What cannot
 * be drawn is told among the scene's missing words.
 */
export function subjectSprite(subject: Subject, copy: number, scene: Scene): Sprite | undefined {
  const random = (subject.looks ?? createRandom(subject.text)).fork(`${copy}`);
  const { missing } = scene;
  let sprite = subject.kind === "person" ? personSprite(subject, scene, random) : thingSprite(subject, scene, random);
  if (sprite === undefined) {
    missing.add(subject.text);
    return undefined;
  }
  for (const worn of subject.wearing) {
    if (subject.kind === "person" && isEyewear(worn)) continue;
    const dressed = dress(sprite, worn, random);
    if (dressed === sprite) missing.add(worn.text);
    sprite = dressed;
  }
  if (subject.holding !== undefined && sprite.contents !== subject.holding.art) {
    const held = thingSprite(subject.holding, scene, random);
    const giving = held === undefined ? sprite : give(sprite, held);
    if (giving === sprite) missing.add(subject.holding.text);
    sprite = giving;
  }
  if (subject.riding === undefined) return sprite;
  const steed = thingSprite(subject.riding, scene, random);
  if (steed === undefined) missing.add(subject.riding.text);
  return steed === undefined ? sprite : mount(sprite, steed, subject.riding.art, subject.riding.role);
}

const isEyewear = ({ art }: { readonly art: string }): boolean => art === "glasses" || art === "sunglasses";

/** A person's look with the glasses that are worn. */
export function lookOf({ look, wearing }: Person): Person["look"] {
  const eyewear = wearing.find(isEyewear)?.art;
  return eyewear === "glasses" || eyewear === "sunglasses" ? { ...look, glasses: eyewear } : look;
}

function personSprite(person: Person, scene: Scene, random: Random): Sprite {
  return figureSprite(lookOf(person), poseOf(person, scene), random);
}

function poseOf(person: Person, { actions }: Scene): Pose {
  if (person.riding !== undefined) return "ride";
  if (person.holding !== undefined) return "hold";
  if (actions.includes("run")) return "walk";
  return actions.includes("sit") ? "sit" : "stand";
}

function thingSprite(thing: Thing, scene: Scene, random: Random): Sprite | undefined {
  const { art, role, colour } = thing;
  const isActive = thing.wearing.length > 0 || thing.holding !== undefined;
  const contents = thing.holding?.art;
  const drawn =
    art === "deciduous-tree" ? seasonalTree(thing, scene, random) : landmarkSprite(art, random, colour, contents);
  if (drawn !== undefined) return drawn;
  if (role === "animal" || role === "face" || role === "bird" || SIDE_VIEWS.has(role)) {
    return creatureSprite(art, colour, isActive || (thing.riding !== undefined && role === "animal"));
  }
  return iconSprite(art, colour);
}

function seasonalTree(tree: Thing, { season, weather }: Scene, random: Random): Sprite | undefined {
  if (tree.colour === undefined && season === "spring") return landmarkSprite("cherry-tree", random, undefined);
  const leaves = season === "autumn" ? "#d9782d" : season === "winter" || weather === "snow" ? "#e3edf7" : undefined;
  return landmarkSprite(tree.art, random, tree.colour ?? leaves);
}

/** Roles whose art is seen from the side and can be ridden. */
const SIDE_VIEWS: ReadonlySet<string> = new Set(["vehicle", "boat", "aircraft", "swimmer"]);
