import type { ApolloServerPlugin, GraphQLRequestListener } from "@apollo/server";
import { unwrapResolverError } from "@apollo/server/errors";
import { GraphQLError, type GraphQLFormattedError, Kind } from "graphql";
import Negotiator from "negotiator";
import type { Logger } from "pino";
import { ERROR_CODES, type ErrorCode, GatewayError } from "../../errors.ts";
import { HTTP_STATUS } from "../http/status.ts";
import type { ApiRequest } from "./context.ts";

const INTERNAL = "an internal error occurred; the operator finds it under the request id";

/**
 * The error of a resolver as any GraphQL server may show it: our own with their code, and nothing of any other. What it
 * does not show is logged here, once.
 */
export function toClientError(error: unknown, logger: Logger): GraphQLError {
  if (error instanceof GraphQLError) return error;
  if (error instanceof GatewayError) {
    if (error.cause !== undefined) logger.warn({ err: error }, "operation failed");
    const { field, retryAfterSeconds } = error.details;
    const extensions = {
      code: error.code,
      ...(field !== undefined && { field }),
      ...(retryAfterSeconds !== undefined && { retryAfterSeconds }),
    };
    return new GraphQLError(error.message, { originalError: error, extensions });
  }
  logger.error({ err: error }, "unexpected error");
  return new GraphQLError(INTERNAL, { extensions: { code: "INTERNAL" } });
}

/** An error of the request itself, told before any field is resolved. */
export function badRequest(message: string): GraphQLError {
  return new GraphQLError(message, { extensions: { code: "BAD_REQUEST" } });
}

/** What the parser's stack cannot hold. */
export const NESTED_TOO_DEEPLY = "Syntax Error: the document is nested too deeply";

/** Characters. A longer message repeats what was sent: a whole prompt, or a field's name of a megabyte. */
const MAX_MESSAGE_LENGTH = 500;
/** Of a long message so many characters from its beginning are kept; its end says what is wrong with the value. */
const KEPT_START_LENGTH = 200;

/**
 * Names the input that is wrong where GraphQL itself found it, and hides what is nobody's business.
 *
 * @param hasSuggestions whether the names that GraphQL proposes for wrong ones are shown
 */
export function formatError(
  formatted: GraphQLFormattedError,
  error: unknown,
  hasSuggestions = true,
): GraphQLFormattedError {
  const { locations, path, extensions } = formatted;
  if (extensions?.code === "INTERNAL_SERVER_ERROR") {
    if (isAboutRequest(error)) return { message: formatted.message, extensions: { code: "BAD_REQUEST" } };
    if (isAboutVariables(error)) return { message: formatted.message, extensions: { code: "BAD_USER_INPUT" } };
    const place = { ...(locations && { locations }), ...(path && { path }) };
    return { message: INTERNAL, ...place, extensions: { code: "INTERNAL" } };
  }
  if (extensions?.code === "GRAPHQL_PARSE_FAILED" && !formatted.message.startsWith("Syntax Error: ")) {
    return { ...formatted, message: NESTED_TOO_DEEPLY };
  }
  const message = shorten(hasSuggestions ? formatted.message : withoutSuggestion(formatted.message));
  const field = extensions?.code === "BAD_USER_INPUT" ? (extensions.field ?? fieldOf(message)) : undefined;
  return { ...formatted, message, ...(field !== undefined && { extensions: { ...extensions, field } }) };
}

/** Apollo Server gives some errors of persisted queries a status and no code. */
function isAboutRequest(error: unknown): boolean {
  return error instanceof GraphQLError && error.extensions.http !== undefined;
}

/** GraphQL gives what it finds wrong with variables no code, and the error that ends a long list of them no place either. */
export function isAboutVariables(error: unknown): boolean {
  if (!(error instanceof GraphQLError) || error.path !== undefined) return false;
  const isLast = error.message.startsWith("Too many errors processing variables");
  return isLast || error.nodes?.[0]?.kind === Kind.VARIABLE_DEFINITION;
}

