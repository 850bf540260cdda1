import type { ErrorRequestHandler, Request, Response } from "express";
import { GatewayError } from "../../../errors.ts";
import { SlowBodyError } from "../bodies/incoming-body.ts";
import { contextOf } from "../request-context.ts";
import { httpStatusOf } from "./status.ts";

/**
 * Translates an error for the caller. A {@link GatewayError} is returned as it is, and its cause is logged. Any other
 * error is logged here, once, and the caller gets a fixed text with the request id.
 */
export function toCallerError(error: unknown, request: Request): GatewayError {
  if (error instanceof GatewayError) {
    if (error.cause !== undefined) contextOf(request).logger.warn({ err: error }, "request failed");
    return error;
  }
  const translated = fromExpress(error);
  if (translated) return translated;
  const { id, logger } = contextOf(request);
  logger.error({ err: error }, "unexpected error");
  return new GatewayError("INTERNAL", `an internal error occurred; the operator can find it in the log by ${id}`, {
    cause: error,
  });
}

/** How long clients are asked to wait if the duration of a limit is not known. */
const DEFAULT_RETRY_AFTER_SECONDS = 30;

/** Sets the status, and `Retry-After` if the error has a wait time or its code requires one. */
export function setErrorStatus(response: Response, error: GatewayError): Response {
  const isLimit = error.code === "RATE_LIMITED" || error.code === "OVERLOADED";
  const { retryAfterSeconds = isLimit ? DEFAULT_RETRY_AFTER_SECONDS : undefined } = error.details;
  if (retryAfterSeconds !== undefined) response.setHeader("Retry-After", String(retryAfterSeconds));
  if (error.code === "UNAUTHENTICATED") response.setHeader("WWW-Authenticate", "Bearer");
  // Does not wait for the rest of a body that comes too slowly.
  if (error instanceof SlowBodyError) response.setHeader("Connection", "close");
  return response.status(httpStatusOf(error));
}

/** Headers that a route may have set for the body that it could not send. */
const DESCRIBES_BODY = /^(content-(?!security)|etag$|last-modified$|accept-ranges$)/;

/** Answers errors as JSON: `{"error": {"code", "message", "field"?, "requestId"}}`. */
export const answerErrors: ErrorRequestHandler = (error, request, response, _next) => {
  const callerError = toCallerError(error, request);
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const { code, message, details } = callerError;
  for (const name of response.getHeaderNames().filter((header) => DESCRIBES_BODY.test(header))) {
    response.removeHeader(name);
  }
  response.setHeader("Cache-Control", "no-store");
  setErrorStatus(response, callerError).json({
    error: { code, message, ...(details.field && { field: details.field }), requestId: contextOf(request).id },
  });
};

/** Recognises errors that Express throws, with their own status, when it cannot parse a URL. */
function fromExpress(error: unknown): GatewayError | undefined {
  const { status } = error as { status?: unknown };
  const isCallersFault = typeof status === "number" && status >= 400 && status < 500;
  return isCallersFault ? new GatewayError("BAD_USER_INPUT", "the request is malformed") : undefined;
}
