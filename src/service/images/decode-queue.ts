import { availableParallelism } from "node:os";
import { GatewayError } from "../../errors.ts";
import type { Caller } from "../projects/caller.ts";

/** How many images are in a decoder at once: light ones, and heavy ones, each of which may take half a gigabyte. */
export interface Lanes {
  readonly light: number;
  readonly heavy: number;
}

const LANES: Lanes = {
  light: Math.min(4, Math.max(2, availableParallelism())),
  heavy: Math.min(4, Math.max(1, Math.floor(availableParallelism() / 2))),
};
/** More work than this is heavy. */
const MAX_LIGHT_MS = 200;
/** How much of one caller's work may wait in a lane, and how much of all callers'. */
const MAX_WAITING_MS = { ofOne: 8_000, ofAll: 24_000 } as const;
const RETRY_AFTER_SECONDS = 5;

/** For whom an image is decoded. Nobody waits behind more than one image of each other caller, or of another kind. */
export interface Turn {
  /** What comes from a `generation` was paid for: it waits for as long as it takes, and is never refused. */
  readonly kind: "edit" | "generation" | "view";
  readonly projectId: string;
  /** Who of the project. @defaultValue the project is one caller */
  readonly callerId?: string | undefined;
}

/** What one caller has waiting in a lane, the oldest first. */
interface Waiting {
  readonly images: { readonly workMs: number; readonly begin: () => void }[];
  workMs: number;
}

/** The turn of a caller's edit. */
export function editTurnOf({ projectId, endUser, apiKeyId, network }: Caller): Turn {
  return { kind: "edit", projectId, callerId: endUser ?? apiKeyId ?? network };
}

/** Where images wait for a decoder: small ones never behind large ones, and callers by turns. */
export class DecodeQueue {
  readonly #light: Lane;
  readonly #heavy: Lane;

  constructor({ light, heavy } = LANES) {
    this.#light = new Lane(light);
    this.#heavy = new Lane(heavy);
  }

  /**
   * Resolves when a decoder is free for this image; the function it answers says that the image is done.
   *
   * @param workMs how long decoding and encoding take about, in milliseconds of one processor
   * @throws OVERLOADED when too much waits already
   */
  enter(turn: Turn, workMs: number): Promise<() => void> {
    return (workMs > MAX_LIGHT_MS ? this.#heavy : this.#light).enter(turn, workMs);
  }

  /** Resolves when nothing is decoded and nothing waits. */
  async onIdle(): Promise<void> {
    await Promise.all([this.#light.onIdle(), this.#heavy.onIdle()]);
  }
}

class Lane {
  #free: number;
  readonly #size: number;
  /** By kind and caller; the first one's turn is next. */
  readonly #waiting = new Map<string, Waiting>();
  #waitingMs = 0;
  #whenIdle: (() => void)[] = [];

  constructor(size: number) {
    this.#free = size;
    this.#size = size;
  }

  async enter({ kind, projectId, callerId = "" }: Turn, workMs: number): Promise<() => void> {
    if (this.#free > 0) {
      this.#free--;
      return this.#leaveOnce();
    }
    const turn = `${kind} ${projectId} ${callerId}`;
    const waiting = this.#waiting.get(turn) ?? { images: [], workMs: 0 };
    if (kind !== "generation") this.#refuseWhenFull(kind, waiting.workMs + workMs, workMs);
    const { promise, resolve } = Promise.withResolvers<void>();
    waiting.images.push({ workMs, begin: resolve });
    waiting.workMs += workMs;
    this.#waitingMs += workMs;
    this.#waiting.set(turn, waiting);
    await promise;
    return this.#leaveOnce();
  }

  async onIdle(): Promise<void> {
    if (this.#free === this.#size) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#whenIdle.push(resolve);
    await promise;
  }

  #refuseWhenFull(kind: Turn["kind"], ofOneMs: number, workMs: number): void {
    if (ofOneMs > MAX_WAITING_MS.ofOne || this.#waitingMs + workMs > MAX_WAITING_MS.ofAll) throw overloaded(kind);
  }

  #leaveOnce(): () => void {
    let isLeft = false;
    return () => {
      if (isLeft) return;
      isLeft = true;
      this.#next();
    };
  }

  /** Hands the decoder that became free to the caller whose turn it is, who then stands last. */
  #next(): void {
    const [turn, waiting] = this.#waiting.entries().next().value ?? [];
    const image = waiting?.images.shift();
    if (turn === undefined || !waiting || !image) {
      this.#free++;
      if (this.#free === this.#size) for (const resolve of this.#whenIdle.splice(0)) resolve();
      return;
    }
    waiting.workMs -= image.workMs;
    this.#waitingMs -= image.workMs;
    this.#waiting.delete(turn);
    if (waiting.images.length > 0) this.#waiting.set(turn, waiting);
    image.begin();
  }
}

function overloaded(kind: Turn["kind"]): GatewayError {
  const message =
    kind === "edit"
      ? "too many images wait to be checked; send the edit again later"
      : "too many images wait to be rendered; load this one again later";
  return new GatewayError("OVERLOADED", message, { retryAfterSeconds: RETRY_AFTER_SECONDS });
}
