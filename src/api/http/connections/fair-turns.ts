import { IncomingMessage } from "node:http";
import type { Socket } from "node:net";

/**
 * What arrives in one turn of the event loop is handled for this long, in milliseconds. Then all connections wait, and
 * two of them continue in each of the next turns.
 */
const MAX_TURN_MS = 50;
/**
 * Shares the event loop among connections. Node parses up to 64 KiB of a connection in one go: 10,000 chunks of one
 * byte, or 3,000 tiny requests, which take up to 20 ms. Without these turns Node handles all connections that have data
 * one after the other. A few hundred hostile ones would block all others for seconds.
 */
export class FairTurns {
  readonly #connections = new Set<Socket>();
  /** Connections that are not read until their turn, the newest last. */
  #waiting: Socket[] = [];
  #endsAt: number | undefined;

  /** Makes a connection take turns until it closes. */
  add(connection: Socket): void {
    this.#connections.add(connection);
    connection.once("close", () => this.remove(connection));
  }

  /** Takes a connection out of the turns: it is no longer one of HTTP. */
  remove(connection: Socket): void {
    this.#connections.delete(connection);
  }

  /** The class of requests for an `http.Server`. It notices each head of a request and each piece of a body. */
  messageClass(): typeof IncomingMessage {
    const notice = () => this.#notice();
    return class extends IncomingMessage {
      constructor(socket: Socket) {
        super(socket);
        notice();
      }

      // A property of each object, because Express replaces the prototype.
      override push = (piece: unknown, encoding?: BufferEncoding): boolean => {
        notice();
        return super.push(piece, encoding);
      };
    };
  }

  #notice(): void {
    const now = performance.now();
    if (this.#endsAt === undefined) {
      this.#endsAt = now + MAX_TURN_MS;
      setImmediate(() => {
        this.#endsAt = undefined;
      });
    } else if (now > this.#endsAt) {
      this.#endsAt = Number.POSITIVE_INFINITY;
      this.#postponeAll();
    }
  }

  /** Data that has arrived on a paused connection stays in the operating system. */
  #postponeAll(): void {
    if (this.#waiting.length === 0) setImmediate(() => this.#resumeTwo());
    const waiting = new Set(this.#waiting);
    for (const connection of this.#connections) {
      connection.pause();
      waiting.add(connection);
    }
    this.#waiting = [...waiting];
  }

  /** The newest connection continues, so a new client is answered soon, and the oldest, so none waits forever. */
  #resumeTwo(): void {
    for (const connection of [this.#waiting.pop(), this.#waiting.shift()]) {
      if (connection && this.#connections.has(connection)) connection.resume();
    }
    if (this.#waiting.length > 0) setImmediate(() => this.#resumeTwo());
  }
}
