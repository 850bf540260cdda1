import {
  type ExecutionResult,
  execute,
  type FormattedExecutionResult,
  type GraphQLError,
  type GraphQLFormattedError,
  type GraphQLSchema,
  type SubscriptionArgs,
  subscribe,
} from "graphql";
import { GatewayError } from "../../../errors.ts";
import { fairTurns } from "../../http/connections/fair-turns.ts";
import type { ApiRequest } from "../context.ts";
import { badRequest, formatError, isAboutVariables, toClientError } from "../errors.ts";
import { EXECUTION_OPTIONS } from "../limits/limits.ts";
import type { CarriedOperation, OperationGate } from "../limits/operation-gate.ts";

/** One answer, or one answer per event until the operation ends. */
export type LiveResult = ExecutionResult | AsyncGenerator<ExecutionResult, void, void>;

/** An `ExecutionResult` whose absent members may also be `undefined`, as some libraries send it. */
type Answerable = { readonly [Key in keyof ExecutionResult]: ExecutionResult[Key] | undefined };

/** The client of one operation. */
export interface LiveClient {
  /** The same object for all operations of one connection. */
  readonly connection: object;
  /** Whether {@link LiveOperations.checkRoom} has found room for its subscription. */
  readonly hasRoom: boolean;
  /** Whether it still waits for the result. */
  isWaiting(): boolean;
}

const FULL_RETRY_SECONDS = 30;

export interface LiveOperationsOptions {
  readonly gate: OperationGate;
  /** The most WebSockets at once, and also the most subscriptions at once. */
  readonly maxSubscribers: number;
  /** Counts the viewers that watch a generation now, in all APIs. */
  countWatching(): number;
}

/** Runs operations of every kind, for the transports that can send several answers. */
export class LiveOperations {
  readonly #schema: GraphQLSchema;
  readonly #gate: OperationGate;
  readonly #maxSubscribers: number;
  readonly #countWatching: () => number;
  /** Operations that wait for their turn. Each may be a subscription. */
  #waiting = 0;
  /** Subscriptions that have begun but do not watch a generation yet. */
  #joining = 0;

  /** @param schema its context value is a {@link ApiRequest} */
  constructor(schema: GraphQLSchema, { gate, maxSubscribers, countWatching }: LiveOperationsOptions) {
    this.#schema = schema;
    this.#gate = gate;
    this.#maxSubscribers = maxSubscribers;
    this.#countWatching = countWatching;
  }

  /**
   * Checks that there is room for one more.
   *
   * @param count how many there are now. @defaultValue the number of subscriptions
   * @throws OVERLOADED when the limit is reached
   */
  checkRoom(count = this.#subscriptions): void {
    if (count >= this.#maxSubscribers) throw full(this.#maxSubscribers);
  }

  /**
   * Runs an operation when the event loop has time for it. A result without `data` means that the operation did not
   * begin.
   *
   * @param client the client that sent it
   */
  async run(carried: CarriedOperation, contextValue: ApiRequest, client: LiveClient): Promise<LiveResult> {
    try {
      const turn = this.#takeTurn(client);
      // Without a wait the operation begins in this call: it uses time, which the next one then finds missing.
      if (turn) await turn;
      if (!client.isWaiting()) throw badRequest("the client has disconnected");
    } catch (error) {
      return { errors: [toClientError(error, contextValue.logger)] };
    }
    const admitted = this.#gate.admit(carried);
    if (!("document" in admitted)) return { errors: admitted };
    const { document, operation } = admitted;
    const { operationName, variables: variableValues } = carried;
    const options = EXECUTION_OPTIONS;
    const args = { schema: this.#schema, document, operationName, variableValues, contextValue, options };
    return operation.operation === "subscription"
      ? this.#subscribe(args, contextValue, client)
      : (execute(args) as ExecutionResult);
  }

  /** Counts an operation as a subscription while it waits, because its document is not read yet. */
  #takeTurn({ connection }: LiveClient): Promise<void> | undefined {
    const turn = fairTurns.forOperation(connection);
    if (!turn) return undefined;
    this.#waiting++;
    return turn.finally(() => this.#waiting--);
  }

  async #subscribe(args: SubscriptionArgs, request: ApiRequest, { hasRoom }: LiveClient): Promise<LiveResult> {
    if (!hasRoom && this.#joining + this.#countWatching() >= this.#maxSubscribers) {
      return { errors: [toClientError(full(this.#maxSubscribers), request.logger)] };
    }
    this.#joining++;
    return subscribe(args).finally(() => this.#joining--);
  }

  get #subscriptions(): number {
    return this.#waiting + this.#joining + this.#countWatching();
  }

  /** Formats a result for the client. */
  toAnswer({ errors, ...result }: Answerable, request: ApiRequest): FormattedExecutionResult {
    const rest = result as FormattedExecutionResult;
    return errors ? { errors: this.toClientErrors(errors, request), ...rest } : rest;
  }

  /** Formats errors for the client. Hidden details are logged here, once. */
  toClientErrors(errors: readonly GraphQLError[], request: ApiRequest): GraphQLFormattedError[] {
    return errors.map((error) => {
      const code = error.extensions.code ?? (isAboutVariables(error) ? "BAD_USER_INPUT" : undefined);
      if (code === undefined) request.logger.error({ err: error.originalError ?? error }, "unexpected error");
      const coded = { ...error.toJSON(), extensions: { ...error.extensions, code: code ?? "INTERNAL_SERVER_ERROR" } };
      const formatted = formatError(coded, error, this.#gate.showsSchema);
      if (formatted.extensions?.code !== "INTERNAL") return formatted;
      return { ...formatted, extensions: { ...formatted.extensions, requestId: request.id } };
    });
  }
}

function full(limit: number): GatewayError {
  const message = `${limit} subscribers are connected already; connect again later, or to another process`;
  return new GatewayError("OVERLOADED", message, { retryAfterSeconds: FULL_RETRY_SECONDS });
}
