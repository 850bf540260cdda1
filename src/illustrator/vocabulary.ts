import lexicon from "./lexicon.json" with { type: "json" };
import type { Colour } from "./palette.ts";
import { COLOURS, HAIR_COLOURS } from "./words/colours.ts";
import { ABSTRACT_WORDS, ACTIONS, type Action, BREAKS, COUNTS, SIZES } from "./words/grammar.ts";
import { COLOURED_FEATURES, type Look, PERSON_NOUNS, PORTRAIT_WORDS, TRAITS } from "./words/people.ts";
import {
  PLACES,
  type Place,
  SEASONS,
  type Season,
  STYLES,
  type Style,
  TIMES,
  type TimeOfDay,
  WEATHERS,
  type Weather,
} from "./words/scenery.ts";
import { type Role, THINGS } from "./words/things.ts";

/** What a word can say about a picture. A word may say several of these at once. */
export type Meaning =
  | { readonly is: "place"; readonly place: Place }
  | { readonly is: "time"; readonly time: TimeOfDay }
  | { readonly is: "weather"; readonly weather: Weather }
  | { readonly is: "season"; readonly season: Season }
  | { readonly is: "style"; readonly style: Style }
  | { readonly is: "colour"; readonly colour: Colour }
  | { readonly is: "count"; readonly count: number }
  | { readonly is: "size"; readonly size: "small" | "large" }
  | { readonly is: "action"; readonly action: Action }
  | { readonly is: "thing"; readonly art: string; readonly role: Role }
  | { readonly is: "person"; readonly look: Look }
  | { readonly is: "trait"; readonly look: Look }
  | { readonly is: "feature"; readonly feature: keyof typeof COLOURED_FEATURES }
  | { readonly is: "portrait" }
  | { readonly is: "abstract" }
  | { readonly is: "break" };

const vocabulary = new Map<string, Meaning[]>();

function teach(words: string, meaning: Meaning): void {
  for (const word of words.split("|")) {
    const known = vocabulary.get(word);
    if (known === undefined) vocabulary.set(word, [meaning]);
    else known.push(meaning);
  }
}

function teachAll<Key extends string>(lists: Readonly<Record<Key, string>>, toMeaning: (key: Key) => Meaning): void {
  for (const [key, words] of Object.entries(lists) as [Key, string][]) teach(words, toMeaning(key));
}

teachAll(SIZES, (size) => ({ is: "size", size }));
for (const [count, words] of Object.entries(COUNTS)) teach(words, { is: "count", count: Number(count) });
teachAll(ACTIONS, (action) => ({ is: "action", action }));
for (const line of THINGS) {
  const [head = "", ...words] = line.split("|");
  const [art = "", role = ""] = head.split(" ");
  teach(words.join("|"), { is: "thing", art, role: role as Role });
}
for (const [look, words] of PERSON_NOUNS) teach(words, { is: "person", look });
for (const [look, words] of TRAITS) teach(words, { is: "trait", look });
teachAll(COLOURED_FEATURES, (feature) => ({ is: "feature", feature }));
teachAll(HAIR_COLOURS, (hairColour) => ({ is: "trait", look: { hairColour } }));
teachAll(PLACES, (place) => ({ is: "place", place }));
teachAll(TIMES, (time) => ({ is: "time", time }));
teachAll(WEATHERS, (weather) => ({ is: "weather", weather }));
teachAll(SEASONS, (season) => ({ is: "season", season }));
teachAll(STYLES, (style) => ({ is: "style", style }));
teachAll(COLOURS, (colour) => ({ is: "colour", colour }));
teach(PORTRAIT_WORDS, { is: "portrait" });
teach(ABSTRACT_WORDS, { is: "abstract" });
teach(BREAKS, { is: "break" });

const words: Readonly<Record<string, number>> = lexicon.words;
const codes: Readonly<Record<string, number>> = lexicon.codes;
const spoken: Readonly<Record<string, string>> = lexicon.spoken;

/** The longest entry of a script that is written without spaces, in characters. */
export const LONGEST_WORD = 8;

/**
 * What a word or phrase means, if it means anything here. The forms of one phrase are tried in their order, the
 * curated words before the lexicon; they are lower case, with single spaces.
 */
export function lookUp(...forms: readonly string[]): readonly Meaning[] | undefined {
  for (const form of forms) {
    const meanings = vocabulary.get(form);
    if (meanings !== undefined) return meanings;
  }
  for (const form of forms) {
    const art = Object.hasOwn(words, form) ? artAt(words[form]) : undefined;
    if (art !== undefined) return [art];
  }
  return undefined;
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
  if (entry === undefined) return undefined;
  const [art = "", role = ""] = entry.split(" ");
  return { is: "thing", art, role: role as Role };
}
