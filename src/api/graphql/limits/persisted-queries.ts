import { createHash } from "node:crypto";
import { GraphQLError } from "graphql";
import { LRUCache } from "lru-cache";
import { badRequest } from "../errors.ts";

/** In characters: of all documents that are kept for clients that send ids, and of the longest one. */
const MAX_KEPT_LENGTH = { all: 4_000_000, one: 100_000 };

/**
 * The id that stands for a document, or goes with it, as Apollo's clients send it.
 *
 * @throws GraphQLError when it is of another version than 1, which is all there is
 */
export function persistedIdOf(extensions: Readonly<Record<string, unknown>> | null | undefined): string | undefined {
  const persisted = extensions?.persistedQuery as { version?: unknown; sha256Hash?: unknown } | null | undefined;
  if (persisted === undefined || persisted === null) return undefined;
  const { version, sha256Hash } = persisted;
  if (version === 1 && typeof sha256Hash === "string") return sha256Hash;
  throw badRequest("Unsupported persisted query version");
}

/** Told by message or code: the client then sends the document with its id, once. */
export function persistedQueryNotFound(): GraphQLError {
  return new GraphQLError("PersistedQueryNotFound", { extensions: { code: "PERSISTED_QUERY_NOT_FOUND" } });
}

/**
 * Automatic persisted queries: the documents that clients have sent with their SHA-256, so that afterwards it is enough
 * to send that. Those are forgotten first that were not asked for the longest.
 *
 * @see https://www.apollographql.com/docs/apollo-server/performance/apq
 */
export class PersistedQueries {
  readonly #texts = new LRUCache<string, string>({
    maxSize: MAX_KEPT_LENGTH.all,
    maxEntrySize: MAX_KEPT_LENGTH.one,
    sizeCalculation: ({ length }) => length,
  });

  /** @throws GraphQLError when the client has to send the document */
  find(id: string): string {
    const text = this.#texts.get(id);
    if (text === undefined) throw persistedQueryNotFound();
    return text;
  }

  /** @param id {@link checkId} was asked about it */
  keep(id: string, text: string): void {
    this.#texts.set(id, text);
  }
}

/** @throws GraphQLError when the document has another SHA-256 */
export function checkId(id: string, text: string): void {
  if (createHash("sha256").update(text).digest("hex") !== id) throw badRequest("provided sha does not match query");
}
