import { type Billed, GatewayError } from "../../errors.ts";
import { toRecord } from "../to-record.ts";
import type { SdkResult } from "./sdk-model.ts";

/** The words by which vendors say that they withhold a picture because of its content. Google's end in `_SAFETY`. */
const CONTENT_REASON = /SAFETY|PROHIBITED_CONTENT|RECITATION|BLOCKLIST|SPII|content_?filter/i;

/** The images of an answer that the vendor withheld. */
export interface Withheld {
  /** Positions of pictures that only mark a refusal, such as fal's black ones. */
  readonly indexes: ReadonlySet<number>;
  /** What to tell after the other images; `undefined` if none is missing. */
  readonly error: GatewayError | undefined;
}

/** Finds out which images of a successful answer the vendor withheld. */
export function withheldImages({ images, providerMetadata = {} }: SdkResult): Withheld {
  const vendors = Object.values(providerMetadata).map(toRecord);
  const indexes = new Set(vendors.flatMap(({ images: about }) => flaggedOf(about)));
  const isAllWithheld = images.length > 0 && indexes.size >= images.length;
  if (images.length > 0)
    return { indexes, error: indexes.size > 0 ? refused(isAllWithheld ? "UNKNOWN" : "YES") : undefined };
  if (vendors.some(isOfContent)) return { indexes, error: refused("UNKNOWN") };
  const text = "the provider answered without an image";
  return { indexes, error: new GatewayError("UPSTREAM_FAILED", text, { billed: "UNKNOWN", isRetryable: false }) };
}

/** fal answers with a black picture, and says so. */
function flaggedOf(about: unknown): number[] {
  return Array.isArray(about) ? about.flatMap((image, index) => (toRecord(image).nsfw === true ? [index] : [])) : [];
}

/** Gemini answers without a picture, and says why. */
function isOfContent({ finishReason, promptFeedback }: Readonly<Record<string, unknown>>): boolean {
  const reasons = [finishReason, toRecord(promptFeedback).blockReason];
  return reasons.some((reason) => typeof reason === "string" && CONTENT_REASON.test(reason));
}

function refused(billed: Billed): GatewayError {
  const text = "the provider's content policy withheld an image; change the prompt";
  return new GatewayError("CONTENT_REJECTED", text, { billed });
}
