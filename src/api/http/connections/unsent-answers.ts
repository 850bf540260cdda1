import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";

/**
 * The most memory for the answers of all connections that their clients have not read, in bytes. It is twice what the
 * last pieces of images can take, so images alone never exceed it.
 */
const MAX_BYTES = 128 * 1024 ** 2;
const STALL_MS = 30_000;

export interface UnsentAnswersOptions {
  /** @defaultValue 128 MiB */
  readonly maxBytes?: number;
  /** A client that reads nothing of its answer for this long is disconnected, in milliseconds. @defaultValue 30 s */
  readonly stallMs?: number;
}

/** A connection that can be closed at once. */
export interface Destroyable {
  destroy(): unknown;
}

/** Bounds the memory of answers that clients do not read: of HTTP, of WebSockets and of event streams. */
export class UnsentAnswers {
  readonly #maxBytes: number;
  readonly #stallMs: number;
  /** The bytes of each connection, in the order in which clients fell behind. */
  readonly #unsent = new Map<Destroyable, number>();
  #bytes = 0;

  constructor({ maxBytes = MAX_BYTES, stallMs = STALL_MS }: UnsentAnswersOptions = {}) {
    this.#maxBytes = maxBytes;
    this.#stallMs = stallMs;
  }

  /** Watches an answer over HTTP from its end until the operating system has taken it. */
  watch(response: ServerResponse, connection: Socket): void {
    response.once("prefinish", () => {
      const bytes = connection.writableLength;
      if (bytes === 0) return;
      connection.setTimeout(this.#stallMs);
      response.once("close", () => this.count(connection, 0));
      this.count(connection, bytes);
    });
  }

  /**
   * Sets how many bytes a client has not read now. If clients leave too much unread, those that have not read for
   * longest are disconnected. A closed connection must be set to 0.
   */
  count(connection: Destroyable, bytes: number): void {
    this.#set(connection, bytes);
    for (const slowest of this.#unsent.keys()) {
      if (this.#bytes <= this.#maxBytes) return;
      this.#set(slowest, 0);
      slowest.destroy();
    }
  }

  #set(connection: Destroyable, bytes: number): void {
    this.#bytes += bytes - (this.#unsent.get(connection) ?? 0);
    if (bytes === 0) this.#unsent.delete(connection);
    else this.#unsent.set(connection, bytes);
  }
}

/** The unread answers of this process. */
export const unsentAnswers = new UnsentAnswers();
