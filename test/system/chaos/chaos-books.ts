import { createHash } from "node:crypto";
import sharp, { type Metadata } from "sharp";
import type { ChaosProject } from "./chaos-projects.ts";

/** A generation as a client saw it in an answer. */
export interface ToldGeneration {
  readonly id: string;
  readonly status: "QUEUED" | "RUNNING" | "SUCCEEDED" | "FAILED" | "CANCELED";
  readonly failure: { readonly code: string; readonly billed: string } | null;
  readonly images: readonly ToldImage[];
}

export interface ToldImage {
  readonly id: string;
  readonly index: number;
  readonly url: string;
  /** The URL of a derivative of {@link DERIVATIVE_WIDTH} pixels. */
  readonly derivative: string;
  /** The URL of the provider's own bytes. */
  readonly original: string;
  readonly width: number;
  readonly height: number;
  readonly byteSize: number;
  readonly sha256: string;
}

export const DERIVATIVE_WIDTH = 400;
/** The fields that clients request of a generation, to read it as a {@link ToldGeneration}. */
export const GENERATION_FIELDS = `id status failure { code billed }
  images { id index url derivative: url(width: ${DERIVATIVE_WIDTH}) original: url(original: true)
    width height byteSize sha256 }`;

/** A client's order, and every answer about it. */
export interface Order {
  /** A word in the prompt. It is the idempotency key too, except over WebSockets, where orders have none. */
  readonly marker: string;
  readonly n: number;
  readonly size: string;
  /** Whether it uploads files to edit rather than making something new. */
  readonly isEdit: boolean;
  /** How many previews of its image it requests and loads. */
  readonly partialImages: number;
  readonly api: "REST" | "GraphQL" | "WebSocket";
  /** What the client does while it waits for its first answer. */
  readonly patience: "waits" | "leaves" | "asks again";
  /** Whether two clients send it at the same time. */
  readonly hasTwin: boolean;
  /** Whether this client loads derivatives, and the provider's original. */
  readonly wantsDerivatives: boolean;
  readonly ending: "takes" | "cancels" | "deletes";
  /** The project whose key sends it; `undefined` on an open gateway. */
  readonly project?: ChaosProject | undefined;
  /** Whether a budget finally refused it. */
  isRefused?: boolean;
  /**
   * Whether a gateway was killed before a client over a WebSocket had its first answer. The client may then have sent
   * the order twice.
   */
  hasMetCrash: boolean;
  /** Whether there was any answer. */
  isAccepted: boolean;
  isDeleted: boolean;
  readonly ids: Set<string>;
  /** Images whose URLs a REST client received. */
  readonly restImageIds: Set<string>;
  /**
   * The answers in which the generation had ended, each with a different end than the one before. There should be only
   * one.
   */
  readonly ends: ToldGeneration[];
}

/** Returns the marker of the order that a prompt belongs to. */
export function markerIn(prompt: string): string {
  return /chaos-\d+-\d+/.exec(prompt)?.[0] ?? "";
}

export function isEnded({ status }: ToldGeneration): boolean {
  return status !== "QUEUED" && status !== "RUNNING";
}

/** `SUCCEEDED`, `FAILED INTERRUPTED`, … */
export function nameOfEnd({ status, failure }: ToldGeneration): string {
  return failure ? `${status} ${failure.code}` : status;
}

/** What the clients saw, with which the gateway's data is compared at the end. */
export class ChaosBooks {
  readonly orders: Order[] = [];
  /** Broken promises, in words, each with its order's marker. */
  readonly contradictions: string[] = [];
  readonly halfWritten: string[] = [];
  readonly withoutBytes: string[] = [];
  /** How often clients sent an order again over a WebSocket, because the connection closed before the answer. */
  repeats = 0;
  /** Orders over WebSockets during which gateways were stopped in order and none was killed. */
  readonly throughStops: Order[] = [];
  imageCount = 0;
  previewCount = 0;

  /** Records an answer about a generation. */
  note(order: Order, told: ToldGeneration): void {
    order.isAccepted = true;
    order.ids.add(told.id);
    if (order.ids.size > 1) this.contradict(order, `one key, several generations: ${[...order.ids].join(", ")}`);
    if (told.failure?.code === "INTERNAL") this.contradict(order, "failed by a bug");
    const before = order.ends.at(-1);
    if (!isEnded(told)) {
      if (before) this.contradict(order, `was told ${before.status} and then ${told.status}`);
    } else if (!before || nameOfEnd(before) !== nameOfEnd(told)) order.ends.push(told);
  }

  contradict({ marker }: Order, what: string): void {
    this.contradictions.push(`${marker}: ${what}`);
  }

  /** Checks a complete answer: its bytes must be the promised image. */
  noteBytes(order: Order, bytes: Buffer, promised: { readonly sha256: string; readonly byteSize: number }): void {
    this.imageCount++;
    const isWhole = createHash("sha256").update(bytes).digest("hex") === promised.sha256;
    if (!isWhole || promised.byteSize !== bytes.length) this.halfWritten.push(`${order.marker}: ${bytes.length} bytes`);
  }

  /** Checks a derivative: it must be a whole image of its width. Nothing else is promised about its bytes. */
  async noteDerivative(order: Order, bytes: Buffer): Promise<void> {
    this.imageCount++;
    if ((await wholeImage(bytes))?.width !== DERIVATIVE_WIDTH) {
      this.halfWritten.push(`${order.marker}: a derivative of ${bytes.length} bytes`);
    }
  }

  /** Checks the provider's original. All that a client knows is that it must be an image. */
  async noteOriginal(order: Order, bytes: Buffer): Promise<void> {
    this.imageCount++;
    if (!(await wholeImage(bytes))) this.halfWritten.push(`${order.marker}: an original of ${bytes.length} bytes`);
  }

  async notePreview(order: Order, bytes: Buffer): Promise<void> {
    this.previewCount++;
    if ((await wholeImage(bytes))?.format !== "webp") {
      this.halfWritten.push(`${order.marker}: a preview of ${bytes.length} bytes`);
    }
  }
}

/** `undefined` if any part is missing. */
async function wholeImage(bytes: Buffer): Promise<Metadata | undefined> {
  const image = sharp(bytes, { failOn: "truncated" });
  return image.stats().then(
    () => image.metadata(),
    () => undefined,
  );
}
