import { availableParallelism } from "node:os";
import { GatewayError } from "../../errors.ts";
import type { Caller } from "../projects/caller.ts";

/** How many light and how many heavy images are decoded at once. A heavy image may need half a gigabyte of memory. */
export interface Lanes {
  readonly light: number;
  readonly heavy: number;
}

const LANES: Lanes = {
  light: Math.min(4, Math.max(2, availableParallelism())),
  heavy: Math.min(4, Math.max(1, Math.floor(availableParallelism() / 2))),
};
/** An image that needs more processor time than this is heavy. */
const MAX_LIGHT_MS = 200;
/** The most work that may wait in a lane: of one caller, and of all callers together. */
const MAX_WAITING_MS = { ofOne: 8_000, ofAll: 24_000 } as const;
const RETRY_AFTER_SECONDS = 5;

/**
 * Identifies the caller for whom an image is decoded, and the purpose. Each pair of caller and purpose takes turns with
 * the others: an image waits behind at most one image of every other pair.
 */
export interface Turn {
  /** Images of a `generation` are paid for: they wait as long as necessary and are never refused. */
  readonly kind: "edit" | "generation" | "view";
  readonly projectId: string;
  /** Distinguishes the callers of a project. @defaultValue the whole project counts as one caller */
  readonly callerId?: string | undefined;
}

/** The images that one caller has waiting in a lane, oldest first. */
interface Waiting {
  readonly images: { readonly workMs: number; readonly begin: () => void }[];
  workMs: number;
}

/** The turn of a caller's edit. */
export function editTurnOf({ projectId, endUser, apiKeyId, network }: Caller): Turn {
  return { kind: "edit", projectId, callerId: endUser ?? apiKeyId ?? network };
}

/** Queues images for the decoders. Light images never wait behind heavy ones, and callers take turns. */
export class DecodeQueue {
  readonly #light: Lane;
  readonly #heavy: Lane;

  constructor({ light, heavy } = LANES) {
    this.#light = new Lane(light);
    this.#heavy = new Lane(heavy);
  }

  /**
   * Resolves when a decoder is free for this image. The caller must call the returned function when the image is done.
   *
   * @param workMs estimated time for decoding and encoding, in milliseconds of one processor
   * @throws OVERLOADED when too much work is waiting already
   */
  enter(turn: Turn, workMs: number): Promise<() => void> {
    return (workMs > MAX_LIGHT_MS ? this.#heavy : this.#light).enter(turn, workMs);
  }

  /** The images that wait for a decoder. */
  get waiting(): number {
    return this.#light.waiting + this.#heavy.waiting;
  }

  /** Resolves when no image is being decoded and none waits. */
  async onIdle(): Promise<void> {
    await Promise.all([this.#light.onIdle(), this.#heavy.onIdle()]);
  }
}

class Lane {
  #free: number;
  readonly #size: number;
  /** By kind and caller; the first entry is served next. */
  readonly #waiting = new Map<string, Waiting>();
  #waitingMs = 0;
  #whenIdle: (() => void)[] = [];

  constructor(size: number) {
    this.#free = size;
    this.#size = size;
  }

  get waiting(): number {
    let count = 0;
    for (const { images } of this.#waiting.values()) count += images.length;
    return count;
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

  /** Gives the free decoder to the caller whose turn it is, and moves that caller to the end of the line. */
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
