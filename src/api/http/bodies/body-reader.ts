import type { Request } from "express";
import { badInput } from "../../../errors.ts";
import { incomingBodyOf } from "./incoming-body.ts";

/** At most this many bytes of one body are read before other connections have their turn. */
const TURN_BYTES = 64 * 1024;
/**
 * The first pieces of a body, this many, may have any size. After that the pieces must have at least 16 bytes on
 * average, or the connection is cut. Reading a megabyte of single bytes would take seconds.
 */
const MAX_SMALL_PIECES = 1_000;
const MIN_PIECE_BYTES = 16;

/**
 * Reads a body piece by piece. If reading fails, the rest of the body is dropped. Fast clients take turns with others,
 * because Node itself reads up to 2 MB of one connection before it reads the next.
 */
export class BodyReader {
  /**
   * Settles when the body has ended or reading has failed.
   *
   * @throws BAD_USER_INPUT when the body is cut short or too slow, OVERLOADED when others need its room, and every
   *   error that `take` throws
   */
  readonly done: Promise<void>;
  readonly #request: Request;
  readonly #take: (piece: Buffer) => Promise<void> | undefined;
  readonly #settled = Promise.withResolvers<void>();
  #pieceCount = 0;
  #byteCount = 0;
  #turnBytes = 0;
  #isOver = false;

  /** @param take receives each piece. If it returns a promise, the next piece waits until that has resolved */
  constructor(request: Request, take: (piece: Buffer) => Promise<void> | undefined) {
    this.#request = request;
    this.#take = take;
    this.done = this.#settled.promise;
    incomingBodyOf(request)?.onRefused((error) => this.fail(error));
    request.on("data", this.#read).on("end", this.#finish).on("error", this.#breakOff).on("close", this.#breakOff);
    if (request.destroyed) this.#breakOff();
  }

  /** Stops reading with an error. */
  fail(error: unknown): void {
    if (this.#isOver) return;
    this.#leave();
    this.#request.on("data", this.#drop).resume();
    this.#settled.reject(error);
  }

  readonly #read = (piece: Buffer) => {
    try {
      this.#pieceCount++;
      this.#byteCount += piece.length;
      if (this.#pieceCount > MAX_SMALL_PIECES && this.#byteCount < this.#pieceCount * MIN_PIECE_BYTES) {
        this.#request.destroy();
        return;
      }
      const isTaken = this.#take(piece);
      if (isTaken) this.#waitFor(isTaken);
      else this.#takeTurns(piece);
    } catch (error) {
      this.fail(error);
    }
  };

  async #waitFor(isTaken: Promise<void>): Promise<void> {
    this.#request.pause();
    try {
      await isTaken;
    } catch (error) {
      this.fail(error);
    }
    this.#request.resume();
  }

  readonly #drop = (piece: Buffer) => this.#takeTurns(piece);

  #takeTurns(piece: Buffer): void {
    this.#turnBytes += piece.length;
    if (this.#turnBytes < TURN_BYTES) return;
    this.#turnBytes = 0;
    incomingBodyOf(this.#request)?.waitForTurn();
  }

  readonly #finish = () => {
    incomingBodyOf(this.#request)?.arrived();
    this.#leave();
    this.#settled.resolve();
  };

  readonly #breakOff = () => this.fail(badInput("body", "the body is cut short; send it again"));

  /** Removes the listeners, because some requests live for hours. */
  #leave(): void {
    this.#isOver = true;
    this.#request.off("data", this.#read).off("end", this.#finish);
    this.#request.off("error", this.#breakOff).off("close", this.#breakOff);
  }
}
