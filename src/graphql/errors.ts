import type { ApolloServerPlugin } from "@apollo/server";
import { unwrapResolverError } from "@apollo/server/errors";
import type { GraphQLFormattedError } from "graphql";
import { GatewayError } from "../errors.ts";
import type { GraphQLContext } from "./context.ts";

const INTERNAL: GraphQLFormattedError = {
  message: "an internal error occurred; the operator finds it under the request id",
  extensions: { code: "INTERNAL" },
};

/** Shows our own errors and GraphQL's, and nothing of any other. */
export function formatError(formatted: GraphQLFormattedError, error: unknown): GraphQLFormattedError {
  const original = unwrapResolverError(error);
  const { locations, path } = formatted;
  const place = { ...(locations && { locations }), ...(path && { path }) };
  if (original instanceof GatewayError) {
    const { field, retryAfterSeconds } = original.details;
    return {
      message: original.message,
      ...place,
      extensions: {
        code: original.code,
        ...(field !== undefined && { field }),
        ...(retryAfterSeconds !== undefined && { retryAfterSeconds }),
      },
    };
  }
  if (formatted.extensions?.code === "INTERNAL_SERVER_ERROR") return { ...INTERNAL, ...place };
  if (formatted.extensions?.code === "GRAPHQL_PARSE_FAILED" && !formatted.message.startsWith("Syntax Error: ")) {
    return { ...formatted, message: "the document is nested too deeply" };
  }
  const field = formatted.extensions?.code === "BAD_USER_INPUT" ? fieldOf(formatted.message) : undefined;
  return field === undefined ? formatted : { ...formatted, extensions: { ...formatted.extensions, field } };
}

/** GraphQL names the input that a variable has wrong only in its text: `Variable "$input" got … at "input.n"; …`. */
function fieldOf(message: string): string | undefined {
  const [, absentOrUnknown] = /; Field "(\w+)" (?:of required type|is not defined)/.exec(message) ?? [];
  const [, wrong] = / at "(?:\w+\.)*(\w+)[^"]*"; /.exec(message) ?? [];
  const [, variable] = /^Variable "\$(\w+)" /.exec(message) ?? [];
  return absentOrUnknown ?? wrong ?? variable;
}

/** Logs what {@link formatError} hides, once, and gives the client the id to ask for. */
export const explainInternalErrors: ApolloServerPlugin<GraphQLContext> = {
  async requestDidStart() {
    return {
      async didEncounterErrors({ errors, contextValue }) {
        for (const error of errors) {
          const original = unwrapResolverError(error);
          const isOurs = original instanceof GatewayError;
          const isGraphQLs = original === error && error.extensions.code !== undefined;
          if (!isOurs && !isGraphQLs) contextValue.request.logger.error({ err: original }, "unexpected error");
        }
      },
      async willSendResponse({ response, contextValue }) {
        if (response.body.kind !== "single") return;
        const { singleResult } = response.body;
        if (!singleResult.errors) return;
        singleResult.errors = singleResult.errors.map((error) =>
          error.extensions?.code === "INTERNAL"
            ? { ...error, extensions: { ...error.extensions, requestId: contextValue.request.id } }
            : error,
        );
      },
    };
  },
};
