import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";

/**
 * The most memory for the finished answers of all connections that their clients have not read, in bytes. It is twice
 * what the last pieces of images can take, so images alone never exceed it.
 */
const MAX_BYTES = 128 * 1024 ** 2;
const STALL_MS = 30_000;

export interface UnsentAnswersOptions {
  /** @defaultValue 128 MiB */
  readonly maxBytes?: number;
  /** A client that reads nothing of its answer for this long is disconnected, in milliseconds. @defaultValue 30 s */
  readonly stallMs?: number;
}

/** Bounds the memory of answers that are finished and that their clients do not read. */
export class UnsentAnswers {
  readonly #maxBytes: number;
  readonly #stallMs: number;
  /** The bytes of each connection, in the order in which the answers were finished. */
  readonly #unsent = new Map<Socket, number>();
  #bytes = 0;

  constructor({ maxBytes = MAX_BYTES, stallMs = STALL_MS }: UnsentAnswersOptions = {}) {
    this.#maxBytes = maxBytes;
    this.#stallMs = stallMs;
  }

  /**
   * Watches an answer from its end until the operating system has taken it. If clients leave too much unread, those that
   * have not read for longest are disconnected.
   */
  watch(response: ServerResponse, connection: Socket): void {
    response.once("prefinish", () => {
      const bytes = connection.writableLength;
      if (bytes === 0) return;
      this.#unsent.set(connection, bytes);
      this.#bytes += bytes;
      connection.setTimeout(this.#stallMs);
      response.once("close", () => this.#forget(connection));
      this.#makeRoom();
    });
  }

  #makeRoom(): void {
    for (const connection of this.#unsent.keys()) {
      if (this.#bytes <= this.#maxBytes) return;
      this.#forget(connection);
      connection.destroy();
    }
  }

  #forget(connection: Socket): void {
    this.#bytes -= this.#unsent.get(connection) ?? 0;
    this.#unsent.delete(connection);
  }
}
