import type { Response } from "express";
import { PASSED_ON_AT_ONCE } from "../http/answers/server-sent-events.ts";

/**
 * Sends white space while `work` is awaited, for proxies that cut silent connections. JSON may begin with white space.
 * After the first one, the status has been sent: it is 200, whatever follows.
 *
 * @param everyMs `undefined` for never
 */
export async function whileSendingSpace<Result>(
  response: Response,
  everyMs: number | undefined,
  work: Promise<Result>,
): Promise<Result> {
  if (everyMs === undefined) return work;
  const timer = setInterval(() => {
    if (!response.headersSent) response.set({ "Content-Type": "application/json", ...PASSED_ON_AT_ONCE });
    response.write(" ");
  }, everyMs);
  try {
    return await work;
  } finally {
    clearInterval(timer);
  }
}

/** Ends an answer with a JSON body, even after white space was sent. */
export function endWithJson(response: Response, body: object): void {
  const text = JSON.stringify(body);
  if (!response.headersSent) {
    response.setHeader("Cache-Control", "no-store");
    response.setHeader("Content-Type", "application/json; charset=utf-8");
    response.setHeader("Content-Length", Buffer.byteLength(text));
  }
  response.end(text);
}
