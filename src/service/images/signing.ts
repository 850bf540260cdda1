import PQueue from "p-queue";
import type { Logger } from "pino";
import { CERTIFICATE_WARNING_MS } from "../../bounds.ts";
import { GatewayError } from "../../errors.ts";
import type { PixelSize } from "../../ports/image-provider.ts";
import type { ImageSigner, Ingredient, SignedClaim } from "../../ports/image-signer.ts";
import type { Metrics } from "../../ports/metrics.ts";
import type { ObjectStore } from "../../ports/object-store.ts";
import { formatOf } from "./pixels.ts";

/** A stored file that an image is made from. */
export interface StoredIngredient extends Pick<Ingredient, "format" | "relationship"> {
  /** Its key in the object store. */
  readonly key: string;
}

/** What the signature says about an image. */
export interface Claim extends Pick<SignedClaim, "digitalSourceType" | "action"> {
  readonly ingredients: readonly StoredIngredient[];
}

/** The bytes of an image on their way into the store. */
export interface PassingImage {
  readonly bytes: AsyncIterable<Uint8Array>;
  /** Whether they are signed. Read it after all bytes have passed. */
  readonly isSigned: boolean;
}

/**
 * For whom an image is signed: a paid image waits as long as necessary, a viewer's image is refused if too many wait.
 */
export type Urgency = "generation" | "view";

export interface SigningOptions {
  /** `undefined` signs nothing. */
  readonly signer: ImageSigner | undefined;
  readonly objects: Pick<ObjectStore, "open">;
  readonly metrics: Pick<Metrics, "imageSigned">;
  readonly logger: Logger;
  readonly now: () => Date;
}

/** The largest image that is signed, in bytes, and the most bytes of its ingredients together. */
const MAX_IMAGE_BYTES = 64 * 1024 * 1024;
const MAX_INGREDIENT_BYTES = 64 * 1024 * 1024;
/** The images in memory: one is signed while others are encoded or stored. */
const MAX_IN_HAND = 4;
/** The most images of viewers that wait. */
const MAX_WAITING_VIEWS = 100;
const RETRY_AFTER_SECONDS = 5;
const PRIORITY: Readonly<Record<Urgency, number>> = { generation: 1, view: 0 };
const DAY_MS = 24 * 60 * 60 * 1000;

/** Signs images while they are stored. An image that cannot be signed passes unchanged, and the log has a warning. */
export class Signing {
  readonly #options: SigningOptions;
  readonly #queue = new PQueue({ concurrency: MAX_IN_HAND });
  #lastWarning: number | undefined;

  constructor(options: SigningOptions) {
    this.#options = options;
    this.#warnOfExpiry();
  }

