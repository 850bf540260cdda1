import type OpenAI from "openai";
import { BrokenAnswer } from "./broken-answer.ts";
import { toRecord } from "./json-strings.ts";

/** The most that is read of the list. */
const MAX_LIST_BYTES = 4 * 1024 * 1024;

/**
 * Reads `shutdown_date` of every model. Servers that do not know the field leave it out, and so do we.
 *
 * @see https://developers.openai.com/api/docs/deprecations
 */
export async function readShutdownDates(
  client: OpenAI,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, string | null>> {
  const response = await client.models.list({ signal }).asResponse();
  const parts: Uint8Array[] = [];
  let byteCount = 0;
  for await (const part of response.body ?? []) {
    byteCount += part.byteLength;
    if (byteCount > MAX_LIST_BYTES) throw new BrokenAnswer("its list of models is too long");
    parts.push(part);
  }
  const { data } = toRecord(JSON.parse(Buffer.concat(parts).toString()));
  if (!Array.isArray(data)) throw new BrokenAnswer("it holds no list of models");
  const dates = data.map((model): [unknown, unknown] => [toRecord(model).id, toRecord(model).shutdown_date]);
  return new Map(dates.filter((entry): entry is [string, string | null] => isAnnouncement(entry)));
}

function isAnnouncement([id, date]: readonly [unknown, unknown]): boolean {
  return typeof id === "string" && (date === null || (typeof date === "string" && isDate(date)));
}

function isDate(text: string): boolean {
  const isShaped = /^\d{4}-\d{2}-\d{2}$/.test(text) && !Number.isNaN(Date.parse(text));
  return isShaped && new Date(text).toISOString().startsWith(text);
}
