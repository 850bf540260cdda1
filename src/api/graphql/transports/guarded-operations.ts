import type { ApolloServerPlugin, GraphQLRequestListener } from "@apollo/server";
import { unwrapResolverError } from "@apollo/server/errors";
import { type FormattedExecutionResult, GraphQLError } from "graphql";
import Negotiator from "negotiator";
import { ERROR_CODES, type ErrorCode } from "../../../errors.ts";
import { HTTP_STATUS } from "../../http/answers/status.ts";
import type { ApiRequest } from "../context.ts";
import { badRequest, isAboutRequest, isAboutVariables } from "../errors.ts";
import type { CarriedOperation, FoundDocument, OperationGate } from "../limits/operation-gate.ts";

/** The error message for a client that requests several answers where only one can be sent. */
export const SUBSCRIBE_ELSEWHERE =
  "subscriptions run over WebSockets (graphql-transport-ws) at this address, or as server-sent events by POST to its /stream";

/** Apollo Server parses this instead of a document that may not run. */
const HARMLESS_DOCUMENT = "{ __typename }";

type Listener = GraphQLRequestListener<ApiRequest>;
type HookParameter<Hook extends keyof Listener> = Parameters<NonNullable<Listener[Hook]>>[0];

/**
 * Makes Apollo Server run only what the gate admits. Logs once the details that its answers hide, and sets the HTTP
 * status. It is one plugin, because Apollo Server needs 2 to 3 µs a request for each.
 */
export function guardOperations(gate: OperationGate): ApolloServerPlugin<ApiRequest> {
  return { requestDidStart: async ({ request }) => new GuardedOperation(gate, request) };
}

class GuardedOperation implements Listener {
  readonly #gate: OperationGate;
  readonly #found: FoundDocument | GraphQLError;

  constructor(gate: OperationGate, request: HookParameter<"didResolveOperation">["request"]) {
    this.#gate = gate;
    this.#found = tryToFind(gate, request);
    request.query = this.#found instanceof GraphQLError ? HARMLESS_DOCUMENT : this.#found.text;
    // The gate has already looked up the document by its id.
    delete request.extensions?.persistedQuery;
  }

  async didResolveOperation({ document, operation, request }: HookParameter<"didResolveOperation">): Promise<void> {
    if (this.#found instanceof GraphQLError) throw this.#found;
    const tooMuch = operation && this.#gate.weigh(document, operation, request.variables);
    if (tooMuch) throw tooMuch;
    // Apollo Server would execute the subscription once and answer null.
    if (operation?.operation === "subscription") throw badRequest(SUBSCRIBE_ELSEWHERE);
    this.#gate.keep(this.#found);
  }

  async didEncounterErrors({ errors, contextValue }: HookParameter<"didEncounterErrors">): Promise<void> {
    for (const error of errors) {
      // Errors of resolvers have a code, and were already logged if necessary.
      if (error.extensions.code !== undefined || isAboutRequest(error) || isAboutVariables(error)) continue;
      contextValue.logger.error({ err: unwrapResolverError(error) }, "unexpected error");
    }
  }

  async willSendResponse({
    operation,
    request,
    response,
    contextValue,
  }: HookParameter<"willSendResponse">): Promise<void> {
    const { http, body } = response;
    if (body.kind !== "single") return;
    const { singleResult } = body;
    // For a subscription by GET, Apollo Server answers that it must be sent by POST, which is not enough here.
    if (operation?.operation === "subscription" && http.status === 405) {
      http.status = 400;
      http.headers.delete("allow");
      singleResult.errors = [badRequest(SUBSCRIBE_ELSEWHERE).toJSON()];
    }
    if (!singleResult.errors) return;
    singleResult.errors = singleResult.errors.map((error) =>
      error.extensions?.code === "INTERNAL"
        ? { ...error, extensions: { ...error.extensions, requestId: contextValue.id } }
        : error,
    );
    const waitSeconds = waitSecondsOf(singleResult);
    if (waitSeconds !== undefined) http.headers.set("retry-after", String(waitSeconds));
    if (singleResult.data !== undefined) return;
    const isPlainJson = asksForPlainJson(request.http?.headers.get("accept"));
    http.status = statusOf(singleResult.errors[0]?.extensions?.code, http.status ?? 200, isPlainJson);
  }
}

/** How many seconds a client that got no data has to wait before it tries again, if its errors say so. */
function waitSecondsOf({ data, errors = [] }: FormattedExecutionResult): number | undefined {
  if (data) return undefined;
  const waits = errors
    .map(({ extensions }) => extensions?.retryAfterSeconds)
    .filter((wait) => typeof wait === "number");
  return waits.length > 0 ? Math.max(...waits) : undefined;
}

function tryToFind(gate: OperationGate, request: CarriedOperation): FoundDocument | GraphQLError {
  try {
    return gate.find(request);
  } catch (error) {
    if (error instanceof GraphQLError) return error;
    throw error;
  }
}

/** Statuses for codes that are not the gateway's own, used when Apollo Server sets none. */
const REQUEST_STATUS: ReadonlyMap<unknown, number> = new Map([
  ["BAD_REQUEST", 400],
  ["GRAPHQL_VALIDATION_FAILED", 400],
  ["GRAPHQL_PARSE_FAILED", 400],
  ["PERSISTED_QUERY_NOT_FOUND", 200],
]);

/**
 * Returns the status of a request whose operation did not begin. A client that accepts `application/json`, and not
 * `application/graphql-response+json`, assumes that any status but 200 comes from a proxy.
 *
 * @see https://graphql.github.io/graphql-over-http/draft/#sec-Status-Codes
 */
function statusOf(code: unknown, proposed: number, isPlainJson: boolean): number {
  const ofRequest = proposed < 500 ? proposed : (REQUEST_STATUS.get(code) ?? proposed);
  const status = isErrorCode(code) ? HTTP_STATUS[code] : ofRequest;
  return isPlainJson && (status === 400 || status === 403) ? 200 : status;
}

function isErrorCode(code: unknown): code is ErrorCode {
  return (ERROR_CODES as readonly unknown[]).includes(code);
}

/** The media types that Apollo Server chooses between. */
const ANSWER_TYPES = {
  json: "application/json; charset=utf-8",
  responseJson: "application/graphql-response+json; charset=utf-8",
};

/** Whether the answer is plain JSON because the client names that type, not because the client accepts any type. */
function asksForPlainJson(accept = ""): boolean {
  const negotiator = new Negotiator({ headers: { accept } });
  const isNamed = negotiator.mediaTypes().some((type) => type.toLowerCase() === "application/json");
  return isNamed && negotiator.mediaType(Object.values(ANSWER_TYPES)) === ANSWER_TYPES.json;
}
