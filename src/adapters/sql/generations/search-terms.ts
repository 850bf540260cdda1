import { createHash } from "node:crypto";
import type { HistoryFilter } from "../../../ports/history.ts";
import type { GenerationOrder, MetadataEntry } from "../../../ports/records.ts";
import { wordsOf } from "../../../ports/search-words.ts";

/**
 * A term to search for. Terms are the words of prompts, and one text for each metadata entry. None contains white space
 * or ASCII other than letters and digits.
 */
export interface SearchTerm {
  readonly text: string;
  /** Whether longer terms that begin with this one match too. */
  readonly isPrefix: boolean;
}

/** The first character of metadata terms. It is a private-use character, which no word contains. */
const METADATA_MARK = "\ue000";
/** Words of a single character, such as those of Han and kana. No longer word begins with them. */
const WHOLE_WORD = /^[\p{scx=Han}\p{scx=Hira}\p{scx=Kana}\p{Extended_Pictographic}]/u;

/** Returns all terms by which a generation is found. */
export function termsOf({ prompt, metadata = [] }: Pick<GenerationOrder, "prompt" | "metadata">): readonly string[] {
  return [...wordsOf(prompt), ...metadata.map(toTerm)];
}

/** Returns the terms that a generation must have to match a filter. */
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
