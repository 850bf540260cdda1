import type { Colour } from "../palette.ts";
import type { Random } from "../random.ts";
import type { Look, Outfit } from "../words/people.ts";

/** A look with nothing left open. */
export interface Appearance {
  readonly age: "child" | "young" | "adult" | "old";
  readonly gender: "female" | "male";
  readonly skin: Colour;
  readonly hair: NonNullable<Look["hair"]>;
  readonly hairColour: Colour;
  readonly eyeColour: Colour;
  readonly eyes: "narrow" | "round";
  readonly expression: NonNullable<Look["expression"]>;
  readonly gaze: "ahead" | NonNullable<Look["gaze"]>;
  readonly beard: Look["beard"];
  readonly glasses: Look["glasses"];
  readonly hasFreckles: boolean;
  readonly outfit: Outfit;
  readonly outfitColour: Colour;
  /** How the fringe falls, 0–3. */
  readonly fringe: number;
}

const SKINS: Readonly<Record<NonNullable<Look["skin"]>, readonly Colour[]>> = {
  light: ["#fbdcc4", "#f8d3b5", "#fde3d0"],
  medium: ["#eebf95", "#e5b186", "#dba77a"],
  brown: ["#c68a5c", "#b97d50", "#a96f45"],
  dark: ["#8a5636", "#74452b", "#633a25"],
};

const HAIR_COLOURS: readonly Colour[] = ["#241b22", "#3a2620", "#5b3a26", "#8a5a33", "#b5763f", "#e0b25f", "#b5482a"];
const EYE_COLOURS: readonly Colour[] = ["#3a2a22", "#5a3a24", "#3f5f4a", "#3a5f8f", "#2f2a2a"];
const CLOTHES: readonly Colour[] = [
  "#8f6fd6",
  "#f0a03c",
  "#3f8fe0",
  "#e5605a",
  "#3fae8a",
  "#f4efe6",
  "#d95f8f",
  "#4f5f8f",
];
const OUTFIT_COLOURS: Partial<Readonly<Record<Outfit, Colour>>> = {
  astronaut: "#e9edf2",
  knight: "#a9b4c4",
  royal: "#7a3fb0",
  chef: "#f7f5f0",
  doctor: "#f7f9fa",
  police: "#2f4a7f",
  firefighter: "#c9452f",
  wizard: "#4a3f9f",
  santa: "#d9302f",
  ninja: "#2b2b38",
  soldier: "#5f6f45",
  suit: "#3a4560",
  kimono: "#c94f6f",
  hanfu: "#5f9fae",
  pirate: "#8f2f38",
  farmer: "#4f78b8",
  worker: "#f0a03c",
  superhero: "#2f5fd0",
  cowboy: "#a8683f",
};

/**
 * Fills in what a prompt leaves open. Skin, hair, age and clothes are drawn from the seed with equal chances, so that
 * "a person" is not always the same kind of person.
 */
export function settleLook(look: Look, random: Random): Appearance {
  const age = look.age ?? random.pick(["young", "young", "adult", "adult"] as const);
  const gender = look.gender ?? random.pick(["female", "male"] as const);
  const skinTone = look.skin ?? random.pick(["light", "medium", "brown", "dark"] as const);
  const outfit = look.outfit ?? "plain";
  const hair =
    look.hair ??
    (gender === "female"
      ? random.pick(["long", "long", "bob", "ponytail", "bun", "curly"] as const)
      : age === "old"
        ? random.pick(["short", "bald", "short"] as const)
        : random.pick(["short", "short", "curly"] as const));
  const natural = skinTone === "dark" || skinTone === "brown" ? HAIR_COLOURS.slice(0, 3) : HAIR_COLOURS;
  return {
    age,
    gender,
    skin: random.pick(SKINS[skinTone]),
    hair,
    hairColour:
      look.hairColour ?? (age === "old" ? random.pick(["#d9d9de", "#bfc2ca", "#eceaea"]) : random.pick(natural)),
    eyeColour: look.eyeColour ?? random.pick(skinTone === "light" ? EYE_COLOURS : EYE_COLOURS.slice(0, 2)),
    eyes: look.eyes ?? "round",
    expression: look.expression ?? random.pick(["smiling", "smiling", "laughing", "calm"] as const),
    gaze: look.gaze ?? "ahead",
    beard: look.beard ?? (outfit === "santa" ? "beard" : undefined),
    glasses: look.glasses,
    hasFreckles: look.freckles ?? (skinTone === "light" && random.chance(0.12)),
    outfit,
    outfitColour: look.outfitColour ?? OUTFIT_COLOURS[outfit] ?? random.pick(CLOTHES),
    fringe: random.whole(0, 3),
  };
}
