import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { fairTurns } from "./fair-turns.ts";
import { unsentAnswers } from "./unsent-answers.ts";

/** The most requests that may wait on one connection. Most clients send one and wait for its answer. */
const MAX_WAITING = 64;
/** The most requests that may wait on all connections together. Node holds up to 64 KiB of each in memory. */
const MAX_WAITING_TOTAL = 1_000;

interface WaitingRequest {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

/**
 * Handles the requests of each connection one after the other. A request waits until the operating system has taken
 * all of the answer before it, so a client that reads no answers has at most one of them in memory. Connections with
 * too many waiting requests are closed.
 *
 * @param unsent bounds the answers that clients do not read
 */
export function oneAtATime(handle: RequestListener, unsent = unsentAnswers): RequestListener {
  /** The waiting requests of each connection that has an unfinished answer. */
  const waitingOf = new WeakMap<Socket, WaitingRequest[]>();
  let waitingCount = 0;

  const begin = ({ request, response }: WaitingRequest) => {
    const { socket } = request;
    response.once("close", () => finish(socket));
    unsent.watch(response, socket);
    handle(request, response);
  };

  const finish = (socket: Socket) => {
    const waiting = waitingOf.get(socket) ?? [];
    if (waiting.length === 0 || !socket.writable) {
      waitingCount -= waiting.length;
      waitingOf.delete(socket);
    } else {
      fairTurns.wait(socket, () => beginNext(socket));
    }
  };

  const beginNext = (socket: Socket) => {
    const next = waitingOf.get(socket)?.shift();
    if (!next) return;
    waitingCount--;
    if (!socket.writable) return finish(socket);
    // The answer before may have limited the time in which its client must read.
    socket.setTimeout(0);
    begin(next);
  };

  return (request, response) => {
    const { socket } = request;
    if (socket.destroyed) return;
    const waiting = waitingOf.get(socket);
    if (!waiting) {
      waitingOf.set(socket, []);
      begin({ request, response });
    } else if (waiting.length >= MAX_WAITING || waitingCount >= MAX_WAITING_TOTAL) {
      socket.destroy();
    } else {
      waitingCount++;
      waiting.push({ request, response });
    }
  };
}
