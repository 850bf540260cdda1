import type { ApolloServerPlugin, GraphQLRequestListener } from "@apollo/server";
import { unwrapResolverError } from "@apollo/server/errors";
import { GraphQLError, type GraphQLFormattedError } from "graphql";
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

/** What the parser's stack cannot hold. */
export const NESTED_TOO_DEEPLY = "Syntax Error: the document is nested too deeply";

/** A longer message repeats what was sent. */
const MAX_MESSAGE_LENGTH = 500;

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

function withoutSuggestion(message: string): string {
  return message.replace(/ ?Did you mean [^?]+\?$/, "");
}

/** GraphQL repeats what is wrong, be it a whole prompt or a field's name of a megabyte. */
function shorten(message: string): string {
  const [, limit] = /^Syntax Error: Document contains more that (\d+) tokens/.exec(message) ?? [];
  if (limit !== undefined) return `Syntax Error: Token limit of ${limit} exceeded.`;
  if (message === "Validation aborted.") return "Too many fields of the same name to compare with each other.";
  if (message.length <= MAX_MESSAGE_LENGTH) return message;
  const rest = message.replaceAll(/"(?:[^"\\]|\\.){100,}"/g, '"…"');
  return rest.length <= MAX_MESSAGE_LENGTH ? rest : `${rest.slice(0, MAX_MESSAGE_LENGTH)}…`;
}

/** GraphQL names the input that a variable has wrong only in its text: `Variable "$input" got … at "input.n"; …`. */
function fieldOf(message: string): string | undefined {
  const [, absentOrUnknown] = /; Field "(\w+)" (?:of required type|is not defined)/.exec(message) ?? [];
  const [, wrong] = / at "(?:\w+\.)*(\w+)[^"]*"; /.exec(message) ?? [];
  const [, variable] = /^Variable "\$(\w+)" /.exec(message) ?? [];
  return absentOrUnknown ?? wrong ?? variable;
}

/** Logs what {@link formatError} hides, once, gives the client the id to ask for, and decides the status. */
export const explainErrors: ApolloServerPlugin<ApiRequest> = { requestDidStart: async () => EXPLAIN_ERRORS };

const EXPLAIN_ERRORS: GraphQLRequestListener<ApiRequest> = {
  async didEncounterErrors({ errors, contextValue }) {
    for (const error of errors) {
      // What resolvers throw has its code, and was logged where it needed to be.
      if (error.extensions.code !== undefined || isAboutRequest(error)) continue;
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

/**
 * The status of a request whose operation did not begin. A client that asks for `application/json`, and not for
 * `application/graphql-response+json`, takes anything but 200 for the answer of a proxy.
 *
 * @see https://graphql.github.io/graphql-over-http/draft/#sec-Status-Codes
 */
function statusOf(code: unknown, proposed: number, isPlainJson: boolean): number {
  const status = code === "GRAPHQL_VALIDATION_FAILED" ? 400 : isErrorCode(code) ? HTTP_STATUS[code] : proposed;
  return isPlainJson && (status === 400 || status === 403) ? 200 : status;
}

function isErrorCode(code: unknown): code is ErrorCode {
  return (ERROR_CODES as readonly unknown[]).includes(code);
}

function asksForPlainJson(accept = ""): boolean {
  return accept.includes("application/json") && !accept.includes("application/graphql-response+json");
}
