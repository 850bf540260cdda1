/** Accents, the points of Hebrew and Arabic, and variation selectors; not the voicing marks of kana. */
const ACCENTS = /(?![\u3099\u309a])(?=[\p{sc=Zinh}\p{sc=Hebr}\p{sc=Arab}])\p{M}/gu;
/** Letters with strokes, which Unicode does not decompose, and the two forms of a Greek letter. */
const LETTERS: ReadonlyMap<string, string> = new Map(
  Object.entries({ ø: "o", ł: "l", đ: "d", ħ: "h", ŧ: "t", ς: "σ" }),
);
/** One character of Han or kana, one emoji, or a run of other letters and digits. */
const WORD =
  /(?=[\p{L}\p{N}])[\p{scx=Han}\p{scx=Hira}\p{scx=Kana}]|\p{Extended_Pictographic}|(?:(?![\p{scx=Han}\p{scx=Hira}\p{scx=Kana}])[\p{L}\p{N}\p{M}])+/gu;
/**
 * Words are cut to this many characters, in prompts and in searches alike: an index has a limit for the length of
 * words.
 */
const MAX_WORD_LENGTH = 64;

/**
 * Returns the words by which a text is found, each once: in lower case, without accents, in Unicode's compatible forms.
 * Han and kana have no spaces, so each of their characters is a word.
 */
export function wordsOf(text: string): readonly string[] {
  const withoutAccents = text.normalize("NFKD").replace(ACCENTS, "").normalize("NFKC");
  // Upper case first, so that "ß" and "SS" become equal.
  const folded = withoutAccents
    .toUpperCase()
    .toLowerCase()
    .replace(/[øłđħŧς]/g, (letter) => LETTERS.get(letter) ?? letter);
  const words = folded.match(WORD) ?? [];
  return [...new Set(words.map((word) => Array.from(word).slice(0, MAX_WORD_LENGTH).join("")))];
}
