import type { z } from "zod";
import { MAX_PROMPT_LENGTH } from "../../service/generations/generation-input.ts";

/** A pattern for sides from `MIN_SIDE` to `MAX_SIDE`: 64 to 3840 pixels. */
const SIDE = "(6[4-9]|[7-9][0-9]|[1-9][0-9]{2}|[12][0-9]{3}|3[0-7][0-9]{2}|38[0-3][0-9]|3840)";

/** Returns a pattern for two sides with this sign between them. */
export function sizePattern(sign: string): string {
  return `${SIDE}${sign}${SIDE}`;
}

/** The name of a format for what the pattern cannot express: a ratio from 1:3 to 3:1. */
export const SIZE_FORMAT = "image-size";

/** The rules of a prompt in JSON Schema: not only white space, and no NUL character. */
export const PROMPT_SCHEMA = { maxLength: MAX_PROMPT_LENGTH, pattern: "\\S", not: { pattern: "\\u0000" } } as const;

/** A parameter that may be left out, or be `null`. */
export function optional<Schema extends z.ZodType>(schema: Schema, description: string) {
  return schema.nullish().meta({ description });
}

/** Whether a text has more than `maxLength` code points, each of which is one or two code units. */
export function isLonger(value: string, maxLength: number): boolean {
  if (value.length <= maxLength) return false;
  return value.length > 2 * maxLength || [...value].length > maxLength;
}
