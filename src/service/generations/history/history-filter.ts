import { badInput } from "../../../errors.ts";
import type { HistoryFilter } from "../../../ports/history.ts";
import type { Operation } from "../../../ports/image-provider.ts";
import type { GenerationStatus, MetadataEntry } from "../../../ports/records.ts";
import { wordsOf } from "../../../ports/search-words.ts";
import { type Caller, scopeOf } from "../../projects/caller.ts";
import { checkEndUser } from "../../projects/end-user.ts";
import { checkMetadata } from "../metadata.ts";

/** The filter of a list of generations. Absent members match everything. */
export interface FilterInput {
  /** The beginnings of words in the prompt, in any case, with or without accents. */
  readonly search?: string | undefined;
  readonly status?: GenerationStatus | undefined;
  readonly model?: string | undefined;
  readonly operation?: Operation | undefined;
  readonly endUser?: string | undefined;
  readonly isFavorite?: boolean | undefined;
  /** At this moment or later. */
  readonly createdAfter?: Date | undefined;
  /** Before this moment. */
  readonly createdBefore?: Date | undefined;
  readonly metadata?: readonly MetadataEntry[] | undefined;
}

/** The most UTF-16 units of a search: enough for a prompt that is pasted into a search field. */
const MAX_SEARCH_LENGTH = 500;
/** The most words of a search. Each one is looked up separately. Each character of Han and kana is a word. */
const MAX_SEARCH_WORDS = 32;
/** The most characters of a model's name. Real names are far shorter. */
const MAX_MODEL_LENGTH = 255;

/**
 * Combines a filter with what the caller may see.
 *
 * @returns `undefined` when nothing can match
 * @throws BAD_USER_INPUT naming the field
 */
export function toHistoryFilter(caller: Caller, input: FilterInput): HistoryFilter | undefined {
  const { search, model, endUser, createdAfter, metadata, ...rest } = input;
  const scope = scopeOf(caller);
  if (model !== undefined && model.length > MAX_MODEL_LENGTH) {
    throw badInput("model", `model must have at most ${MAX_MODEL_LENGTH} characters`);
  }
  if (endUser !== undefined) checkEndUser("endUser", endUser);
  const filter: HistoryFilter = {
    ...rest,
    ...scope,
    endUser: scope.endUser ?? endUser,
    model,
    createdFrom: createdAfter,
    metadata: checkMetadata(metadata),
    words: search === undefined ? undefined : toSearchWords(search),
  };
  // A caller with an end user sees only that end user's records. No stored text contains NUL, and PostgreSQL does not
  // accept it.
  return filter.endUser === (endUser ?? filter.endUser) && !model?.includes("\0") ? filter : undefined;
}

function toSearchWords(search: string): readonly string[] {
  if (search.length > MAX_SEARCH_LENGTH) {
    throw badInput("search", `search must have at most ${MAX_SEARCH_LENGTH} characters`);
  }
  const words = wordsOf(search);
  if (words.length <= MAX_SEARCH_WORDS) return words;
  throw badInput(
    "search",
    `search must have at most ${MAX_SEARCH_WORDS} words; each character of Chinese and Japanese counts as one`,
  );
}
