import type { RequestHandler } from "express";
import { contextOf } from "./request-context.ts";

/**
 * Answers 405 for methods that a path does not have. Register it after the routes of the path, which must be read-only.
 */
export const refuseOtherMethods: RequestHandler = (request, response) => {
  response.status(405).set({ Allow: "GET, HEAD, OPTIONS", "Cache-Control": "no-store" });
  const message = `${request.method} is not possible here; send GET or HEAD`;
  response.json({ error: { code: "BAD_USER_INPUT", message, requestId: contextOf(request).id } });
};
