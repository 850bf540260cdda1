import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { setTimeout as delay } from "node:timers/promises";
import type { Response } from "express";
import { type UnsentAnswers, unsentAnswers } from "../connections/unsent-answers.ts";

/** Yields events, each one as pieces of text. */
export type ServerSentEvents = AsyncGenerator<AsyncIterable<string>>;

/** Headers of answers that proxies have to pass on while they are sent. nginx would hold them back otherwise. */
export const PASSED_ON_AT_ONCE = { "Cache-Control": "no-store, no-transform", "X-Accel-Buffering": "no" } as const;

const EVENT_STREAM = { "Content-Type": "text/event-stream; charset=utf-8", ...PASSED_ON_AT_ONCE } as const;

/** A comment, which clients ignore. For proxies it shows that the connection is alive. */
const COMMENT = ":\n\n";

/** Writes one event. @param data is sent as JSON; `undefined` for an event without data */
export function toEventText(event: string, data?: unknown): string {
  return `event: ${event}\ndata:${data === undefined ? "" : ` ${JSON.stringify(data)}`}\n\n`;
}

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
  response.set(EVENT_STREAM);
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

/** Sends events to one client. Each event waits until the client has read the previous one. */
export class PushedEvents {
  readonly #response: Response;
  readonly #unsent: UnsentAnswers;
  #hasUnread = false;

  /** @param unsent the memory budget for what clients do not read. @defaultValue that of this process */
  constructor(response: Response, unsent: UnsentAnswers = unsentAnswers) {
    this.#response = response;
    this.#unsent = unsent;
    response.set({ ...EVENT_STREAM, "Cache-Control": "no-cache, no-transform" });
    // Sends the headers too.
    response.write(COMMENT);
  }

  /** Calls `listener` when nothing more can be sent; immediately if that is already the case. */
  onClose(listener: () => void): void {
    if (this.#response.closed) listener();
    else this.#response.once("close", listener);
  }

  /** Sends an event. Resolves when the next one can be sent, or when nothing can be sent any more. */
  async send(event: string, data?: unknown): Promise<void> {
    if (!this.isOpen) return;
    const response = this.#response;
    const { socket } = response;
    if (response.write(toEventText(event, data)) || !socket) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    response.once("drain", resolve).once("close", resolve);
    this.#unsent.count(socket, response.writableLength);
    await promise;
    this.#unsent.count(socket, 0);
    response.off("drain", resolve).off("close", resolve);
  }

  async complete(): Promise<void> {
    await this.send("complete");
    this.end();
  }

  /** Ends the stream. A client that has not received `complete` reconnects, to another process. */
  end(): void {
    this.#response.end();
  }

  /**
   * Disconnects a client that has read nothing since the last check, or else sends a comment. Bytes count as unread
   * while they are in this process; bytes that the client's machine has received do not.
   */
  keepAlive(): void {
    const hasUnread = this.#response.writableLength > 0;
    if (hasUnread && this.#hasUnread) this.#response.destroy();
    else if (!hasUnread && this.isOpen) this.#response.write(COMMENT);
    this.#hasUnread = hasUnread;
  }

  /** Whether more events can be sent. */
  get isOpen(): boolean {
    return !this.#response.writableEnded && !this.#response.closed;
  }
}