/** Messages hold callers' texts of up to a megabyte: nothing here may take more than one pass over them. */
function withoutSuggestion(message: string): string {
  const start = message.endsWith("?") ? message.lastIndexOf("Did you mean ") : -1;
  return start < 0 ? message : message.slice(0, start).trimEnd();
}

function shorten(message: string): string {
  const [, limit] = /^Syntax Error: Document contains more that (\d+) tokens/.exec(message) ?? [];
  if (limit !== undefined) return `Syntax Error: Token limit of ${limit} exceeded.`;
  if (message === "Validation aborted.") return "Too many fields of the same name to compare with each other.";
  if (message.length <= MAX_MESSAGE_LENGTH) return message;
  return `${message.slice(0, KEPT_START_LENGTH)}…${message.slice(KEPT_START_LENGTH - MAX_MESSAGE_LENGTH)}`;
}

/**
 * GraphQL names the input that a variable has wrong only in its text: `Variable "$input" got … at "input.n"; …`.
 *
 * @param message at most {@link MAX_MESSAGE_LENGTH} characters and a sign
 */
function fieldOf(message: string): string | undefined {
  const [, absentOrUnknown] = /; Field "(\w+)" (?:of required type|is not defined)/.exec(message) ?? [];
  const [, path] = / at "([^"]*)"; /.exec(message) ?? [];
  const [names] = path?.split(/[^\w.]/, 1) ?? [];
  const [, variable] = /^Variable "\$(\w+)" /.exec(message) ?? [];
  return absentOrUnknown ?? (names?.split(".").at(-1) || variable);
}

/** Logs what {@link formatError} hides, once, gives the client the id to ask for, and decides the status. */
export const explainErrors: ApolloServerPlugin<ApiRequest> = { requestDidStart: async () => EXPLAIN_ERRORS };

const EXPLAIN_ERRORS: GraphQLRequestListener<ApiRequest> = {
  async didEncounterErrors({ errors, contextValue }) {
    for (const error of errors) {
      // What resolvers throw has its code, and was logged where it needed to be.
      if (error.extensions.code !== undefined || isAboutRequest(error) || isAboutVariables(error)) continue;
      contextValue.logger.error({ err: unwrapResolverError(error) }, "unexpected error");
    }
  },
  async willSendResponse({ request, response: { http, body }, contextValue }) {
    if (body.kind !== "single" || !body.singleResult.errors) return;
    const { singleResult } = body;
    const errors = body.singleResult.errors.map((error) =>
      error.extensions?.code === "INTERNAL"
        ? { ...error, extensions: { ...error.extensions, requestId: contextValue.id } }
        : error,
    );
    singleResult.errors = errors;
    if (singleResult.data !== undefined) return;
    const isPlainJson = asksForPlainJson(request.http?.headers.get("accept"));
    http.status = statusOf(errors[0]?.extensions?.code, http.status ?? 200, isPlainJson);
  },
};

/** Of errors whose codes are not our own, where Apollo Server proposes none. */
const REQUEST_STATUS: ReadonlyMap<unknown, number> = new Map([
  ["BAD_REQUEST", 400],
  ["GRAPHQL_VALIDATION_FAILED", 400],
  ["GRAPHQL_PARSE_FAILED", 400],
  ["PERSISTED_QUERY_NOT_FOUND", 200],
]);

/**
 * The status of a request whose operation did not begin. A client that asks for `application/json`, and not for
 * `application/graphql-response+json`, takes anything but 200 for the answer of a proxy.
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

/** As Apollo Server chooses between them. */
const ANSWER_TYPES = {
  json: "application/json; charset=utf-8",
  responseJson: "application/graphql-response+json; charset=utf-8",
};

/** Whether the answer is plain JSON because its client names that, and not because it takes anything. */
function asksForPlainJson(accept = ""): boolean {
  const negotiator = new Negotiator({ headers: { accept } });
  const isNamed = negotiator.mediaTypes().some((type) => type.toLowerCase() === "application/json");
  return isNamed && negotiator.mediaType(Object.values(ANSWER_TYPES)) === ANSWER_TYPES.json;
}
