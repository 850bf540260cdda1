import { badInput } from "../../errors.ts";
import type { HistoryFilter } from "../../ports/history.ts";
import type { Operation } from "../../ports/image-provider.ts";
import type { GenerationStatus, MetadataEntry } from "../../ports/records.ts";
import { wordsOf } from "../../ports/search-words.ts";
import { type Caller, scopeOf } from "../projects/caller.ts";
import { checkEndUser } from "../projects/end-user.ts";
import { checkMetadata } from "./metadata.ts";

/** Which generations a list has; what is left out stands for any. */
export interface FilterInput {
  /** Words of the prompt, by their beginnings, in any case and with or without accents. */
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

/** In UTF-16 units. Long enough for a prompt that is pasted into a search field. */
const MAX_SEARCH_LENGTH = 500;
/** Each word is looked up by itself, and each character of Han and kana is a word. */
const MAX_SEARCH_WORDS = 32;
/** In characters. Names of models are far shorter. */
const MAX_MODEL_LENGTH = 255;

/**
 * What a caller may see of what it asks for.
 *
 * @returns `undefined` when that is certainly nothing
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
  // A caller with an end user sees no other end user's records. No stored text holds NUL, and PostgreSQL takes none.
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
