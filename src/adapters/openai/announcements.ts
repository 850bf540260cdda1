import type OpenAI from "openai";
import type { Announcement } from "../../ports/image-provider.ts";
import { toRecord } from "../to-record.ts";
import { BrokenAnswer } from "./answers/broken-answer.ts";

/** The most bytes of the list that are read. */
const MAX_LIST_BYTES = 4 * 1024 * 1024;

/**
 * Reads the announcements in the server's list of models. Some servers do not send `shutdown_date`; then the
 * announcement has none either.
 *
 * @see https://developers.openai.com/api/docs/deprecations
 */
export async function readAnnouncements(
  client: OpenAI,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Announcement>> {
  const response = await client.models.list({ signal }).asResponse();
  const parts: Uint8Array[] = [];
  let byteCount = 0;
  for await (const part of response.body ?? []) {
    byteCount += part.byteLength;
    if (byteCount > MAX_LIST_BYTES) throw new BrokenAnswer("its list of models is too long");
    parts.push(part);
  }
  const { data } = toRecord(parseJson(Buffer.concat(parts)));
  if (!Array.isArray(data)) throw new BrokenAnswer("it holds no list of models");
  const named = data.map(toRecord).filter(({ id }) => typeof id === "string");
  return new Map(named.map((model) => [String(model.id), toAnnouncement(model)]));
}

function parseJson(text: Buffer): unknown {
  try {
    return JSON.parse(text.toString().replace(/^\uFEFF/, ""));
  } catch {
    throw new BrokenAnswer("its list of models is not JSON");
  }
}

function toAnnouncement({ created, shutdown_date }: Readonly<Record<string, unknown>>): Announcement {
  const isAnnounced = shutdown_date === null || (typeof shutdown_date === "string" && isDate(shutdown_date));
  return {
    ...(isSeconds(created) && { createdAt: new Date(created * 1000) }),
    ...(isAnnounced && { shutdownDate: shutdown_date }),
  };
}

/** Whether a value is a time in seconds since 1970, up to the year 9999. Servers that do not know the time send 0. */
function isSeconds(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value > 0 && value < 253_402_300_800;
}

function isDate(text: string): boolean {
  const isShaped = /^\d{4}-\d{2}-\d{2}$/.test(text) && !Number.isNaN(Date.parse(text));
  return isShaped && new Date(text).toISOString().startsWith(text);
}
