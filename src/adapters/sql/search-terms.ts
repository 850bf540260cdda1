import { createHash } from "node:crypto";
import type { HistoryFilter } from "../../ports/history.ts";
import type { GenerationOrder, MetadataEntry } from "../../ports/records.ts";
import { wordsOf } from "../../ports/search-words.ts";

/**
 * A term to search for. Terms are the words of prompts, and one text for each metadata entry. None contains white space
 * or ASCII other than letters and digits.
 */
export interface SearchTerm {
  readonly text: string;
  /** Whether longer terms that begin with it are found too. */
  readonly isPrefix: boolean;
}

/** Begins the terms of metadata. A character for private use, which no word contains. */
const METADATA_MARK = "\ue000";
/** Words of one character that is a word by itself: longer ones do not exist. */
const WHOLE_WORD = /^[[\p{scx=Han}\p{scx=Hira}\p{scx=Kana}]\p{Extended_Pictographic}]/v;

/** All terms by which a generation is found. */
export function termsOf({ prompt, metadata = [] }: Pick<GenerationOrder, "prompt" | "metadata">): readonly string[] {
  return [...wordsOf(prompt), ...metadata.map(toTerm)];
}

/** The terms that a generation must have. */
export function toSearchTerms({ words = [], metadata = [] }: HistoryFilter): readonly SearchTerm[] {
  return [
    ...words.map((text) => ({ text, isPrefix: !WHOLE_WORD.test(text) })),
    ...metadata.map((entry) => ({ text: toTerm(entry), isPrefix: false })),
  ];
}

function toTerm({ key, value }: MetadataEntry): string {
  const hash = createHash("sha256")
    .update(JSON.stringify([key, value]))
    .digest("hex");
  return METADATA_MARK + hash.slice(0, 32);
}
