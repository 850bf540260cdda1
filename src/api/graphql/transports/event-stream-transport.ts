import { type Request, type Response, Router } from "express";
import type { ExecutionResult } from "graphql";
import { badInput, GatewayError } from "../../../errors.ts";
import { PushedEvents } from "../../http/answers/server-sent-events.ts";
import type { Routes } from "../../http/app.ts";
import { incomingBodyOf } from "../../http/bodies/incoming-body.ts";
import { isJsonObject, readJson } from "../../http/bodies/json-body.ts";
import type { UnsentAnswers } from "../../http/connections/unsent-answers.ts";
import { leaveUncounted } from "../../http/open-answers.ts";
import { contextOf } from "../../http/request-context.ts";
import { ApiRequest } from "../context.ts";
import type { CarriedOperation } from "../limits/operation-gate.ts";
import type { LiveOperations, LiveResult } from "./live-operations.ts";

const PATH = "/graphql/stream";

export interface EventStreamTransportOptions {
  readonly maxBodyBytes: number;
  /** Aborts during a stop, when every waiting client has its answer. */
  readonly released: AbortSignal;
  /**
   * How often an idle stream sends a comment. A client that has not read the previous one by then is disconnected.
   * @defaultValue 12 seconds
   */
  readonly keepAliveMs?: number;
  /** The memory budget for unread events. @defaultValue that of this process */
  readonly unsent?: UnsentAnswers;
}

const KEEP_ALIVE_MS = 12_000;

/**
 * Serves `POST /graphql/stream`: one operation per request, with its results as server-sent events.
 *
 * @see https://github.com/enisdenjo/graphql-sse/blob/master/PROTOCOL.md#distinct-connections-mode
 */
export function eventStreamTransport(operations: LiveOperations, options: EventStreamTransportOptions): Routes {
  const { maxBodyBytes, released, keepAliveMs = KEEP_ALIVE_MS, unsent } = options;
  const streams = new Set<PushedEvents>();
  const keepAlive = setInterval(() => {
    for (const stream of streams) stream.keepAlive();
  }, keepAliveMs).unref();
  released.addEventListener("abort", () => {
    clearInterval(keepAlive);
    for (const stream of streams) stream.end();
  });
  const router = Router({ caseSensitive: true, strict: true });
  router.post(
    PATH,
    // A page of another origin cannot send this type without a CORS preflight.
    readJson(maxBodyBytes),
    (request, response) => {
      const carried = toCarried(request);
      if (!request.accepts("text/event-stream")) {
        refuse(response.status(406), "send Accept: text/event-stream; this route sends nothing else");
        return;
      }
      operations.checkRoom();
      const stream = new PushedEvents(response, unsent);
      streams.add(stream);
      stream.onClose(() => streams.delete(stream));
      if (released.aborted) stream.end();
      const context = new ApiRequest(contextOf(request), request.get("Idempotency-Key"));
      stream.onClose(context.onCredentialsEnd(() => stream.end()));
      // Nothing here awaits the end of the stream: an open handler would keep everything that Express holds for the
      // request in memory, for thousands of streams.
      const result = operations.run(carried, context, {
        connection: stream,
        hasRoom: true,
        isWaiting: () => stream.isOpen,
      });
      (incomingBodyOf(request)?.keepFor(result) ?? result)
        .then((result) => {
          if (Symbol.asyncIterator in result) leaveUncounted(response);
          return send(result, stream, (each) => operations.toAnswer(each, context));
        })
        .catch((err: unknown) => {
          context.logger.error({ err }, "unexpected error");
          response.destroy();
        });
      dropLargeParts(request, response);
    },
  );
  router.all(PATH, (_request, response) => {
    response.setHeader("Allow", "POST");
    refuse(response.status(405), "send each operation by POST; this route supports only the distinct connections mode");
  });
  return { router };
}

function refuse(response: Response, message: string): void {
  response.json({ errors: [{ message, extensions: { code: "BAD_REQUEST" } }] });
}

/** @throws UNSUPPORTED_MEDIA_TYPE, BAD_USER_INPUT */
function toCarried(request: Request): CarriedOperation {
  if (!request.is("application/json")) {
    throw new GatewayError("UNSUPPORTED_MEDIA_TYPE", "send the operation as application/json");
  }
  const body: unknown = request.body;
  if (!isJsonObject(body)) throw badInput("body", "send one operation as a JSON object");
  const { query, operationName, variables, extensions } = body;
  for (const [name, value] of Object.entries({ query, operationName })) {
    if (value != null && typeof value !== "string") throw badInput(name, `${name} must be a string`);
  }
  for (const [name, value] of Object.entries({ variables, extensions })) {
    if (value != null && !isJsonObject(value)) throw badInput(name, `${name} must be an object`);
  }
  return body as CarriedOperation;
}

/** Removes the body and the headers from a request whose stream may stay open for hours. */
function dropLargeParts(request: Request, response: Response): void {
  Object.assign(request, { body: undefined, headers: {}, rawHeaders: [], params: {}, next: undefined });
  response.locals = {};
}

async function send(result: LiveResult, stream: PushedEvents, toAnswer: ToAnswer): Promise<void> {
  if (Symbol.asyncIterator in result) {
    stream.onClose(() => void result.return());
    while (await sendNext(result, stream, toAnswer));
  } else {
    await stream.send("next", toAnswer(result));
  }
  await stream.complete();
}

type ToAnswer = (result: ExecutionResult) => unknown;

/**
 * Sends the next event. @returns false when there are no more
 *
 * A loop over the events would keep each event in memory until the next one comes.
 */
async function sendNext(
  events: AsyncGenerator<ExecutionResult>,
  stream: PushedEvents,
  toAnswer: ToAnswer,
): Promise<boolean> {
  const { done, value } = await events.next();
  if (done) return false;
  await stream.send("next", toAnswer(value));
  return true;
}
