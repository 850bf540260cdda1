import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { setTimeout as delay } from "node:timers/promises";
import type { Response } from "express";

/** Whole events as text, each in pieces. */
export type Events = AsyncGenerator<AsyncIterable<string>>;

/** A line that clients skip. */
const COMMENT = ":\n\n";

/**
 * Sends events as they come, and comments while none comes, for proxies that cut silent connections. The status and
 * the headers go with the first of them, so that what fails before has its own status.
 *
 * @param silenceMs how long nothing is sent at most
 * @param toEvent what is sent in the end of an error that comes too late for a status
 * @throws whatever `events` throws before anything was sent
 */
export async function sendEvents(
  response: Response,
  events: Events,
  silenceMs: number,
  toEvent: (error: unknown) => string,
): Promise<void> {
  const text = withComments(events, silenceMs);
  const first = await text.next();
  if (response.destroyed) return void (await text.return(undefined));
  response.set({
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-store, no-transform",
    // nginx would hold events back.
    "X-Accel-Buffering": "no",
  });
  await pipeline(Readable.from(withLastWord(first, text, toEvent), { objectMode: false }), response).catch((error) => {
    // A caller that leaves in the middle is everyday life.
    if ((error as NodeJS.ErrnoException).code !== "ERR_STREAM_PREMATURE_CLOSE") throw error;
  });
}

async function* withComments(events: Events, silenceMs: number): AsyncGenerator<string> {
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

/** Nothing can be said after half an event: the connection has to tell that it broke. */
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
