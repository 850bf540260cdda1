import type { Scene } from "../scene.ts";

/** Tells the person who wrote a prompt what the picture lacks. */
export interface Note {
  /** `NOT_DRAWN`, `NOT_CHANGED` or `NOT_REDRAWN`. */
  readonly code: string;
  readonly message: string;
}

/** The most words that a note lists, and the most characters of each. */
const MAX_WORDS = 8;
const MAX_WORD_LENGTH = 24;

const LANGUAGES = "the illustrator reads English, Chinese, Japanese and Korean";

/**
 * Says what a picture lacks.
 *
 * @param unchanged words for what was to be changed and was not found
 * @param prompt the last prompt: what the earlier ones named and the picture lacks was said when they were drawn
 */
export function notesOf({ missing, known }: Scene, unchanged: readonly string[], prompt: string): Note[] {
  if (known === 0) return [{ code: "NOT_DRAWN", message: `no word of this prompt is known; ${LANGUAGES}` }];
  const asked = prompt.normalize("NFKC").toLowerCase();
  const lacking = [...missing].filter((text) => text !== "" && asked.includes(text));
  const isForeign = lacking.some(
    (text) => !/[\p{sc=Latin}\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Hangul}\p{N}]/u.test(text),
  );
  const notes: Note[] = [];
  if (lacking.length > 0) {
    const message = `the picture does not show: ${listOf(lacking)}${isForeign ? `; ${LANGUAGES}` : ""}`;
    notes.push({ code: "NOT_DRAWN", message });
  }
  if (unchanged.length > 0) {
    notes.push({
      code: "NOT_CHANGED",
      message: `not changed, since it is no subject of the picture: ${listOf(unchanged)}`,
    });
  }
  return notes;
}

/** Says that an image was only drawn over, and what could not be changed for that reason. */
export function retouchNote(unchanged: readonly string[]): Note {
  const rest = unchanged.length === 0 ? "" : `; not changed: ${listOf(unchanged)}`;
  const message = `this image cannot be drawn again, since its making is not on record; it was only drawn over${rest}`;
  return { code: "NOT_REDRAWN", message };
}

function listOf(words: readonly string[]): string {
  const shown = words.slice(0, MAX_WORDS).map((word) => [...word].slice(0, MAX_WORD_LENGTH).join(""));
  return [...shown, ...(words.length > MAX_WORDS ? [`${words.length - MAX_WORDS} more`] : [])].join(", ");
}
