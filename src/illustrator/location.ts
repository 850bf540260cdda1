import type { Random } from "./canvas/random.ts";
import type { Scene, Subject } from "./scene.ts";
import { clothesOf } from "./words/people.ts";
import type { Location, Place } from "./words/scenery.ts";
import { ROLES, type Role } from "./words/things.ts";

/** The usual places of things, by the names of their art, for prompts that name no place. */
const HOMES: ReadonlyMap<string, readonly Place[]> = new Map(
  [
    ["sea", "lighthouse bridge"],
    ["desert", "pyramid camel two-hump-camel cactus"],
    ["farm garden", "windmill"],
    ["park lake", "cherry-tree"],
    ["underwater beach", "treasure-chest"],
    ["table", "fruit-bowl"],
    ["library room", "chess-board"],
    ["mountains", "penguin polar-bear dragon"],
    ["desert jungle", "snake"],
    ["meadow", "lion"],
    ["jungle", "monkey gorilla parrot tiger leopard volcano t-rex sauropod"],
    ["bamboo", "panda"],
    ["river", "crocodile"],
    ["lake", "flamingo duck swan goose frog fuji"],
    ["beach", "turtle crab palm-tree"],
    ["farm", "cow pig ewe rooster tractor"],
    ["mountains farm", "goat"],
    ["forest", "deer wolf fox owl bear hedgehog tent"],
    ["forest park", "chipmunk"],
    ["room", "hamster christmas-tree"],
    ["room garden meadow", "cat-face"],
    ["room street", "black-cat"],
    ["room city", "robot"],
    ["mars", "alien"],
    ["space", "flying-saucer rocket satellite ringed-planet globe-showing-europe-africa"],
    ["mountains meadow", "locomotive"],
    ["field", "soccer-ball"],
    ["village", "snowman"],
  ].flatMap(([places = "", arts = ""]) => arts.split(" ").map((art) => [art, places.split(" ") as Place[]] as const)),
);

const LANDSCAPES: readonly Place[] = ["meadow", "mountains", "lake", "forest"];

/** Things that keep a picture on the ground, even if something in it flies. */
const GROUNDED: ReadonlySet<Role> = new Set(["building", "tree", "vehicle", "boat", "flower"]);

/** Chooses where the picture plays. */
export function locate(scene: Scene, random: Random): Location {
  if (scene.place !== undefined) return scene.place;
  if (scene.backdropColour !== undefined) return "studio";
  if (scene.isAbstract) return "abstract";
  if (scene.subjects.some((subject) => subject.kind === "thing" && subject.role === "furniture")) return "room";
  const [subject] = scene.subjects;
  if (subject !== undefined) return random.pick(homesOf(subject, scene));
  const hasScenery = scene.time ?? scene.weather ?? scene.season ?? scene.effects[0];
  return hasScenery === undefined ? "abstract" : random.pick(LANDSCAPES);
}

function homesOf(subject: Subject, scene: Scene): readonly Location[] {
  const isOutside = scene.weather !== undefined || scene.season !== undefined;
  if (subject.kind === "person") {
    if (subject.riding !== undefined) return homesOf(subject.riding, scene);
    if (subject.holding?.role === "instrument") return ["stage"];
    if (subject.holding?.role === "food" && !isOutside) return ["cafe"];
    return clothesOf(subject.look.outfit ?? "plain").homes ?? ["park", "street", "meadow"];
  }
  if (subject.riding !== undefined) return homesOf(subject.riding, scene);
  if (subject.holding?.role === "food" && subject.role !== "food" && !isOutside) return ["cafe"];
  if (subject.role === "bird" && scene.subjects.some((other) => other.kind === "thing" && other.role === "tree"))
    return ["meadow"];
  if (subject.flies && subject.role !== "swimmer") {
    const grounded = scene.subjects.find((other) => other.kind === "thing" && GROUNDED.has(other.role));
    return grounded === undefined ? ["sky"] : homesOf(grounded, scene);
  }
  const homes = HOMES.get(subject.art) ?? ROLES[subject.role].homes;
  const outdoors = homes.filter((home) => !isOutside || !["room", "studio"].includes(home));
  return outdoors.length > 0 ? outdoors : ["meadow"];
}
