import { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { GatewayError } from "../../../errors.ts";
import { Newcomers } from "./newcomers.ts";
import { RoundRobin } from "./round-robin.ts";

/** After this much work in one turn of the event loop, in milliseconds, further operations wait for a later turn. */
const OPERATIONS_MS = 25;
/** After this much work in one turn, in milliseconds, no connection is read until it has its turn. */
const MAX_TURN_MS = 50;
/** In one turn at most this many pairs of operations, and of paused connections, continue; after a long turn, one. */
const MAX_PAIRS = 8;
/**
 * Node accepts one connection in each turn, so a new client waits for as many turns as there are clients before it.
 * While every turn accepts one, ordinary turns and turns that only accept alternate; each kind lasts this many
 * milliseconds.
 */
const ORDINARY_MS = 50;
const ACCEPTING_MS = 100;
/** If this much work waits, in pieces of about a kilobyte, a connection may have only one more. */
const MAX_WAITING = 5_000;
const FULL_RETRY_SECONDS = 5;

/**
 * Shares the event loop of this process among all clients, so that a cheap request never waits long.
 *
 * Node handles everything that has arrived before it looks for more. It parses up to 64 KiB of a connection in one go:
 * 10,000 chunks of one byte, or 3,000 tiny requests. That takes up to 20 ms, and so does one expensive operation. A few
 * hundred hostile connections would block all others for seconds.
 */
export class FairTurns {
  /** Connections that have begun. */
  readonly #connections = new Set<Socket>();
  /** The connections among them that are being read. */
  readonly #reading = new Set<Socket>();
  readonly #newcomers = new Newcomers();
  /** For each other connection, the function that continues or begins it, in the order in which they were paused. */
  readonly #paused: (() => void)[] = [];
  /** Other work that continues in a later turn. */
  readonly #waiting = new RoundRobin();
  #pairs = 1;
  /** The time at which the current turn began to work; `undefined` while there is nothing to do. */
  #startedAt: number | undefined;
  #hasAccepted = false;
  /** The time of the first turn in an unbroken row of turns that each accepted a connection. */
  #acceptingSince: number | undefined;

  /**
   * Makes an accepted connection take turns until it closes.
   *
   * @param serve begins to read requests; called when the connection has its first turn
   */
  accept(connection: Socket, serve: () => void): void {
    this.#hasAccepted = true;
    this.#acceptingSince ??= performance.now();
    const isOver = this.#workedMs() > MAX_TURN_MS || this.#isOnlyAccepting();
    const begin = () => {
      this.#connections.add(connection);
      this.#reading.add(connection);
      connection.once("close", () => this.remove(connection));
      serve();
    };
    const mustWait = (isOver || this.#paused.length > 0) && this.#newcomers.hasRoom;
    if (mustWait) this.#paused.push(this.#newcomers.add(connection, begin));
    else begin();
    if (isOver) this.#pauseAll();
  }

  /** Takes a connection out of the turns, because it no longer uses HTTP. */
  remove(connection: Socket): void {
    this.#connections.delete(connection);
    this.#reading.delete(connection);
  }

  /** The class of requests for an `http.Server`. It notices each head of a request and each piece of a body. */
  messageClass(): typeof IncomingMessage {
    const notice = () => {
      if (this.#workedMs() > MAX_TURN_MS) this.#pauseAll();
    };
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

  /**
   * Finds time for an operation. The operations of one connection begin in order.
   * @returns `undefined` if this turn has time; otherwise a promise that resolves in a turn that has
   * @throws OVERLOADED if too much work waits, including an operation of this connection
   */
  forOperation(connection: object): Promise<void> | undefined {
    const hasTime = this.#workedMs() < OPERATIONS_MS && !this.#isOnlyAccepting();
    if (hasTime && this.#waiting.count === 0) return undefined;
    if (this.#waiting.count >= MAX_WAITING && this.#waiting.has(connection)) {
      const message = "this gateway has too many operations to begin; send the operation again later";
      throw new GatewayError("OVERLOADED", message, { retryAfterSeconds: FULL_RETRY_SECONDS });
    }
    return new Promise((resolve) => this.wait(connection, resolve));
  }

  /** Calls `proceed` in a later turn. */
  wait(connection: object, proceed: () => void): void {
    this.#waiting.add(connection, proceed);
    this.#workedMs();
  }

  /** How long the current turn has worked, in milliseconds. The first call in each turn starts it. */
  #workedMs(): number {
    const now = performance.now();
    if (this.#startedAt === undefined) {
      this.#startedAt = now;
      setImmediate(() => this.#endTurn());
    }
    return now - this.#startedAt;
  }

  #endTurn(): void {
    const wasShort = this.#workedMs() < OPERATIONS_MS && !this.#isOnlyAccepting();
    this.#pairs = wasShort ? Math.min(2 * this.#pairs, MAX_PAIRS) : Math.max(Math.floor(this.#pairs / 2), 1);
    this.#startedAt = undefined;
    if (!this.#hasAccepted) this.#acceptingSince = undefined;
    this.#hasAccepted = false;
    if (this.#waiting.count + this.#paused.length === 0) return;
    // Starts the next turn.
    this.#workedMs();
    if (!this.#isOnlyAccepting()) this.#continueSome();
  }

  #continueSome(): void {
    for (let count = 0; count < this.#pairs; count++) {
      this.#waiting.doNext();
      this.#waiting.doNext();
      // The newest continues, so a new client is answered soon, and the oldest, so none waits forever.
      this.#paused.pop()?.();
      this.#paused.shift()?.();
    }
  }

  #isOnlyAccepting(): boolean {
    if (this.#acceptingSince === undefined) return false;
    const acceptingMs = performance.now() - this.#acceptingSince;
    return acceptingMs % (ORDINARY_MS + ACCEPTING_MS) > ORDINARY_MS;
  }

  /** Data that arrives on a paused connection stays in the operating system. */
  #pauseAll(): void {
    for (const connection of this.#reading) {
      connection.pause();
      this.#paused.push(() => this.#resume(connection));
    }
    this.#reading.clear();
  }

  #resume(connection: Socket): void {
    if (!this.#connections.has(connection)) return;
    this.#reading.add(connection);
    connection.resume();
  }
}

/** The turns of this process, which has one event loop. */
export const fairTurns = new FairTurns();
