import type { Socket } from "node:net";
import { LIVENESS_PATH, READINESS_PATH } from "../health/probes.ts";

/** The most memory for the first bytes that waiting connections have sent: 64 KiB of 256 of them. */
const MAX_BYTES = 16 * 1024 ** 2;
/** The most connections that wait. Node reads at most 128 KiB of each, so they can send no more than 128 MiB later. */
const MAX_CONNECTIONS = 1_000;
const PROBE = new RegExp(`^GET (${LIVENESS_PATH}|${READINESS_PATH}) `);
/** The bytes of a request that show whether it is a health check. */
const PROBE_BYTES = 16;
/** The most bytes that the client of a health check has sent. With more, such as a body, it takes long to parse. */
const MAX_PROBE_BYTES = 4 * 1024;

/**
 * Accepted connections that are not served yet. Each waits for its turn, except that health checks go first: a load
 * balancer must not take a busy gateway for a dead one.
 */
export class Newcomers {
  readonly #maxBytes: number;
  #heldBytes = 0;
  #count = 0;

  constructor(maxBytes = MAX_BYTES) {
    this.#maxBytes = maxBytes;
  }

  /** Whether another connection may wait here. */
  get hasRoom(): boolean {
    return this.#heldBytes < this.#maxBytes && this.#count < MAX_CONNECTIONS;
  }

  /**
   * Reads the beginning of a connection. `serve` is called when it is a health check, and not before otherwise.
   *
   * @returns a function that serves the connection; it does nothing if the connection is served or closed
   */
  add(connection: Socket, serve: () => void): () => void {
    let heldBytes = 0;
    let isWaiting = true;
    this.#count++;
    const leave = () => {
      isWaiting = false;
      this.#count--;
      this.#heldBytes -= heldBytes;
      connection.off("readable", look).off("error", leave).off("close", leave);
    };
    const begin = () => {
      if (!isWaiting) return;
      leave();
      serve();
    };
    const look = () => {
      const start: Buffer | null = connection.read();
      if (start === null) {
        // The client has disconnected.
        connection.destroy();
        return;
      }
      connection.unshift(start);
      heldBytes = start.length;
      this.#heldBytes += heldBytes;
      const isProbe = start.length <= MAX_PROBE_BYTES && PROBE.test(start.toString("latin1", 0, PROBE_BYTES));
      if (isProbe) begin();
    };
    connection.once("readable", look).once("error", leave).once("close", leave);
    return begin;
  }
}
