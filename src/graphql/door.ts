import { isUtf8 } from "node:buffer";
import { ApolloServer } from "@apollo/server";
import { ApolloServerPluginInlineTraceDisabled } from "@apollo/server/plugin/disabled";
import { ApolloServerPluginLandingPageLocalDefault } from "@apollo/server/plugin/landingPage/default";
import express, { type ErrorRequestHandler, type RequestHandler, Router } from "express";
import type { GraphQLSchema } from "graphql";
import type { Logger } from "pino";
import { badInput } from "../errors.ts";
import type { Door } from "../http/app.ts";
import { setErrorStatus, toCallerError } from "../http/errors.ts";
import { contextOf } from "../http/request-context.ts";
import { upgradeOf } from "../http/upgrade.ts";
import { handleWithApollo } from "./apollo-handler.ts";
import type { DoorRequest } from "./context.ts";
import { explainErrors, formatError } from "./errors.ts";
import { PARSE_OPTIONS } from "./limits.ts";
import { acceptMultipart } from "./multipart.ts";
import { guardOperations, type OperationGate } from "./operation-gate.ts";

const PATH = "/graphql";

/** What Sandbox shows first: the prompt of the 2022 document, ready to run. */
const FIRST_MUTATION = `mutation FirstImages($input: GenerateImagesInput!) {
  generateImages(input: $input) {
    id
    status
    images {
      url
      width
      height
    }
    failure {
      code
      message
    }
  }
}
`;
const FIRST_INPUT = { prompt: "A cute asian girl with long hair smiling and looking at me", n: 2, size: "1024x1024" };

export interface GraphQLDoorOptions {
  readonly maxBodyBytes: number;
  readonly gate: OperationGate;
  readonly logger: Logger;
}

export interface GraphQLDoor extends Door {
  close(): Promise<void>;
}

/**
 * `/graphql`: operations by GET and POST, and Apollo Sandbox for a browser.
 *
 * @param schema its context value is a {@link DoorRequest}
 */
export async function createGraphQLDoor(
  schema: GraphQLSchema,
  { maxBodyBytes, gate, logger }: GraphQLDoorOptions,
): Promise<GraphQLDoor> {
  const server = new ApolloServer<DoorRequest>({
    schema,
    formatError: (formatted, error) => formatError(formatted, error, gate.showsSchema),
    introspection: gate.hasIntrospection,
    parseOptions: PARSE_OPTIONS,
    validationRules: [...gate.validationRules],
    ...(gate.persistedQueries && { persistedQueries: { cache: gate.persistedQueries } }),
    includeStacktraceInErrorResponses: false,
    stopOnTerminationSignals: false,
    logger,
    plugins: [
      guardOperations(gate),
      explainErrors,
      ApolloServerPluginInlineTraceDisabled(),
      ApolloServerPluginLandingPageLocalDefault({
        document: FIRST_MUTATION,
        variables: { input: FIRST_INPUT },
        footer: false,
      }),
    ],
  });
  await server.start();
  const router = Router();
  const answer = [
    acceptMultipart(maxBodyBytes),
    express.json({ limit: maxBodyBytes, verify: refuseUnlessUtf8 }),
    handleWithApollo(server, (request) => ({ ...contextOf(request), idempotencyKey: request.get("Idempotency-Key") })),
  ];
  router.route(PATH).post(answer).all(leaveUpgrades, answer);
  return { router, errors: { path: PATH, answer: answerErrorsAsGraphQL }, close: () => server.stop() };
}

/** Left to itself the parser replaces what it cannot read, and a damaged prompt would be paid for. */
export function refuseUnlessUtf8(_request: unknown, _response: unknown, body: Buffer): void {
  if (!isUtf8(body)) throw badInput("body", "the body is not valid UTF-8");
}

/** They are for another door, and never come by POST. */
const leaveUpgrades: RequestHandler = (request, _response, next) => next(upgradeOf(request) ? "router" : undefined);

/** A body that cannot be read is answered in the shape that GraphQL clients read. */
const answerErrorsAsGraphQL: ErrorRequestHandler = (error, request, response, _next) => {
  const callerError = toCallerError(error, request);
  const { code, message } = callerError;
  setErrorStatus(response, callerError).json({ errors: [{ message, extensions: { code } }] });
};
