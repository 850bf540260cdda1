import {
  type DocumentNode,
  GraphQLError,
  type GraphQLSchema,
  getOperationAST,
  NoSchemaIntrospectionCustomRule,
  type OperationDefinitionNode,
  parse,
  specifiedRules,
  type ValidationRule,
  validate,
} from "graphql";
import { GatewayError } from "../../../errors.ts";
import { badRequest, NESTED_TOO_DEEPLY } from "../errors.ts";
import { asGraphQLError, checkWeight, LIMIT_RULES, LIMITS, PARSE_OPTIONS, VALIDATION_OPTIONS } from "./limits.ts";
import { checkId, PersistedQueries, persistedIdOf, persistedQueryNotFound } from "./persisted-queries.ts";
import type { TrustedDocuments } from "./trusted-documents.ts";

/** An operation as a GraphQL transport received it. */
export interface CarriedOperation {
  readonly query?: string | null | undefined;
  readonly operationName?: string | null | undefined;
  readonly variables?: Readonly<Record<string, unknown>> | null | undefined;
  readonly extensions?: Readonly<Record<string, unknown>> | null | undefined;
}

/** The text of a document before it is parsed. */
export interface FoundDocument {
  readonly text: string;
  /** The id that the client will send instead of the document from now on. */
  readonly newId?: string;
}

export interface AdmittedOperation {
  readonly document: DocumentNode;
  readonly operation: OperationDefinitionNode;
}

export interface OperationGateOptions {
  /** Whether introspection is allowed. */
  readonly hasIntrospection: boolean;
  /** `undefined` when any document may run. */
  readonly trustedDocuments: TrustedDocuments | undefined;
}

/** The most parsed documents that are kept, and the length of the longest of them in characters. */
const MAX_KEPT = 200;
const MAX_KEPT_LENGTH = 10_000;

/** Decides which operations may run, for every transport. */
export class OperationGate {
  /** Whether introspection is allowed. Trusted documents may always contain it. */
  readonly hasIntrospection: boolean;
  /** Whether the explorer and the suggestions in error messages may show the schema. */
  readonly showsSchema: boolean;
  /** Validation rules in addition to those of the GraphQL specification. */
  readonly validationRules: readonly ValidationRule[];
  readonly #schema: GraphQLSchema;
  readonly #trustedDocuments: TrustedDocuments | undefined;
  readonly #persistedQueries = new PersistedQueries();
  /** Valid documents by their text. A thousand subscribers that send the same text then share one document. */
  readonly #documents = new Map<string, DocumentNode>();

  constructor(schema: GraphQLSchema, { hasIntrospection, trustedDocuments }: OperationGateOptions) {
    this.#schema = schema;
    this.#trustedDocuments = trustedDocuments;
    this.hasIntrospection = hasIntrospection || trustedDocuments !== undefined;
    this.showsSchema = hasIntrospection && !trustedDocuments;
    this.validationRules = this.hasIntrospection
      ? LIMIT_RULES
      : [...LIMIT_RULES, NoSchemaIntrospectionCustomRule, noSubgraphRule];
  }

