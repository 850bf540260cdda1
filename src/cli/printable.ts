/** The longest text of a server that is printed as it is, in characters. */
const MAX_PRINTED = 500;
/**
 * Control characters, with which a text could move the cursor or recolour the terminal, and characters that reorder
 * the text around them or cannot be seen.
 */
const UNPRINTABLE = /[\p{Cc}\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]/gu;
/** Control characters that JSON allows inside strings. C1 characters start escape sequences in some terminals. */
const RAW_IN_JSON = /[\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g;
/** Characters that take two columns of a terminal. */
const WIDE = /[\p{scx=Han}\p{scx=Hira}\p{scx=Kana}\p{scx=Hang}\p{Emoji_Presentation}\uff01-\uff60]/u;
const NO_WIDTH = /\p{Mn}|\p{Me}|\u200d/u;

/**
 * Makes a text of another program or person safe to print on one line: white space becomes single spaces, control
 * characters become `\u{fffd}`, and a text of more than `maxLength` characters ends with `…`.
 */
export function printable(text: string, maxLength = MAX_PRINTED): string {
  // Only this much is looked at: white space may shrink it, but a text of any length costs the same.
  const start = text.slice(0, maxLength * 4);
  const line = start.replace(/\s+/g, " ").trim().replace(UNPRINTABLE, "\ufffd").toWellFormed();
  const isCut = start.length < text.length;
  return line.length > maxLength || isCut ? `${line.slice(0, maxLength - 1).toWellFormed()}…` : line;
}

/** Writes a value as JSON on one line that no terminal interprets. */
export function toJsonLine(value: unknown): string {
  return JSON.stringify(value).replace(
    RAW_IN_JSON,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** How many columns of a terminal a printable text takes. */
export function columnsOf(text: string): number {
  let columns = 0;
  for (const character of text) columns += NO_WIDTH.test(character) ? 0 : WIDE.test(character) ? 2 : 1;
  return columns;
}

/** Cuts a printable text to at most this many columns; a cut one ends with `…`. */
export function toColumns(text: string, maxColumns: number): string {
  if (columnsOf(text) <= maxColumns) return text;
  let kept = "";
  let columns = 1;
  for (const character of text) {
    columns += columnsOf(character);
    if (columns > maxColumns) break;
    kept += character;
  }
  return `${kept.trimEnd()}…`;
}
