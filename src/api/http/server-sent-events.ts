import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { setTimeout as delay } from "node:timers/promises";
import type { Response } from "express";

/** Yields events, each one as pieces of text. */
export type ServerSentEvents = AsyncGenerator<AsyncIterable<string>>;

/** Headers of answers that proxies have to pass on while they are sent. nginx would hold them back otherwise. */
export const PASSED_ON_AT_ONCE = { "Cache-Control": "no-store, no-transform", "X-Accel-Buffering": "no" } as const;

/** A comment, which clients ignore. */
const COMMENT = ":\n\n";

/**
 * Sends events as they come. While none comes it sends comments, because some proxies cut silent connections. The
 * status and the headers are sent with the first event or comment, so an error before it can still set its own status.
 *
 * @param silenceMs the longest time in which nothing is sent
 * @param toEvent creates the last event, for an error that is too late to set a status
 * @throws every error of `events` that comes before anything was sent
 */
export async function sendEvents(
  response: Response,
  events: ServerSentEvents,
  silenceMs: number,
  toEvent: (error: unknown) => string,
): Promise<void> {
  const text = withComments(events, silenceMs);
  const first = await text.next();
  if (response.destroyed) return void (await text.return(undefined));
  response.set({ "Content-Type": "text/event-stream; charset=utf-8", ...PASSED_ON_AT_ONCE });
  await pipeline(Readable.from(withLastWord(first, text, toEvent), { objectMode: false }), response).catch((error) => {
    // It is normal that clients disconnect in the middle of a stream.
    if ((error as NodeJS.ErrnoException).code !== "ERR_STREAM_PREMATURE_CLOSE") throw error;
  });
}

async function* withComments(events: ServerSentEvents, silenceMs: number): AsyncGenerator<string> {
  try {
    for (;;) {
      const next = events.next();
      while (!(await isSettledWithin(silenceMs, next))) yield COMMENT;
      const { done, value } = await next;
      if (done) return;
      yield* whole(value);
    }
  } finally {
    await events.return(undefined);
  }
}

/** An error in the middle of an event. No further event can be sent, so the connection is cut to show the error. */
class HalfEvent extends Error {}

async function* whole(event: AsyncIterable<string>): AsyncGenerator<string> {
  try {
    yield* event;
  } catch (cause) {
    throw new HalfEvent("an event broke off", { cause });
  }
}

async function isSettledWithin(ms: number, work: Promise<unknown>): Promise<boolean> {
  const waiting = new AbortController();
  const isSettled = work.then(
    () => true,
    () => true,
  );
  try {
    return await Promise.race([isSettled, delay(ms, false, { signal: waiting.signal })]);
  } finally {
    waiting.abort();
  }
}

async function* withLastWord(
  first: IteratorResult<string, unknown>,
  rest: AsyncGenerator<string>,
  toEvent: (error: unknown) => string,
): AsyncGenerator<string> {
  try {
    if (!first.done) yield first.value;
    yield* rest;
  } catch (error) {
    if (error instanceof HalfEvent) throw error.cause;
    yield toEvent(error);
  }
}
