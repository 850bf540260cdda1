import { DESCRIPTIVE_ENDING, JAPANESE_STEM, KOREAN_ENDING, PARTICLES } from "./fillers.ts";
import { NUMBERS } from "./grammar.ts";
import type { Look } from "./people.ts";
import { LONGEST_WORD, lookUp, lookUpEmoji, type Meaning } from "./vocabulary.ts";

/** A phrase of a prompt, in the order it is read. */
export interface Phrase {
  readonly text: string;
  readonly meanings: readonly Meaning[];
  /** The phrase names something that the illustrator has no word for. */
  readonly isUnknown?: boolean;
}

/** What ends a sentence, or a part of one. */
export const STOP: Phrase = { text: ",", meanings: [{ is: "break" }] };

type Token =
  | { readonly word: string }
  | { readonly run: string }
  | { readonly emoji: string }
  | { readonly phrase: Phrase };

const NUMBER_WORDS = new Map(
  NUMBERS.flatMap((words) =>
    words.split(" ").map((word, index) => [word, index < 20 ? index + 1 : (index - 17) * 10] as const),
  ),
);
const NUMBER = String.raw`(?:\d{1,3}|${[...NUMBER_WORDS.keys()].sort((one, other) => other.length - one.length).join("|")})`;

/** Ages, which are no counts: "5 year old", "five-year-old", "aged 5", 5岁, 五歳, 다섯 살. */
const AGE = String.raw`\b${NUMBER}[\s\-]{0,3}(?:years?|yrs?|months?)[\s\-]{0,3}(?:olds?|of age)\b|\b\d{1,3}\s?y\/?o\b|\baged? (?:of )?${NUMBER}\b|${NUMBER}\s?(?:岁|歲|歳|살)|\d{1,3}\s?[才세]`;
/** Numbers with a unit, and those that are too long to count with. */
const MEASURE = String.raw`\b\d{1,9}(?:[.,:\/x×]\d{1,9}){0,3}\s?(?:mm|cm|km|kg|m|ft|feet|foot|inch(?:es)?|met(?:er|re)s?|k|p|px|fps|dpi|pm|am|o['’]clock|s|hours?|minutes?|years?)\b|\d{1,9}\s?(?:%|°|米|公里|点|年|月|日|分|秒|时|時)|\bf\/?\d{1,3}(?:\.\d)?\b|\d{3,}`;
const EAST_ASIAN = String.raw`[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Hangul}ー]`;
const TOKENS = new RegExp(
  String.raw`(?<age>${AGE})|(?<measure>${MEASURE})|(?<emoji>\p{RGI_Emoji}|\p{Emoji_Presentation}|\p{Extended_Pictographic})|(?<run>${EAST_ASIAN}+(?: \p{sc=Hangul}+)*)|(?<word>[[\p{L}\p{M}\p{N}]--${EAST_ASIAN}]+(?:['’]\p{L}+)?)|(?<stop>[.,;:!?、。，；！？\(\)\[\]\{\}\|\/\n]+)`,
  "gv",
);

/** Words and emoji that are read; the rest of a very long prompt changes the seed only. */
const MAX_TOKENS = 600;

/** Reads a prompt into phrases. It never fails. */
export function readPhrases(prompt: string): Phrase[] {
  const tokens = tokensOf(prompt.normalize("NFKC").trim().toLowerCase());
  const phrases: Phrase[] = [];
  for (let position = 0; position < tokens.length; ) {
    const token = tokens[position] as Token;
    let length = 1;
    if ("phrase" in token) phrases.push(token.phrase);
    else if ("run" in token) phrases.push(...phrasesOfRun(token.run));
    else if ("emoji" in token) length = readEmoji(tokens, position, phrases);
    else length = readWords(tokens, position, phrases);
    position += length;
  }
  return phrases.map((phrase, position) => (phrase.isUnknown ? asNamed(phrase, phrases[position + 1]) : phrase));
}

function tokensOf(text: string): Token[] {
  const tokens: Token[] = [];
  for (const { groups = {} } of text.matchAll(TOKENS)) {
    if (tokens.length === MAX_TOKENS) break;
    const { age, emoji, run, word, stop } = groups;
    if (age !== undefined) tokens.push({ phrase: { text: age, meanings: [{ is: "age", age: ageOf(age) }] } });
    else if (emoji !== undefined) {
      const spoken = lookUpEmoji(emoji);
      if (typeof spoken === "string") tokens.push(...tokensOf(spoken), { phrase: STOP });
      else tokens.push({ emoji });
    } else if (run !== undefined) tokens.push({ run });
    else if (word !== undefined) tokens.push({ word: word.replace(/['’]s?$/, "").replace(/['’]/, "") });
    else if (stop !== undefined) tokens.push({ phrase: STOP });
  }
  return tokens;
}

