import { readFile } from "node:fs/promises";
import {
  type GraphQLError,
  type GraphQLSchema,
  Lexer,
  parse,
  print,
  Source,
  specifiedRules,
  TokenKind,
  validate,
} from "graphql";
import { StartError } from "../../../errors.ts";
import { isJsonObject } from "../../http/bodies/json-body.ts";
import { LIMIT_RULES, LIMITS, PARSE_OPTIONS } from "./limits.ts";

const VARIABLE = "PICTOGRAPH_TRUSTED_DOCUMENTS";
/** At most this many wrong documents are named in the error. */
const MAX_PROBLEMS = 20;

/** The documents that may run, each with the id that clients may send instead of it. */
export class TrustedDocuments {
  readonly #textsById: ReadonlyMap<string, string>;
  /**
   * The listed texts by their {@link formOf}. Each text has two forms: as listed, and as GraphQL prints it, because
   * many clients print their documents before they send them.
   */
  readonly #textsByForm: ReadonlyMap<string, string>;

  constructor(textsById: ReadonlyMap<string, string>) {
    this.#textsById = textsById;
    const textsByForm = new Map<string, string>();
    for (const text of textsById.values()) {
      for (const same of [text, print(parse(text))]) {
        const form = formOf(same);
        if (form !== undefined) textsByForm.set(form, text);
      }
    }
    this.#textsByForm = textsByForm;
  }

  /**
   * Reads a manifest of persisted queries as Apollo's tools write it, or an object from ids to documents as GraphQL
   * Code Generator and Relay write it.
   *
   * @param ownDocuments documents of the gateway's own pages, by id, which are trusted as well
   * @throws StartError when the file cannot be read; otherwise naming the documents that this graph cannot run
   */
  static async open(
    path: string,
    schema: GraphQLSchema,
    ownDocuments: ReadonlyMap<string, string> = new Map(),
  ): Promise<TrustedDocuments> {
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
    return new TrustedDocuments(new Map([...ownDocuments, ...documents]));
  }

  findById(id: string): string | undefined {
    return this.#textsById.get(id);
  }

  /** Finds the listed document that differs from this text only in formatting. Parses nothing. */
  findByText(text: string): string | undefined {
    const form = formOf(text);
    return form === undefined ? undefined : this.#textsByForm.get(form);
  }
}

/**
 * Returns the tokens of a document, without white space, commas and comments. `undefined` when the text is not GraphQL
 * or has more tokens than a document may have.
 */
function formOf(text: string): string | undefined {
  const lexer = new Lexer(new Source(text));
  const form: string[] = [];
  try {
    while (lexer.advance().kind !== TokenKind.EOF) {
      if (form.length === LIMITS.tokens) return undefined;
      const { kind, value = kind } = lexer.token;
      const isText = kind === TokenKind.STRING || kind === TokenKind.BLOCK_STRING;
      // Strings are quoted, so that their content cannot be mistaken for other tokens.
      form.push(isText ? JSON.stringify(value) : value);
    }
  } catch {
    return undefined;
  }
  return form.join(" ");
}

/** @throws StartError when the file has neither of the two formats */
function parseManifest(path: string, text: string): ReadonlyMap<string, string> {
  const content = parseJson(text);
  const entries = isJsonObject(content) ? (entriesOfManifest(content) ?? entriesOfMap(content)) : undefined;
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

type Entry = readonly [id: string, text: string];

function entriesOfManifest(manifest: Readonly<Record<string, unknown>>): readonly Entry[] | undefined {
  const { format, version, operations } = manifest;
  if (format !== "apollo-persisted-query-manifest" || version !== 1 || !Array.isArray(operations)) return undefined;
  const entries = operations.map((operation: unknown): readonly [unknown, unknown] => {
    const { id, body } = isJsonObject(operation) ? operation : {};
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
    const [error] = validate(schema, parse(text, PARSE_OPTIONS), [...specifiedRules, ...LIMIT_RULES]);
    return error && `document ${id}: ${error.message}`;
  } catch (error) {
    return `document ${id}: ${(error as GraphQLError).message}`;
  }
}
