import {
  type ExecutionResult,
  execute,
  type FormattedExecutionResult,
  type GraphQLError,
  type GraphQLFormattedError,
  type GraphQLSchema,
  Kind,
  subscribe,
} from "graphql";
import type { DoorRequest } from "./context.ts";
import { formatError } from "./errors.ts";
import type { CarriedOperation, OperationGate } from "./operation-gate.ts";

/** One answer, or one for each event until the operation is over. */
export type LiveResult = ExecutionResult | AsyncGenerator<ExecutionResult, void, void>;

/** Libraries leave out what they have not, or say `undefined`. */
type Answerable = { readonly [Key in keyof ExecutionResult]: ExecutionResult[Key] | undefined };

/** Runs operations of every kind for the transports that carry more than one answer. */
export class LiveOperations {
  readonly #schema: GraphQLSchema;
  readonly #gate: OperationGate;

  /** @param schema its context value is a {@link DoorRequest} */
  constructor(schema: GraphQLSchema, gate: OperationGate) {
    this.#schema = schema;
    this.#gate = gate;
  }

  /** A result without `data` is of an operation that did not begin. */
  async run(carried: CarriedOperation, contextValue: DoorRequest): Promise<LiveResult> {
    const admitted = this.#gate.admit(carried);
    if (!("document" in admitted)) return { errors: admitted };
    const { document, operation } = admitted;
    const { operationName, variables: variableValues } = carried;
    const args = { schema: this.#schema, document, operationName, variableValues, contextValue };
    return (operation.operation === "subscription" ? subscribe(args) : execute(args)) as Promise<LiveResult>;
  }

  /** A result as the client may see it. */
  toAnswer({ errors, ...result }: Answerable, request: DoorRequest): FormattedExecutionResult {
    const rest = result as FormattedExecutionResult;
    return errors ? { errors: this.toClientErrors(errors, request), ...rest } : rest;
  }

  /** Errors as the client may see them; what is hidden is logged here, once. */
  toClientErrors(errors: readonly GraphQLError[], request: DoorRequest): GraphQLFormattedError[] {
    return errors.map((error) => {
      const code = error.extensions.code ?? (isAboutVariable(error) ? "BAD_USER_INPUT" : undefined);
      if (code === undefined) request.logger.error({ err: error.originalError ?? error }, "unexpected error");
      const coded = { ...error.toJSON(), extensions: { ...error.extensions, code: code ?? "INTERNAL_SERVER_ERROR" } };
      const formatted = formatError(coded, error, this.#gate.showsSchema);
      if (formatted.extensions?.code !== "INTERNAL") return formatted;
      return { ...formatted, extensions: { ...formatted.extensions, requestId: request.id } };
    });
  }
}

/** GraphQL gives what it finds wrong with a variable no code. */
function isAboutVariable({ nodes, path }: GraphQLError): boolean {
  return path === undefined && nodes?.[0]?.kind === Kind.VARIABLE_DEFINITION;
}
