import type { ApolloServerPlugin, GraphQLRequestListener } from "@apollo/server";
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
import type { ApiRequest } from "../context.ts";
import { NESTED_TOO_DEEPLY } from "../errors.ts";
import { asGraphQLError, checkWeight, LIMIT_RULES, PARSE_OPTIONS } from "./limits.ts";
import type { TrustedDocuments } from "./trusted-documents.ts";

/** An operation as any transport of GraphQL carries it. */
export interface CarriedOperation {
  readonly query?: string | null | undefined;
  readonly operationName?: string | null | undefined;
  readonly variables?: Readonly<Record<string, unknown>> | null | undefined;
  readonly extensions?: Readonly<Record<string, unknown>> | null | undefined;
}

export interface AdmittedOperation {
  readonly document: DocumentNode;
  readonly operation: OperationDefinitionNode;
}

export interface OperationGateOptions {
  /** Whether the schema may be asked for. */
  readonly hasIntrospection: boolean;
  /** `undefined` lets any document run. */
  readonly trustedDocuments: TrustedDocuments | undefined;
}

/** Documents that are kept for the next time, and the longest of them in characters. */
const MAX_KEPT = 200;
const MAX_KEPT_LENGTH = 10_000;

/** Decides which operations run, for every transport alike. */
export class OperationGate {
  /** Whether the schema may be asked for; of trusted documents, any may. */
  readonly hasIntrospection: boolean;
  /** Whether everyone may see what else there is, in the explorer and in the proposals of errors. */
  readonly showsSchema: boolean;
  /** Beside the specified ones. */
  readonly validationRules: readonly ValidationRule[];
  readonly #schema: GraphQLSchema;
  readonly #trustedDocuments: TrustedDocuments | undefined;
  /** Valid ones by their text: a thousand subscribers send the same one, and each would hold its own. */
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
   * Parses, validates and weighs an operation, for transports that Apollo Server does not serve.
   *
   * @returns the errors, each with its code, when it may not run
   */
  admit(request: CarriedOperation): AdmittedOperation | readonly GraphQLError[] {
    const text = this.#textOf(request);
    if (text === undefined) return [badRequest("query must be a GraphQL document")];
    const untrusted = this.refuseUntrusted(text);
    if (untrusted) return [untrusted];
    const document = this.#documents.get(text) ?? this.#read(text);
    if (!("kind" in document)) return document;
    const operation = getOperationAST(document, request.operationName);
    if (!operation) return [badRequest("operationName must name one of the document's operations")];
    const tooMuch = this.weigh(document, operation, request.variables);
    return tooMuch ? [tooMuch] : { document, operation };
  }

  /** Where Apollo Server finds documents by their ids; `undefined` lets clients bring them in. */
  get persistedQueries(): TrustedDocuments["asPersistedQueries"] | undefined {
    return this.#trustedDocuments?.asPersistedQueries;
  }

  /** Why the document may not run, where only trusted ones may. */
  refuseUntrusted(text: string | undefined): GraphQLError | undefined {
    if (!this.#trustedDocuments || (text !== undefined && this.#trustedDocuments.has(text))) return undefined;
    return asGraphQLError(
      new GatewayError("FORBIDDEN", "only documents that the operator trusts run here; this one is not among them"),
    );
  }

  /** Why the operation is too much, with its variables. */
  weigh(
    document: DocumentNode,
    operation: OperationDefinitionNode,
    variables: CarriedOperation["variables"],
  ): GraphQLError | undefined {
    return checkWeight(this.#schema, document, operation, variables ?? {});
  }

  #read(text: string): DocumentNode | readonly GraphQLError[] {
    const document = parseDocument(text);
    if (document instanceof GraphQLError) return [document];
    const errors = validate(this.#schema, document, [...specifiedRules, ...this.validationRules]);
    if (errors.length > 0) return errors.map((error) => withCode(error, "GRAPHQL_VALIDATION_FAILED"));
    if (text.length <= MAX_KEPT_LENGTH) {
      const [oldest] = this.#documents.keys();
      if (oldest !== undefined && this.#documents.size >= MAX_KEPT) this.#documents.delete(oldest);
      this.#documents.set(text, document);
    }
    return document;
  }

  #textOf({ query, extensions }: CarriedOperation): string | undefined {
    if (query) return query;
    const { sha256Hash } = (extensions?.persistedQuery ?? {}) as { readonly sha256Hash?: unknown };
    return typeof sha256Hash === "string" ? this.#trustedDocuments?.find(sha256Hash) : undefined;
  }
}

/** What federation asks for tells as much as introspection. */
const noSubgraphRule: ValidationRule = (context) => ({
  Field(node) {
    if (node.name.value !== "_service") return;
    context.reportError(
      new GraphQLError("GraphQL introspection is not allowed, and `_service` is one.", { nodes: node }),
    );
  },
});

const SUBSCRIBE_ELSEWHERE = new GraphQLError(
  "subscriptions run over graphql-transport-ws on this path, or as server-sent events by POST on its /stream",
  { extensions: { code: "BAD_REQUEST", http: { status: 400 } } },
);

/** Asks the gate in the places where Apollo Server lets a plugin answer. */
export function guardOperations(gate: OperationGate): ApolloServerPlugin<ApiRequest> {
  const guard: GraphQLRequestListener<ApiRequest> = {
    async didResolveOperation({ source, document, operation, request }) {
      const refusal = gate.refuseUntrusted(source) ?? (operation && gate.weigh(document, operation, request.variables));
      if (refusal) throw refusal;
      // Apollo Server would run it once, and answer null.
      if (operation?.operation === "subscription") throw SUBSCRIBE_ELSEWHERE;
    },
    /** What is not trusted learns nothing of the schema, where it could not even be validated. */
    async willSendResponse({ source, response: { body } }) {
      const untrusted = source !== undefined && gate.refuseUntrusted(source);
      if (untrusted && body.kind === "single") body.singleResult.errors = [untrusted.toJSON()];
    },
  };
  return { requestDidStart: async () => guard };
}

function parseDocument(text: string): DocumentNode | GraphQLError {
  try {
    return parse(text, PARSE_OPTIONS);
  } catch (error) {
    return withCode(
      error instanceof GraphQLError ? error : new GraphQLError(NESTED_TOO_DEEPLY),
      "GRAPHQL_PARSE_FAILED",
    );
  }
}

function badRequest(message: string): GraphQLError {
  return new GraphQLError(message, { extensions: { code: "BAD_REQUEST" } });
}

function withCode(error: GraphQLError, code: string): GraphQLError {
  error.extensions.code ??= code;
  return error;
}
