import { ApolloServer } from "@apollo/server";
import {
  ApolloServerPluginCacheControlDisabled,
  ApolloServerPluginInlineTraceDisabled,
  ApolloServerPluginLandingPageDisabled,
} from "@apollo/server/plugin/disabled";
import { type ErrorRequestHandler, type RequestHandler, Router } from "express";
import type { GraphQLSchema } from "graphql";
import type { Logger } from "pino";
import { denyFraming } from "../../http/access/framing.ts";
import { setErrorStatus, toCallerError } from "../../http/answers/errors.ts";
import type { Routes } from "../../http/app.ts";
import { readJson } from "../../http/bodies/json-body.ts";
import { contextOf } from "../../http/request-context.ts";
import { upgradeOf } from "../../http/upgrade.ts";
import { ApiRequest } from "../context.ts";
import { badRequest, formatError } from "../errors.ts";
import { EXECUTION_OPTIONS, PARSE_OPTIONS, VALIDATION_OPTIONS } from "../limits/limits.ts";
import type { OperationGate } from "../limits/operation-gate.ts";
import { typePrefixOf } from "../type-prefix.ts";
import { handleWithApollo } from "./apollo-handler.ts";
import { guardOperations, SUBSCRIBE_ELSEWHERE } from "./guarded-operations.ts";
import { acceptMultipart } from "./multipart.ts";
import { showSandbox } from "./sandbox.ts";

const PATH = "/graphql";
/** The media types of answers. */
const ANSWER_TYPES = ["application/json", "application/graphql-response+json", "text/html"];
const STREAM_TYPE = /text\/event-stream|multipart\/mixed/i;

export interface HttpTransportOptions {
  readonly maxBodyBytes: number;
  readonly gate: OperationGate;
  /** Whether browsers get Apollo Sandbox. */
  readonly showsSandbox: boolean;
  readonly logger: Logger;
}

export interface HttpTransport extends Routes {
  close(): Promise<void>;
}

/**
 * Creates the routes of `/graphql`: operations by GET and POST, and Apollo Sandbox for browsers if it is enabled.
 *
 * @param schema its context value is a {@link ApiRequest}
 */
export async function createHttpTransport(
  schema: GraphQLSchema,
  { maxBodyBytes, gate, showsSandbox, logger }: HttpTransportOptions,
): Promise<HttpTransport> {
  const server = new ApolloServer<ApiRequest>({
    schema,
    formatError: (formatted, error) => formatError(formatted, error, gate.showsSchema),
    introspection: gate.hasIntrospection,
    parseOptions: PARSE_OPTIONS,
    validationRules: [...gate.validationRules],
    validationOptions: VALIDATION_OPTIONS,
    executionOptions: EXECUTION_OPTIONS,
    // The gate stores persisted queries, for every transport.
    persistedQueries: false,
    includeStacktraceInErrorResponses: false,
    stopOnTerminationSignals: false,
    logger,
    plugins: [
      guardOperations(gate),
      // The plugin would compute for each field how long it may be cached. Nothing here may be cached.
      ApolloServerPluginCacheControlDisabled(),
      ApolloServerPluginInlineTraceDisabled(),
      showsSandbox ? showSandbox(gate.showsSchema, typePrefixOf(schema)) : ApolloServerPluginLandingPageDisabled(),
    ],
  });
  await server.start();
  const router = Router();
  const answer = [
    sendStreamsElsewhere,
    acceptMultipart(maxBodyBytes),
    readJson(maxBodyBytes),
    handleWithApollo(
      server,
      (request, response) => new ApiRequest(contextOf(request), request.get("Idempotency-Key"), response),
    ),
  ];
  router.route(PATH).post(answer).all(leaveUpgrades, denyFraming, answer);
  return { router, errors: { path: PATH, answer: answerErrorsAsGraphQL }, close: () => server.stop() };
}

/** Tells a client that accepts only a stream where subscriptions are served. */
const sendStreamsElsewhere: RequestHandler = (request, response, next) => {
  if (!STREAM_TYPE.test(request.headers.accept ?? "") || request.accepts(ANSWER_TYPES)) return next();
  response.status(406).json({ errors: [badRequest(SUBSCRIBE_ELSEWHERE).toJSON()] });
};

/** Leaves upgrades to the WebSocket transport. They never come by POST. */
const leaveUpgrades: RequestHandler = (request, _response, next) => next(upgradeOf(request) ? "router" : undefined);

/** Answers errors outside of operations, such as an unreadable body, in the format of GraphQL errors. */
const answerErrorsAsGraphQL: ErrorRequestHandler = (error, request, response, _next) => {
  const callerError = toCallerError(error, request);
  const { code, message } = callerError;
  setErrorStatus(response, callerError).json({ errors: [{ message, extensions: { code } }] });
};
