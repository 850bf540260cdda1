import { readFile } from "node:fs/promises";
import { type DocumentNode, type GraphQLError, type GraphQLSchema, parse, specifiedRules, validate } from "graphql";
import { StartError } from "../../../errors.ts";
import { LIMIT_RULES, PARSE_OPTIONS } from "./limits.ts";

const VARIABLE = "PICTOGRAPH_TRUSTED_DOCUMENTS";
/** So many wrong documents are named; whoever has more mends the first ones first. */
const MAX_PROBLEMS = 20;

/** The documents that may run where the operator has listed them, by the ids that clients send in their place. */
export class TrustedDocuments {
  readonly #textsById: ReadonlyMap<string, string>;
  readonly #texts: ReadonlySet<string>;

  constructor(textsById: ReadonlyMap<string, string>) {
    this.#textsById = textsById;
    this.#texts = new Set(textsById.values());
  }

  /**
   * Reads a manifest of persisted queries as Apollo's tools write it, or an object from ids to documents as GraphQL
   * Code Generator and Relay write it.
   *
   * @throws StartError naming every document that this graph cannot run
   */
  static async open(path: string, schema: GraphQLSchema): Promise<TrustedDocuments> {
    const text = await readFile(path, "utf8").catch((cause: NodeJS.ErrnoException) => {
      throw new StartError([`${VARIABLE} ${path} cannot be read (${cause.code})`], { cause });
    });
    const documents = parseManifest(path, text);
    const problems = [...documents].flatMap(([id, document]) => problemOf(schema, document, id) ?? []);
    if (problems.length > 0) {
      const more = problems.length > MAX_PROBLEMS ? [`… and ${problems.length - MAX_PROBLEMS} more`] : [];
      throw new StartError(
        [...problems.slice(0, MAX_PROBLEMS), ...more].map((problem) => `${VARIABLE} ${path}: ${problem}`),
      );
    }
    return new TrustedDocuments(documents);
  }

  /** Whether this is one of them, to the letter. */
  has(text: string): boolean {
    return this.#texts.has(text);
  }

  find(id: string): string | undefined {
    return this.#textsById.get(id);
  }

  /** Apollo Server looks for the document of an id where it keeps those of automatic persisted queries. */
  get asPersistedQueries() {
    return {
      get: async (key: string) => this.find(key.replace(/^apq:/, "")),
      set: async () => {},
      delete: async () => false,
    };
  }
}

/** @throws StartError when the file is of neither format */
function parseManifest(path: string, text: string): ReadonlyMap<string, string> {
  const content = parseJson(text);
  const entries = isRecord(content) ? (entriesOfManifest(content) ?? entriesOfMap(content)) : undefined;
  if (entries && entries.length > 0) return new Map(entries);
  throw new StartError([
    `${VARIABLE} ${path} must be a persisted query manifest, {"format": "apollo-persisted-query-manifest", "version": 1, ` +
      `"operations": [{"id", "body"}]}, or a JSON object from ids to documents, with at least one document`,
  ]);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

type Entry = readonly [id: string, text: string];

function entriesOfManifest(manifest: Readonly<Record<string, unknown>>): readonly Entry[] | undefined {
  const { format, version, operations } = manifest;
  if (format !== "apollo-persisted-query-manifest" || version !== 1 || !Array.isArray(operations)) return undefined;
  const entries = operations.map((operation: unknown): readonly [unknown, unknown] => {
    const { id, body } = isRecord(operation) ? operation : {};
    return [id, body];
  });
  return entries.every(isEntry) ? entries : undefined;
}

function entriesOfMap(content: Readonly<Record<string, unknown>>): readonly Entry[] | undefined {
  const entries: readonly (readonly [unknown, unknown])[] = Object.entries(content);
  return entries.every(isEntry) ? entries : undefined;
}

function isEntry(entry: readonly [unknown, unknown]): entry is Entry {
  return entry.every((part) => typeof part === "string" && part !== "");
}

function problemOf(schema: GraphQLSchema, text: string, id: string): string | undefined {
  try {
    const document: DocumentNode = parse(text, PARSE_OPTIONS);
    const [error] = validate(schema, document, [...specifiedRules, ...LIMIT_RULES]);
    return error && `document ${id}: ${error.message}`;
  } catch (error) {
    return `document ${id}: ${(error as GraphQLError).message}`;
  }
}
