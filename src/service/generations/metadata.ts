import { badInput } from "../../errors.ts";
import type { MetadataEntry } from "../../ports/records.ts";

/** The limits are those of metadata on OpenAI's objects. */
const MAX_ENTRIES = 16;
/** In characters. */
const MAX_KEY_LENGTH = 64;
/** In characters. */
const MAX_VALUE_LENGTH = 512;

/** Checks metadata, and returns `undefined` for no entries. @throws BAD_USER_INPUT naming `metadata` */
export function checkMetadata(entries: readonly MetadataEntry[] = []): readonly MetadataEntry[] | undefined {
  if (entries.length === 0) return undefined;
  if (entries.length > MAX_ENTRIES) throw badInput("metadata", `metadata must have at most ${MAX_ENTRIES} entries`);
  const keys = new Set<string>();
  for (const { key, value } of entries) {
    checkText("key", key, 1, MAX_KEY_LENGTH);
    checkText("value", value, 0, MAX_VALUE_LENGTH);
    if (keys.has(key)) throw badInput("metadata", "metadata must have each key only once");
    keys.add(key);
  }
  return entries.map(({ key, value }) => ({ key, value }));
}

function checkText(what: string, text: string, min: number, max: number): void {
  if (text.length >= min && text.length <= max && text.isWellFormed() && !text.includes("\0")) return;
  throw badInput(
    "metadata",
    `each ${what} of metadata must have ${min} to ${max} characters of well-formed Unicode without NUL characters`,
  );
}
