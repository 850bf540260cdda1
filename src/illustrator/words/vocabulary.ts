import type { Colour } from "../canvas/palette.ts";
import lexicon from "../lexicon.json" with { type: "json" };
import type { Scene, Subject } from "../scene.ts";
import { COLOURS, HAIR_COLOURS } from "./colours.ts";
import { FUNCTION_WORDS, QUALITY_WORDS } from "./fillers.ts";
import * as grammar from "./grammar.ts";
import * as people from "./people.ts";
import * as scenery from "./scenery.ts";
import { type Role, THINGS } from "./things.ts";

/** What a word can say about a picture. A word may say several of these at once. */
export type Meaning =
  | { readonly is: "place"; readonly place: scenery.Place }
  | { readonly is: "weather"; readonly weather: scenery.Weather }
  | ({ readonly is: "setting" } & Readonly<Pick<Scene, "time" | "season" | "style">>)
  | { readonly is: "colour"; readonly colour: Colour }
  | { readonly is: "count"; readonly count: number }
  /** About the next noun: which of several it is, and how large. */
  | { readonly is: "next"; readonly next: Partial<Pick<Subject, "size" | "isDefinite" | "isExtra">> }
  | { readonly is: "side"; readonly side: "left" | "right" }
  | { readonly is: "action"; readonly action: grammar.Action }
  | { readonly is: "thing"; readonly art: string; readonly role: Role }
  | { readonly is: "person"; readonly look: people.Look }
  | { readonly is: "trait"; readonly look: people.Look }
  | { readonly is: "age"; readonly age: NonNullable<people.Look["age"]> }
  | { readonly is: "feature"; readonly feature: keyof typeof people.COLOURED_FEATURES }
  | { readonly is: "verb"; readonly verb: grammar.Verb; readonly position: "before" | "between" | "after" }
  | { readonly is: "flag"; readonly flag: "isPortrait" | "isAbstract" | "namesAll" }
  | { readonly is: "backdrop" | "break" | "negation" }
  /** The art or the backdrop only resembles what the word names. */
  | { readonly is: "likeness" }
  /** Names nothing. Some of these words end the noun before them. */
  | { readonly is: "filler"; readonly endsNoun: boolean };

const vocabulary = new Map<string, Meaning[]>();

/** @param words separated by bars; a word that begins with `~` is something that the art only resembles */
function define(words: string, meaning: Meaning): void {
  for (const entry of words.split("|")) {
    const word = entry.replace("~", "");
    const meanings = vocabulary.get(word) ?? [];
    vocabulary.set(word, [...meanings, meaning, ...(entry === word ? [] : [{ is: "likeness" } as const])]);
  }
}

/** @param line what the words mean, then the words */
function defineLine(line: string, toMeaning: (head: string) => Meaning): void {
  const end = line.indexOf("|");
  define(line.slice(end + 1), toMeaning(line.slice(0, end)));
}

function defineAll<Key extends string>(lists: Readonly<Record<Key, string>>, toMeaning: (key: Key) => Meaning): void {
  for (const [key, words] of Object.entries(lists) as [Key, string][]) define(words, toMeaning(key));
}