  /**
   * Signs an image while its bytes pass. They wait for a free place when the first of them is requested; only then does
   * `encoded` start. The bytes throw OVERLOADED when too many images of viewers wait, and the errors of `encoded`.
   */
  sign(encoded: AsyncIterable<Uint8Array>, claim: Claim, urgency: Urgency): PassingImage {
    const { signer } = this.#options;
    if (!signer) return { bytes: encoded, isSigned: false };
    const image = { bytes: encoded, isSigned: false };
    image.bytes = this.#pass(signer, encoded, claim, urgency, () => {
      image.isSigned = true;
    });
    return image;
  }

  async *#pass(
    signer: ImageSigner,
    encoded: AsyncIterable<Uint8Array>,
    claim: Claim,
    urgency: Urgency,
    onSigned: () => void,
  ): AsyncIterable<Uint8Array> {
    const leave = await this.#enter(urgency);
    try {
      const { pieces, rest } = await gather(encoded);
      const signed = rest ? undefined : await this.#sign(signer, Buffer.concat(pieces), claim);
      if (signed) onSigned();
      yield* signed ? [signed] : pieces;
      if (rest) yield* { [Symbol.asyncIterator]: () => rest };
    } finally {
      leave();
    }
  }

  /**
   * Resolves when an image may be held in memory. The caller must call the returned function when the image is no
   * longer in memory.
   */
  #enter(urgency: Urgency): Promise<() => void> {
    const priority = PRIORITY[urgency];
    if (urgency === "view" && this.#queue.sizeBy({ priority }) >= MAX_WAITING_VIEWS) throw overloaded();
    const entered = Promise.withResolvers<() => void>();
    void this.#queue.add(() => new Promise<void>((leave) => entered.resolve(leave)), { priority });
    return entered.promise;
  }

  async #sign(signer: ImageSigner, bytes: Uint8Array, claim: Claim): Promise<Uint8Array | undefined> {
    const { metrics, logger, now } = this.#options;
    const format = formatOf(bytes);
    // Something that is not an image fails where it is decoded.
    if (!format) return undefined;
    try {
      this.#warnOfExpiry();
      if (signer.expiresAt <= now()) throw new Error("the certificate has expired");
      const ingredients = await this.#readIngredients(claim.ingredients);
      const signed = await signer.sign(bytes, { ...claim, format, ingredients });
      const leftOutCount = claim.ingredients.length - ingredients.length + signed.leftOutCount;
      if (leftOutCount > 0) {
        logger.warn({ leftOutCount }, "an image was signed without the credentials of all the images it was made from");
      }
      metrics.imageSigned("SIGNED");
      return signed.bytes;
    } catch (err) {
      metrics.imageSigned("FAILED");
      logger.warn({ err }, "an image could not be signed; it is delivered with XMP alone");
      return undefined;
    }
  }

  /** Reads ingredients until they are too large together. Those that are gone or too large are left out. */
  async #readIngredients(ingredients: readonly StoredIngredient[]): Promise<Ingredient[]> {
    const read: Ingredient[] = [];
    let leftBytes = MAX_INGREDIENT_BYTES;
    for (const { key, format, relationship } of ingredients) {
      const object = await this.#options.objects.open(key);
      if (!object || object.byteSize > leftBytes) continue;
      leftBytes -= object.byteSize;
      const { pieces } = await gather(object.read());
      read.push({ format, relationship, bytes: Buffer.concat(pieces) });
    }
    return read;
  }

  /** Warns once a day. */
  #warnOfExpiry(): void {
    const { signer, logger, now } = this.#options;
    const atMs = now().getTime();
    if (!signer || signer.expiresAt.getTime() - atMs > CERTIFICATE_WARNING_MS) return;
    if (this.#lastWarning !== undefined && atMs - this.#lastWarning < DAY_MS) return;
    this.#lastWarning = atMs;
    const expiresAt = signer.expiresAt.toISOString();
    logger.warn({ expiresAt }, "the certificate that signs images expires soon; renew PICTOGRAPH_C2PA_CERTIFICATE");
  }
}

/** The action that turns a picture of one size and format into another. */
export function actionBetween(from: PixelSize, to: PixelSize): SignedClaim["action"] {
  return from.width === to.width && from.height === to.height ? "transcoded" : "resized";
}

interface Gathered {
  readonly pieces: readonly Uint8Array[];
  /** The bytes that were not collected, because the image is too large. */
  readonly rest?: AsyncIterator<Uint8Array>;
}

/** Collects at most `MAX_IMAGE_BYTES`. */
async function gather(bytes: AsyncIterable<Uint8Array>): Promise<Gathered> {
  const source = bytes[Symbol.asyncIterator]();
  const pieces: Uint8Array[] = [];
  for (let byteSize = 0; ; ) {
    const { done, value } = await source.next();
    if (done) return { pieces };
    // The source may reuse the memory of a piece.
    pieces.push(new Uint8Array(value));
    byteSize += value.byteLength;
    if (byteSize > MAX_IMAGE_BYTES) return { pieces, rest: source };
  }
}

function overloaded(): GatewayError {
  const message = "too many images wait to be signed; load this one again later";
  return new GatewayError("OVERLOADED", message, { retryAfterSeconds: RETRY_AFTER_SECONDS });
}
