import { shownKey } from "../../../streamed-json/json-strings.ts";
import { toRecord } from "../../to-record.ts";

/** The most bytes that are examined of an answer that cannot be read. */
const MAX_EXAMINED_BYTES = 2048;
/** The most words, characters of a word, and keys that a description repeats. */
const MAX_WORDS = 10;
const MAX_WORD_LENGTH = 24;
const MAX_KEYS = 8;

const PAGE = /^\s*<(!doctype|html|head|body|title|center|h1|p)\b/i;

/**
 * Describes an answer that cannot be read, as the rest of a sentence: its type and its first words, so that an operator
 * recognises a proxy's page or another program. Words of the prompt and words that could be keys are left out.
 *
 * @param mediaType the answer's media type
 * @param prompt the prompt of the call, which the answer may repeat
 */
export function describeAnswer(mediaType: string | undefined, head: Uint8Array, prompt: string): string {
  const text = Buffer.from(head.subarray(0, MAX_EXAMINED_BYTES)).toString("utf8");
  const isPage = PAGE.test(text) || mediaType === "text/html";
  const type = mediaType && /^[\w.+-]{1,40}\/[\w.+-]{1,40}$/.test(mediaType) ? mediaType : "no known type";
  const words = firstWords(isPage ? textOfPage(text) : text, prompt);
  const beginning = words === "" ? "" : ` that begins "${words}"`;
  return `it is ${isPage ? "a web page" : "neither JSON nor an image"} (${type})${beginning}`;
}

/** Describes the content of a document without images, as the rest of a sentence. */
export function describeDocument(document: unknown): string {
  const keys = Object.keys(toRecord(document));
  const shown = keys.slice(0, MAX_KEYS).map(shownKey).join(", ") + (keys.length > MAX_KEYS ? ", …" : "");
  const content = keys.length === 0 ? "no members" : `the members ${shown}`;
  return `it holds no image at data[].b64_json or data[].url, but ${content}`;
}

/** Advice for an unexpected answer. Most come from a wrong address. */
export const WHERE_TO_LOOK =
  "check OPENAI_BASE_URL, which has to name the API with its version, as http://host/v1 does";

function textOfPage(page: string): string {
  const [, title] = /<title[^<>]*>([^<]*)/i.exec(page) ?? [];
  if (title?.trim()) return title;
  return page.replaceAll(/<(script|style)\b.*?(<\/\1\s*>|$)/gis, " ").replaceAll(/<[^>]*(>|$)/g, " ");
}

function firstWords(text: string, prompt: string): string {
  const secret = new Set(wordsOf(prompt));
  const words = wordsOf(text).slice(0, MAX_WORDS);
  return words.map((word) => (secret.has(word) || isLikeKey(word) ? "…" : word)).join(" ");
}

/** The words of a text: letters, digits, and the characters of names and versions. */
function wordsOf(text: string): string[] {
  return text.split(/[^\p{L}\p{N}./:_-]+/u).filter((word) => /[\p{L}\p{N}]/u.test(word));
}

function isLikeKey(word: string): boolean {
  return word.length > MAX_WORD_LENGTH || /^sk-/i.test(word) || (/^[\w-]{12,}$/.test(word) && /\d/.test(word));
}
