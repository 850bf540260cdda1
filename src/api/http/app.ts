import express, { type ErrorRequestHandler, type Express, type Router } from "express";
import type { AddressLimits } from "../../bounds.ts";
import { GatewayError } from "../../errors.ts";
import type { OperationsInFlight } from "../../lifecycle.ts";
import type { Metrics } from "../../ports/metrics.ts";
import { NO_TRACES, type Traces } from "../../ports/traces.ts";
import { limitByAddress } from "./access/address-limits.ts";
import { guardOrigins, type OriginOptions } from "./access/cors.ts";
import { type CredentialsOptions, requireCredentials } from "./access/credentials.ts";
import { checkHost } from "./access/host-check.ts";
import { answerErrors } from "./answers/errors.ts";
import type { Arrivals } from "./bodies/arrivals.ts";
import { watchBodies } from "./bodies/incoming-body.ts";
import { countAnswers } from "./open-answers.ts";
import { type Authenticate, askHost, assignRequestContext, type RequestContextOptions } from "./request-context.ts";
import { countRequests } from "./request-counts.ts";
import { traceRequests } from "./request-traces.ts";
import { inOrder, type Step } from "./steps.ts";

/** The largest request body of a route that takes no files: four times the longest prompt, percent-encoded. */
export const MAX_BODY_BYTES = 1024 * 1024;

/** The routes of one API. */
export interface Routes {
  readonly router: Router;
  /** Whether the routes need no credentials, even on a keyed gateway. @defaultValue false */
  readonly isPublic?: boolean;
  /** The format of errors for every path below `path`. @defaultValue `{"error": …}` */
  readonly errors?: { readonly path: string; readonly answer: ErrorRequestHandler };
}

export interface AppOptions extends Omit<OriginOptions, "isKeyed">, Omit<RequestContextOptions, "isKeyed"> {
  /** The trusted proxies, as Express' `trust proxy` takes them; `undefined` for none. */
  readonly trustProxy: number | readonly string[] | undefined;
  readonly addressLimits: AddressLimits;
  /** The clock. */
  readonly now: () => Date;
  /** Asks the host program for the caller of a request. @defaultValue all requests have the same caller */
  readonly authenticate?: Authenticate | undefined;
  /** Checks credentials. @defaultValue no credentials are needed */
  readonly credentials?: CredentialsOptions | undefined;
  readonly operations: OperationsInFlight;
  readonly arrivals: Arrivals;
  /** Counts the requests. */
  readonly metrics: Pick<Metrics, "requestEnded">;
  /** Records the requests. */
  readonly traces: Traces;
}

/** More listeners than the gateway adds for the end of one answer. Node warns about more, which would be a leak. */
const MAX_ANSWER_LISTENERS = 32;

const allowListeners: Step = (_request, response) => {
  response.setMaxListeners(MAX_ANSWER_LISTENERS);
  return undefined;
};

/** Creates the Express app that serves the routes. */
export function createApp(routers: readonly Routes[], options: AppOptions): Express {
  const app = express();
  app.disable("x-powered-by");
  app.disable("etag");
  if (options.trustProxy !== undefined) app.set("trust proxy", options.trustProxy);
  app.on("mount", () => {
    // A host program passes its own request and response objects. In Express 4, for example, `request.host` lacks the port.
    Object.setPrototypeOf(app.request, express.request);
    Object.setPrototypeOf(app.response, express.response);
  });
  const { credentials, authenticate } = options;
  const isKeyed = credentials !== undefined;
  app.use(
    inOrder(
      allowListeners,
      countAnswers(options.operations),
      countRequests(options.metrics),
      assignRequestContext({ ...options, isKeyed }),
      watchBodies(options.arrivals),
      checkHost(options.hostNames),
    ),
  );
  if (options.traces !== NO_TRACES) app.use(traceRequests(options.traces));
  if (authenticate) app.use(askHost(authenticate));
  app.use(guardOrigins({ ...options, isKeyed }));
  // Comes after the origin check, so that pages can read the error when a limit is reached.
  app.use(limitByAddress(options.addressLimits, options.now));
  // Public routes come first. Everything after them needs credentials, including unknown paths.
  const { open = [], guarded = [] } = Object.groupBy(routers, ({ isPublic }) => (isPublic ? "open" : "guarded"));
  for (const { router } of isKeyed ? open : []) app.use(router);
  if (credentials) app.use(requireCredentials(credentials));
  for (const { router } of isKeyed ? guarded : routers) app.use(router);
  app.use(() => {
    throw new GatewayError("NOT_FOUND", "this path does not exist; the API is at POST /get-image and /graphql");
  });
  for (const { errors } of routers) if (errors) app.use(errors.path, errors.answer);
  app.use(answerErrors);
  return app;
}
