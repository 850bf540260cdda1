import type { Duplex } from "node:stream";
import type { Logger } from "pino";
import type { WebSocket } from "ws";
import type { UnsentAnswers } from "../../http/connections/unsent-answers.ts";

/** A client with more unread bytes than this is disconnected. */
const MAX_UNREAD_BYTES = 1024 * 1024;
/**
 * Memory that an unread message takes besides its bytes. Counted by their bytes alone, the unread pongs of one client
 * took the process from 118 to 233 MiB before it was disconnected.
 */
const UNREAD_MESSAGE_BYTES = 512;

/** Sends the messages of one WebSocket, and counts those that its client does not read. */
export class OutgoingMessages {
  readonly #socket: WebSocket;
  readonly #connection: Duplex;
  readonly #unsent: UnsentAnswers;
  readonly #logger: () => Logger;
  /** Messages that wait to be sent. */
  #waitingCount = 0;

  /**
   * @param connection carries the messages of the socket
   * @param unsent the memory budget that they share with all other answers
   */
  constructor(socket: WebSocket, connection: Duplex, unsent: UnsentAnswers, logger: () => Logger) {
    this.#socket = socket;
    this.#connection = connection;
    this.#unsent = unsent;
    this.#logger = logger;
    socket.once("close", () => unsent.count(connection, 0));
  }

  /** Sends a message. Resolves when the operating system has taken it, or the client is disconnected. */
  async send(message: string): Promise<void> {
    if (this.#unreadBytes > MAX_UNREAD_BYTES) {
      this.#logger().warn("a client does not read its messages; its connection is closed");
      this.#socket.terminate();
      return;
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waitingCount++;
    this.#socket.send(message, () => {
      this.#waitingCount--;
      this.#count();
      resolve();
    });
    this.#count();
    await promise;
  }

  get #unreadBytes(): number {
    return this.#socket.bufferedAmount + this.#waitingCount * UNREAD_MESSAGE_BYTES;
  }

  #count(): void {
    if (!this.#connection.destroyed) this.#unsent.count(this.#connection, this.#unreadBytes);
  }
}
