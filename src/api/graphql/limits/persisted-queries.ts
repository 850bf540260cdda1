import { createHash } from "node:crypto";
import { GraphQLError } from "graphql";
import { LRUCache } from "lru-cache";
import { badRequest } from "../errors.ts";

/** How many characters are kept: of all documents together, and of one document. */
const MAX_KEPT_LENGTH = { all: 4_000_000, one: 100_000 };

/**
 * Reads the id that Apollo's clients send instead of a document or together with it. `undefined` when there is none.
 *
 * @throws GraphQLError when the version is not 1, the only version that exists
 */
export function persistedIdOf(extensions: Readonly<Record<string, unknown>> | null | undefined): string | undefined {
  const persisted = extensions?.persistedQuery as { version?: unknown; sha256Hash?: unknown } | null | undefined;
  if (persisted === undefined || persisted === null) return undefined;
  const { version, sha256Hash } = persisted;
  if (version === 1 && typeof sha256Hash === "string") return sha256Hash;
  throw badRequest("Unsupported persisted query version");
}

/** The error that makes a client send the document together with its id. Clients recognise its message or its code. */
export function persistedQueryNotFound(): GraphQLError {
  return new GraphQLError("PersistedQueryNotFound", { extensions: { code: "PERSISTED_QUERY_NOT_FOUND" } });
}

/**
 * Automatic persisted queries. A client sends a document with its SHA-256 once, and then only the SHA-256. When the
 * space is full, the least recently used documents are removed first.
 *
 * @see https://www.apollographql.com/docs/apollo-server/performance/apq
 */
export class PersistedQueries {
  readonly #texts = new LRUCache<string, string>({
    maxSize: MAX_KEPT_LENGTH.all,
    maxEntrySize: MAX_KEPT_LENGTH.one,
    sizeCalculation: ({ length }) => length,
  });

  /** @throws GraphQLError when the document is not known, so that the client has to send it */
  find(id: string): string {
    const text = this.#texts.get(id);
    if (text === undefined) throw persistedQueryNotFound();
    return text;
  }

  /** @param id must have been checked with {@link checkId} */
  keep(id: string, text: string): void {
    this.#texts.set(id, text);
  }
}

/** @throws GraphQLError when the SHA-256 of the document is not its id */
export function checkId(id: string, text: string): void {
  if (createHash("sha256").update(text).digest("hex") !== id) throw badRequest("provided sha does not match query");
}