function ageOf(text: string): NonNullable<Look["age"]> {
  const number = text.match(new RegExp(NUMBER, "u"))?.[0] ?? "";
  const years = text.includes("month") ? 0 : (NUMBER_WORDS.get(number) ?? Number(number));
  return years < 13 ? "child" : years < 25 ? "young" : years < 60 ? "adult" : "old";
}

/** Reads an emoji and its repetitions: three cats in a row are three cats. */
function readEmoji(tokens: readonly Token[], position: number, phrases: Phrase[]): number {
  const { emoji } = tokens[position] as { readonly emoji: string };
  let end = position;
  for (let next = tokens[end]; next !== undefined && "emoji" in next && next.emoji === emoji; next = tokens[end]) end++;
  const meaning = lookUpEmoji(emoji);
  const [count, thing] = [end - position, typeof meaning === "object" ? [meaning] : []];
  phrases.push({ text: emoji, meanings: count > 1 ? [{ is: "count", count }, ...thing] : thing });
  return count;
}

/** Greedy longest match, for scripts that put no spaces between words. */
function* phrasesOfRun(run: string): Generator<Phrase> {
  let unknown = "";
  let hasKnown = false;
  let start = 0;
  while (start < run.length) {
    let length = Math.min(LONGEST_WORD, run.length - start);
    let found: ReturnType<typeof lookUp>;
    while (length > 0 && found === undefined) found = lookUp(run.slice(start, start + length--));
    if (found === undefined) {
      unknown += run[start++];
      continue;
    }
    if (!unknown.endsWith("的")) yield* unknownPart(unknown, hasKnown);
    yield { text: found.form, meanings: found.meanings };
    [unknown, hasKnown] = ["", true];
    start += found.form.length;
  }
  yield* unknownPart(unknown, hasKnown);
}

/** @param isEnding it follows a known word, whose ending it may be */
function* unknownPart(part: string, isEnding: boolean): Generator<Phrase> {
  for (const [index, word] of part.replace(JAPANESE_STEM, "").split(" ").entries()) {
    const isInflection = isEnding && index === 0 && /^\p{sc=Hangul}/u.test(word);
    const text = KOREAN_ENDING.test(word) || isInflection ? "" : word.replace(PARTICLES, "");
    if (text !== "") yield { text, meanings: [], isUnknown: true };
  }
}

/** Reads the longest phrase of up to four words that begins here, and answers how many words it has. */
function readWords(tokens: readonly Token[], position: number, phrases: Phrase[]): number {
  const words: string[] = [];
  for (const token of tokens.slice(position, position + 4)) {
    if (!("word" in token)) break;
    words.push(token.word);
  }
  for (let length = words.length; length > 0; length--) {
    const text = words.slice(0, length).join(" ");
    const found = lookUp(text, ...singulars(text));
    if (length === 1 && /^\d{1,2}$/.test(text))
      phrases.push({ text, meanings: [{ is: "count", count: Number(text) }] });
    else if (found === undefined) continue;
    else {
      const plural: Meaning[] = found.form === text ? [] : [{ is: "count", count: 0 }];
      phrases.push({ text, meanings: [...plural, ...found.meanings] });
    }
    return length;
  }
  phrases.push({ text: words[0] ?? "", meanings: [], isUnknown: true });
  return 1;
}

/** In English the last word of several names the thing; the ones before describe it, and are not missed. */
function asNamed(phrase: Phrase, next: Phrase = STOP): Phrase {
  const isLatin = /^\p{sc=Latin}/u.test(phrase.text);
  const isLast = next.meanings.some(
    ({ is, ...meaning }) =>
      ENDINGS.has(is) || ("endsNoun" in meaning && meaning.endsNoun) || ("count" in meaning && meaning.count > 0),
  );
  if (!isLatin || (isLast && !DESCRIPTIVE_ENDING.test(phrase.text))) return phrase;
  return { text: phrase.text, meanings: [] };
}

const ENDINGS: ReadonlySet<Meaning["is"]> = new Set(["break", "next", "action", "verb", "negation"]);

const IRREGULAR: Readonly<Record<string, string>> = {
  children: "child",
  people: "person",
  geese: "goose",
  mice: "mouse",
};

/** What an English plural may be the plural of. */
function singulars(phrase: string): string[] {
  if (/(^|[a-z])men$/.test(phrase)) return [`${phrase.slice(0, -3)}man`];
  if (Object.hasOwn(IRREGULAR, phrase)) return [IRREGULAR[phrase] ?? phrase];
  if (phrase.length < 4 || !phrase.endsWith("s") || phrase.endsWith("ss")) return [];
  const forms = [phrase.slice(0, -1)];
  if (phrase.endsWith("ies")) forms.push(`${phrase.slice(0, -3)}y`);
  if (phrase.endsWith("ves")) forms.push(`${phrase.slice(0, -3)}f`, `${phrase.slice(0, -3)}fe`);
  if (phrase.endsWith("es")) forms.push(phrase.slice(0, -2));
  return forms;
}
