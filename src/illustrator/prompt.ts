import type { Scene } from "./scene.ts";
import { SceneBuilder } from "./scene-builder.ts";
import { LONGEST_WORD, lookUp, lookUpEmoji, type Meaning } from "./vocabulary.ts";

type Token =
  | { readonly word: string }
  | { readonly run: string }
  | { readonly emoji: string }
  | { readonly stop: true };

const TOKENS =
  /(?<emoji>\p{RGI_Emoji}|\p{Emoji_Presentation}|\p{Extended_Pictographic})|(?<run>[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Hangul}ー]+)|(?<word>[[\p{L}\p{M}\p{N}]--[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Hangul}ー]]+(?:['’]\p{L}+)?)|(?<stop>[.,;:!?、。，；！？\(\)\[\]\{\}\|\/\n]+)/gv;

/** Words and emoji that are read; the rest of a very long prompt changes the seed only. */
const MAX_TOKENS = 600;

/** Reads a prompt. It never fails: a prompt without a known word gives a scene without subjects. */
export function parsePrompt(prompt: string): Scene {
  const text = prompt.normalize("NFKC").trim().toLowerCase();
  const scene: Scene = { colours: [], subjects: [], effects: [], actions: [], isPortrait: false, isAbstract: false };
  const builder = new SceneBuilder(scene);
  for (const meanings of meaningsOf(tokensOf(text))) builder.read(meanings);
  builder.finish();
  return scene;
}

function tokensOf(text: string): Token[] {
  const tokens: Token[] = [];
  for (const { groups } of text.matchAll(TOKENS)) {
    if (tokens.length === MAX_TOKENS) break;
    if (groups?.emoji !== undefined) {
      const spoken = lookUpEmoji(groups.emoji);
      if (typeof spoken === "string") tokens.push(...tokensOf(spoken), { stop: true });
      else tokens.push({ emoji: groups.emoji });
    } else if (groups?.run !== undefined) tokens.push({ run: groups.run });
    else if (groups?.word !== undefined) tokens.push({ word: groups.word.replace(/['’]s?$/, "").replace(/['’]/, "") });
    else tokens.push({ stop: true });
  }
  return tokens;
}

function* meaningsOf(tokens: readonly Token[]): Generator<readonly Meaning[]> {
  for (let position = 0; position < tokens.length; position++) {
    const token = tokens[position];
    if (token === undefined) return;
    if ("stop" in token) yield [{ is: "break" }];
    else if ("emoji" in token) {
      const meaning = lookUpEmoji(token.emoji);
      const repeats = repeatsOf(tokens, position, token.emoji);
      position += repeats - 1;
      if (typeof meaning === "object") yield repeats > 1 ? [{ is: "count", count: repeats }, meaning] : [meaning];
    } else if ("run" in token) yield* meaningsOfRun(token.run);
    else {
      const { meanings, length } = longestPhrase(tokens, position);
      if (meanings !== undefined) yield meanings;
      position += length - 1;
    }
  }
}

/** How often one emoji stands in a row: three cats are three cats. */
function repeatsOf(tokens: readonly Token[], position: number, emoji: string): number {
  let end = position;
  for (let next = tokens[end]; next !== undefined && "emoji" in next && next.emoji === emoji; next = tokens[end]) end++;
  return end - position;
}

/** Greedy longest match, for scripts that do not put spaces between words. */
function* meaningsOfRun(run: string): Generator<readonly Meaning[]> {
  let start = 0;
  while (start < run.length) {
    let length = Math.min(LONGEST_WORD, run.length - start);
    let meanings: readonly Meaning[] | undefined;
    for (; length > 0 && meanings === undefined; length--) meanings = lookUp(run.slice(start, start + length));
    if (meanings !== undefined) yield meanings;
    start += meanings === undefined ? 1 : length + 1;
  }
}

function longestPhrase(tokens: readonly Token[], position: number): { meanings?: readonly Meaning[]; length: number } {
  const words: string[] = [];
  for (const token of tokens.slice(position, position + 4)) {
    if (!("word" in token)) break;
    words.push(token.word);
  }
  for (let length = words.length; length > 0; length--) {
    const phrase = words.slice(0, length).join(" ");
    if (length === 1 && /^\d{1,2}$/.test(phrase)) return { meanings: [{ is: "count", count: Number(phrase) }], length };
    const meanings = lookUp(phrase, ...singulars(phrase));
    if (meanings === undefined) continue;
    const isPlural = singulars(phrase).length > 0 && lookUp(phrase) !== meanings;
    return { meanings: isPlural ? [{ is: "count", count: 0 }, ...meanings] : meanings, length };
  }
  return { length: 1 };
}

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
