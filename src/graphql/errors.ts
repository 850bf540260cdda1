import type { ApolloServerPlugin } from "@apollo/server";
import { unwrapResolverError } from "@apollo/server/errors";
import { GraphQLError, type GraphQLFormattedError } from "graphql";
import type { Logger } from "pino";
import { GatewayError } from "../errors.ts";
import type { DoorRequest } from "./context.ts";

const INTERNAL = "an internal error occurred; the operator finds it under the request id";

/**
 * The error of a resolver as any GraphQL server may show it: our own with their code, and nothing of any other, which
 * is logged here, once.
 */
export function toClientError(error: unknown, logger: Logger): GraphQLError {
  if (error instanceof GraphQLError) return error;
  if (error instanceof GatewayError) {
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

/** Names the input that is wrong where GraphQL itself found it, and hides what is nobody's business. */
export function formatError(formatted: GraphQLFormattedError): GraphQLFormattedError {
  const { locations, path, extensions } = formatted;
  switch (extensions?.code) {
    case "INTERNAL_SERVER_ERROR": {
      const place = { ...(locations && { locations }), ...(path && { path }) };
      return { message: INTERNAL, ...place, extensions: { code: "INTERNAL" } };
    }
    case "GRAPHQL_PARSE_FAILED":
      if (formatted.message.startsWith("Syntax Error: ")) return formatted;
      return { ...formatted, message: "the document is nested too deeply" };
    case "BAD_USER_INPUT": {
      const field = extensions.field ?? fieldOf(formatted.message);
      return field === undefined ? formatted : { ...formatted, extensions: { ...extensions, field } };
    }
    default:
      return formatted;
  }
}

/** GraphQL names the input that a variable has wrong only in its text: `Variable "$input" got … at "input.n"; …`. */
function fieldOf(message: string): string | undefined {
  const [, absentOrUnknown] = /; Field "(\w+)" (?:of required type|is not defined)/.exec(message) ?? [];
  const [, wrong] = / at "(?:\w+\.)*(\w+)[^"]*"; /.exec(message) ?? [];
  const [, variable] = /^Variable "\$(\w+)" /.exec(message) ?? [];
  return absentOrUnknown ?? wrong ?? variable;
}

/** Logs what {@link formatError} hides, once, and gives the client the id to ask for. */
export const explainInternalErrors: ApolloServerPlugin<DoorRequest> = {
  async requestDidStart() {
    return {
      async didEncounterErrors({ errors, contextValue }) {
        for (const error of errors) {
          // What resolvers throw has its code, and was logged where it needed to be.
          if (error.extensions.code !== undefined) continue;
          contextValue.logger.error({ err: unwrapResolverError(error) }, "unexpected error");
        }
      },
      async willSendResponse({ response, contextValue }) {
        if (response.body.kind !== "single") return;
        const { singleResult } = response.body;
        if (!singleResult.errors) return;
        singleResult.errors = singleResult.errors.map((error) =>
          error.extensions?.code === "INTERNAL"
            ? { ...error, extensions: { ...error.extensions, requestId: contextValue.id } }
            : error,
        );
      },
    };
  },
};