defineAll(grammar.SIZES, (size) => ({ is: "next", next: { size } }));
defineAll(grammar.SIDES, (side) => ({ is: "side", side }));
for (const [count, words] of Object.entries(grammar.COUNTS)) define(words, { is: "count", count: Number(count) });
defineAll(grammar.VERBS_BEFORE, (verb) => ({ is: "verb", verb, position: "before" }));
define(grammar.VERBS_BETWEEN, { is: "verb", verb: "replace", position: "between" });
defineAll(grammar.VERBS_AFTER, (verb) => ({ is: "verb", verb, position: "after" }));
define(grammar.NEGATIONS, { is: "negation" });
define(grammar.DEFINITE_WORDS, { is: "next", next: { isDefinite: true } });
define(grammar.MORE_WORDS, { is: "next", next: { isExtra: true } });
define(grammar.ALL_WORDS, { is: "flag", flag: "namesAll" });
defineAll(grammar.ACTIONS, (action) => ({ is: "action", action }));
for (const line of THINGS) for (const entry of line.split("; ")) defineLine(entry, toThing);
for (const line of people.PERSON_NOUNS) defineLine(line, (head) => ({ is: "person", look: people.toLook(head) }));
for (const line of people.TRAITS) defineLine(line, (head) => ({ is: "trait", look: people.toLook(head) }));
defineAll(people.COLOURED_FEATURES, (feature) => ({ is: "feature", feature }));
defineAll(HAIR_COLOURS, (hairColour) => ({ is: "trait", look: { hairColour } }));
defineAll(scenery.PLACES, (place) => ({ is: "place", place }));
defineAll(scenery.TIMES, (time) => ({ is: "setting", time }));
defineAll(scenery.WEATHERS, (weather) => ({ is: "weather", weather }));
defineAll(scenery.SEASONS, (season) => ({ is: "setting", season }));
defineAll(scenery.STYLES, (style) => ({ is: "setting", style }));
defineAll(COLOURS, (colour) => ({ is: "colour", colour }));
define(people.PORTRAIT_WORDS, { is: "flag", flag: "isPortrait" });
define(grammar.ABSTRACT_WORDS, { is: "flag", flag: "isAbstract" });
define(grammar.BACKDROP_WORDS, { is: "backdrop" });
define(grammar.BREAKS, { is: "break" });
define(FUNCTION_WORDS, { is: "filler", endsNoun: true });
define(QUALITY_WORDS, { is: "filler", endsNoun: false });

const words: Readonly<Record<string, number>> = lexicon.words;
const codes: Readonly<Record<string, number>> = lexicon.codes;
const spoken: Readonly<Record<string, string>> = lexicon.spoken;

/** The longest entry of a script that is written without spaces, in characters. */
export const LONGEST_WORD = 8;

/**
 * What a word or phrase means, if it means anything here, and in which of its forms. The forms are tried in their
 * order, the curated words before the lexicon; they are lower case, with single spaces.
 */
export function lookUp(...forms: readonly string[]): { form: string; meanings: readonly Meaning[] } | undefined {
  const form = forms.find((one) => vocabulary.has(one)) ?? forms.find((one) => Object.hasOwn(words, one));
  if (form === undefined) return undefined;
  const art = artAt(words[form]);
  return { form, meanings: vocabulary.get(form) ?? (art === undefined ? [] : [art]) };
}

/** What an emoji means: a thing to draw, or words to read in its place. */
export function lookUpEmoji(emoji: string): Meaning | string | undefined {
  const points = [...emoji]
    .map((character) => (character.codePointAt(0) ?? 0).toString(16))
    .filter((p) => p !== "fe0f");
  const code = points.join("-");
  const withoutSkin = points.filter((point) => !/^1f3f[b-f]$/.test(point)).join("-");
  const label = spoken[code] ?? spoken[withoutSkin];
  const skin = SKIN_WORDS[points.findLast((point) => point !== code && point in SKIN_WORDS) ?? ""];
  if (label !== undefined) return skin === undefined ? label : `${skin} ${label}`;
  return artAt(codes[code] ?? codes[withoutSkin]);
}

/** What the emoji modifiers for skin say, as words of this vocabulary. */
const SKIN_WORDS: Readonly<Record<string, string>> = {
  "1f3fb": "light skin",
  "1f3fc": "light skin",
  "1f3fd": "brown skin",
  "1f3fe": "brown skin",
  "1f3ff": "dark skin",
};

function artAt(position: number | undefined): Meaning | undefined {
  const entry = position === undefined ? undefined : lexicon.art[position];
  return entry === undefined ? undefined : toThing(entry);
}

/** @param entry the name of the art, and its role */
function toThing(entry: string): Meaning {
  const [art = "", role = ""] = entry.split(" ");
  return { is: "thing", art, role: role as Role };
}
