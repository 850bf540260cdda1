import type { Random } from "./random.ts";
import type { Scene, Subject } from "./scene.ts";
import type { Outfit } from "./words/people.ts";
import type { Place } from "./words/scenery.ts";
import type { Role } from "./words/things.ts";

/** Where a picture plays: a place of the prompt's, a studio behind an object, or no place at all. */
export type Location = Place | "studio" | "abstract";

/** Where things are at home when the prompt does not say where they are, by the name of their art. */
const HOMES: Readonly<Record<string, readonly Place[]>> = {
  lighthouse: ["sea"],
  bridge: ["sea"],
  pyramid: ["desert"],
  windmill: ["farm", "garden"],
  "cherry-tree": ["park", "lake"],
  "treasure-chest": ["underwater", "beach"],
  "fruit-bowl": ["table"],
  "chess-board": ["library", "room"],
  penguin: ["mountains"],
  "polar-bear": ["mountains"],
  camel: ["desert"],
  "two-hump-camel": ["desert"],
  cactus: ["desert"],
  snake: ["desert", "jungle"],
  lion: ["meadow"],
  monkey: ["jungle"],
  gorilla: ["jungle"],
  parrot: ["jungle"],
  tiger: ["jungle"],
  panda: ["forest"],
  leopard: ["jungle"],
  crocodile: ["river"],
  flamingo: ["lake"],
  duck: ["lake"],
  swan: ["lake"],
  goose: ["lake"],
  frog: ["lake"],
  turtle: ["beach"],
  crab: ["beach"],
  cow: ["farm"],
  pig: ["farm"],
  ewe: ["farm"],
  goat: ["mountains", "farm"],
  rooster: ["farm"],
  tractor: ["farm"],
  deer: ["forest"],
  wolf: ["forest"],
  fox: ["forest"],
  owl: ["forest"],
  bear: ["forest"],
  hedgehog: ["forest"],
  chipmunk: ["forest", "park"],
  hamster: ["room"],
  "cat-face": ["room", "garden", "meadow"],
  "black-cat": ["room", "street"],
  robot: ["room", "city"],
  alien: ["mars"],
  "flying-saucer": ["space"],
  rocket: ["space"],
  satellite: ["space"],
  locomotive: ["mountains", "meadow"],
  volcano: ["jungle"],
  "snow-capped-mountain": ["lake"],
  dragon: ["mountains"],
  "t-rex": ["jungle"],
  sauropod: ["jungle"],
  "soccer-ball": ["field"],
  tent: ["forest"],
  snowman: ["village"],
  "christmas-tree": ["room"],
  "palm-tree": ["beach"],
  "ringed-planet": ["space"],
  "globe-showing-europe-africa": ["space"],
};

const HOMES_BY_ROLE: Readonly<Record<Role, readonly Location[]>> = {
  animal: ["meadow"],
  bird: ["meadow", "park"],
  insect: ["garden"],
  swimmer: ["underwater"],
  vehicle: ["city", "street"],
  boat: ["sea"],
  aircraft: ["sky"],
  building: ["meadow"],
  tree: ["meadow"],
  flower: ["garden"],
  food: ["table"],
  wearable: ["studio"],
  instrument: ["stage"],
  object: ["table", "studio"],
  furniture: ["room"],
  celestial: ["sky"],
  symbol: ["studio"],
  face: ["studio"],
  effect: ["mountains"],
};

const HOMES_BY_OUTFIT: Partial<Readonly<Record<Outfit, readonly Place[]>>> = {
  astronaut: ["moon", "space"],
  knight: ["meadow"],
  royal: ["garden"],
  chef: ["kitchen"],
  farmer: ["farm"],
  pirate: ["sea"],
  wizard: ["forest", "library"],
  cowboy: ["desert"],
  santa: ["village"],
  ninja: ["village"],
  doctor: ["office"],
  firefighter: ["street"],
  police: ["street"],
  superhero: ["city"],
  suit: ["office"],
  worker: ["street"],
};

const LANDSCAPES: readonly Place[] = ["meadow", "mountains", "lake", "forest"];

/** Chooses where the picture plays. */
export function locate(scene: Scene, random: Random): Location {
  if (scene.place !== undefined) return scene.place;
  if (scene.isAbstract) return "abstract";
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
    return HOMES_BY_OUTFIT[subject.look.outfit ?? "plain"] ?? ["park", "street", "meadow"];
  }
  if (subject.riding !== undefined) return homesOf(subject.riding, scene);
  if (subject.holding?.role === "food" && !isOutside) return ["cafe"];
  if (subject.role === "bird" && scene.subjects.some((other) => other.kind === "thing" && other.role === "tree"))
    return ["meadow"];
  if (scene.actions.includes("fly") && subject.role !== "swimmer") return ["sky"];
  const homes = HOMES[subject.art] ?? HOMES_BY_ROLE[subject.role];
  const outdoors = homes.filter((home) => !isOutside || !["room", "studio"].includes(home));
  return outdoors.length > 0 ? outdoors : ["meadow"];
}