  /**
   * Finds the text of the document to run, without parsing it.
   *
   * @throws GraphQLError with its code, when the document may not run or its id is not known
   */
  find({ query, extensions }: CarriedOperation): FoundDocument {
    const id = persistedIdOf(extensions);
    const found = this.#trustedDocuments
      ? { text: trustedTextOf(query, id, this.#trustedDocuments) }
      : this.#sentDocumentOf(query, id);
    const { text } = found;
    if (text.length > LIMITS.lines && text.split(/\r\n|[\n\r]/, LIMITS.lines + 1).length > LIMITS.lines) {
      throw syntaxError(`Line limit of ${LIMITS.lines} exceeded.`);
    }
    return found;
  }

  /** Remembers the id of an admitted document, so that clients can send the id alone from now on. */
  keep({ text, newId }: FoundDocument): void {
    if (newId !== undefined) this.#persistedQueries.keep(newId, text);
  }

  /**
   * Parses, validates and weighs an operation, for transports that Apollo Server does not serve.
   *
   * @returns the operation, or the errors, each with its code, when it may not run
   */
  admit(request: CarriedOperation): AdmittedOperation | readonly GraphQLError[] {
    try {
      const found = this.find(request);
      const document = this.#documents.get(found.text) ?? this.#read(found.text);
      if (!("kind" in document)) return document;
      const operation = getOperationAST(document, request.operationName);
      if (!operation) throw badRequest("operationName must name one of the document's operations");
      const tooMuch = this.weigh(document, operation, request.variables);
      if (tooMuch) throw tooMuch;
      this.keep(found);
      return { document, operation };
    } catch (error) {
      if (error instanceof GraphQLError) return [error];
      throw error;
    }
  }

  /** Returns why the operation with these variables asks for too much; `undefined` when it does not. */
  weigh(
    document: DocumentNode,
    operation: OperationDefinitionNode,
    variables: CarriedOperation["variables"],
  ): GraphQLError | undefined {
    return checkWeight(this.#schema, document, operation, variables ?? {});
  }

  /**
   * Parses and validates a document.
   *
   * @throws GraphQLError when it cannot be parsed
   */
  #read(text: string): DocumentNode | readonly GraphQLError[] {
    const document = parseDocument(text);
    const rules = [...specifiedRules, ...this.validationRules];
    const errors = validate(this.#schema, document, rules, VALIDATION_OPTIONS);
    if (errors.length > 0) return errors.map((error) => withCode(error, "GRAPHQL_VALIDATION_FAILED"));
    if (text.length <= MAX_KEPT_LENGTH) {
      const [oldest] = this.#documents.keys();
      if (oldest !== undefined && this.#documents.size >= MAX_KEPT) this.#documents.delete(oldest);
      this.#documents.set(text, document);
    }
    return document;
  }

  /** @throws GraphQLError when nothing was sent, the id is not known, or the id is not that of the document */
  #sentDocumentOf(query: CarriedOperation["query"], id: string | undefined): FoundDocument {
    if (!query) {
      if (id === undefined) throw badRequest("send a GraphQL document as query");
      return { text: this.#persistedQueries.find(id) };
    }
    if (id === undefined) return { text: query };
    checkId(id, query);
    return { text: query, newId: id };
  }
}

/**
 * Finds a trusted document by its id, else by its text. A known id wins over any text that comes with it, because some
 * clients always send a text and print it in their own way.
 *
 * @throws GraphQLError when the document is not trusted
 */
function trustedTextOf(query: CarriedOperation["query"], id: string | undefined, documents: TrustedDocuments): string {
  const byId = id === undefined ? undefined : documents.findById(id);
  const text = byId ?? (query ? documents.findByText(query) : undefined);
  if (text !== undefined) return text;
  if (id !== undefined && !query) throw persistedQueryNotFound();
  throw asGraphQLError(
    new GatewayError("FORBIDDEN", "only documents that the operator trusts may run here, and this is not one of them"),
  );
}

/** Refuses `_service`, which shows the schema to a federation router just as introspection does. */
const noSubgraphRule: ValidationRule = (context) => ({
  Field(node) {
    if (node.name.value !== "_service") return;
    context.reportError(
      new GraphQLError("GraphQL introspection is not allowed, and `_service` shows the schema too.", { nodes: node }),
    );
  },
});

/** @throws GraphQLError with the code GRAPHQL_PARSE_FAILED */
function parseDocument(text: string): DocumentNode {
  try {
    return parse(text, PARSE_OPTIONS);
  } catch (error) {
    const cause = error instanceof GraphQLError ? error : new GraphQLError(NESTED_TOO_DEEPLY);
    throw withCode(cause, "GRAPHQL_PARSE_FAILED");
  }
}

function syntaxError(message: string): GraphQLError {
  return withCode(new GraphQLError(`Syntax Error: ${message}`), "GRAPHQL_PARSE_FAILED");
}

function withCode(error: GraphQLError, code: string): GraphQLError {
  error.extensions.code ??= code;
  return error;
}
