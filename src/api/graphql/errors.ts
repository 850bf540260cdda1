import { GraphQLError, type GraphQLFormattedError, Kind } from "graphql";
import type { Logger } from "pino";
import { GatewayError } from "../../errors.ts";

const INTERNAL = "an internal error occurred; the operator can find it in the log by the request id";

/**
 * Translates the error of a resolver for the client. The gateway's own errors keep their code and message. Any other
 * error gets a fixed message. Hidden details are logged here, once.
 */
export function toClientError(error: unknown, logger: Logger): GraphQLError {
  if (error instanceof GraphQLError) return error;
  if (error instanceof GatewayError) {
    if (error.cause !== undefined) logger.warn({ err: error }, "operation failed");
    const { field, retryAfterSeconds, budget } = error.details;
    const extensions = {
      code: error.code,
      ...(field !== undefined && { field }),
      ...(retryAfterSeconds !== undefined && { retryAfterSeconds }),
      ...(budget !== undefined && { budget }),
    };
    return new GraphQLError(error.message, { originalError: error, extensions });
  }
  logger.error({ err: error }, "unexpected error");
  return new GraphQLError(INTERNAL, { extensions: { code: "INTERNAL" } });
}

/** Creates the error of a request that is wrong in itself. It is reported before any field is resolved. */
export function badRequest(message: string): GraphQLError {
  return new GraphQLError(message, { extensions: { code: "BAD_REQUEST" } });
}

/** The message for a document that overflows the parser's stack. */
export const NESTED_TOO_DEEPLY = "Syntax Error: the document is nested too deeply";

/** The most characters of a message. Longer ones repeat the input: a whole prompt, or a field name of a megabyte. */
const MAX_MESSAGE_LENGTH = 500;
/** How many characters are kept from the beginning of a long message. Its end says what is wrong with the value. */
const KEPT_START_LENGTH = 200;

/**
 * Formats an error for the client. Names the wrong input field if GraphQL itself found the mistake, and hides internal
 * errors.
 *
 * @param hasSuggestions whether to show the names that GraphQL suggests in place of unknown ones
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

/** Whether an error is about the request itself. Apollo Server gives some of these a status and no code. */
export function isAboutRequest(error: unknown): boolean {
  return error instanceof GraphQLError && error.extensions.http !== undefined;
}

/**
 * Whether an error is about the values of variables. GraphQL gives these errors no code. The error that ends a long
 * list of them has no location either.
 */
export function isAboutVariables(error: unknown): boolean {
  if (!(error instanceof GraphQLError) || error.path !== undefined) return false;
  const isLast = error.message.startsWith("Too many errors processing variables");
  return isLast || error.nodes?.[0]?.kind === Kind.VARIABLE_DEFINITION;
}

/** Removes GraphQL's suggestion. A message can contain a megabyte of input, so this makes only one pass over it. */
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
 * Finds the wrong input field, which GraphQL names only in the message: `Variable "$input" got … at "input.n"; …`.
 *
 * @param message at most {@link MAX_MESSAGE_LENGTH} characters and an ellipsis
 */
function fieldOf(message: string): string | undefined {
  const [, absentOrUnknown] = /; Field "(\w+)" (?:of required type|is not defined)/.exec(message) ?? [];
  const [, path] = / at "([^"]*)"; /.exec(message) ?? [];
  const [names] = path?.split(/[^\w.]/, 1) ?? [];
  const [, variable] = /^Variable "\$(\w+)" /.exec(message) ?? [];
  return absentOrUnknown ?? (names?.split(".").at(-1) || variable);
}
