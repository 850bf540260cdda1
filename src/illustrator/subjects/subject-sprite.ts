import { figureSprite, type Pose } from "../people/figure.ts";
import type { Random } from "../random.ts";
import type { Scene, Subject, Thing } from "../scene.ts";
import { creatureSprite } from "./creature.ts";
import { dress, give, mount } from "./dress.ts";
import { iconSprite } from "./icons.ts";
import { landmarkSprite } from "./landmarks.ts";
import type { Sprite } from "./sprite.ts";

/** Draws a subject with what it wears, holds and rides. `undefined` when there is no art for it. */
export function subjectSprite(subject: Subject, scene: Scene, random: Random): Sprite | undefined {
  let sprite = subject.kind === "person" ? personSprite(subject, scene, random) : thingSprite(subject, scene, random);
  if (sprite === undefined) return undefined;
  for (const worn of subject.wearing) sprite = dress(sprite, worn, random);
  if (subject.holding !== undefined && subject.holding.role !== "furniture") {
    const held = thingSprite(subject.holding, scene, random);
    if (held !== undefined) sprite = give(sprite, held);
  }
  if (subject.riding === undefined) return sprite;
  const steed = thingSprite(subject.riding, scene, random);
  return steed === undefined ? sprite : mount(sprite, steed, subject.riding.art, subject.riding.role);
}

function personSprite(person: Extract<Subject, { kind: "person" }>, scene: Scene, random: Random): Sprite {
  const eyewear = person.wearing.find(({ art }) => art === "glasses" || art === "sunglasses");
  if (eyewear !== undefined) person.wearing = person.wearing.filter((worn) => worn !== eyewear);
  const glasses = eyewear === undefined ? person.look.glasses : eyewear.art === "glasses" ? "glasses" : "sunglasses";
  const look = glasses === undefined ? person.look : { ...person.look, glasses };
  return figureSprite(look as typeof person.look, poseOf(person, scene), random);
}

function poseOf(person: Extract<Subject, { kind: "person" }>, scene: Scene): Pose {
  if (person.riding !== undefined) return "ride";
  if (person.holding !== undefined) return "hold";
  if (scene.actions.includes("run")) return "walk";
  return scene.actions.includes("sit") ? "sit" : "stand";
}

function thingSprite(thing: Thing, scene: Scene, random: Random): Sprite | undefined {
  const { art, role, colour } = thing;
  const isActive = thing.wearing.length > 0 || thing.holding !== undefined;
  const drawn = art === "deciduous-tree" ? seasonalTree(thing, scene, random) : landmarkSprite(art, random, colour);
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
