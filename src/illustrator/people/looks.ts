import type { Colour } from "../canvas/palette.ts";
import type { Random } from "../canvas/random.ts";
import { clothesOf, type Look, type Outfit } from "../words/people.ts";

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
const CLOTHES: readonly Colour[] = "#8f6fd6 #f0a03c #3f8fe0 #e5605a #3fae8a #f4efe6 #d95f8f #4f5f8f".split(" ");

/**
 * Fills in what a prompt leaves open. Skin, hair, age and clothes are drawn from the seed with equal chances, so that
 * "a person" is not always the same kind of person.
 */
export function settleLook(look: Look, random: Random): Appearance {
  // Each choice has a stream of its own: what a prompt or an edit decides moves no other one.
  const pick = <Item>(what: string, items: readonly Item[]): Item => random.fork(what).pick(items);
  const age = look.age ?? pick("age", ["young", "young", "adult", "adult"] as const);
  const gender = look.gender ?? pick("gender", ["female", "male"] as const);
  const skinTone = look.skin ?? pick("skin tone", ["light", "medium", "brown", "dark"] as const);
  const outfit = look.outfit ?? "plain";
  const hasLightEyes = skinTone === "light" && look.eyes !== "narrow";
  const hairs =
    gender === "female"
      ? (["long", "long", "bob", "ponytail", "bun", "curly"] as const)
      : age === "old"
        ? (["short", "bald", "short"] as const)
        : (["short", "short", "curly"] as const);
  const hairColours =
    age === "old"
      ? ["#d9d9de", "#bfc2ca", "#eceaea"]
      : skinTone === "dark" || skinTone === "brown"
        ? HAIR_COLOURS.slice(0, 3)
        : HAIR_COLOURS;
  return {
    age,
    gender,
    skin: pick("skin", SKINS[skinTone]),
    hair: look.hair ?? pick("hair", hairs),
    hairColour: look.hairColour ?? pick("hair colour", hairColours),
    eyeColour: look.eyeColour ?? pick("eyes", hasLightEyes ? EYE_COLOURS : EYE_COLOURS.slice(0, 2)),
    eyes: look.eyes ?? "round",
    expression:
      look.expression ??
      pick("expression", ["smiling", "laughing", "smiling", age === "child" ? "smiling" : "calm"] as const),
    gaze: look.gaze ?? "ahead",
    beard: look.beard ?? (outfit === "santa" ? "beard" : undefined),
    glasses: look.glasses,
    hasFreckles: look.freckles ?? (skinTone === "light" && random.fork("freckles").chance(0.12)),
    outfit,
    outfitColour: look.outfitColour ?? clothesOf(outfit).colour ?? pick("clothes", CLOTHES),
    fringe: random.fork("fringe").whole(0, 3),
  };
}
