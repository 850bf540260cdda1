/**
 * What is wrong: the grammar, the depth, the size of the document besides its streamed strings, or one of these
 * strings.
 */
export type UnreadableReason = "not JSON" | "nested" | "too much" | "not base64" | "too large";

/**
 * The error for JSON, or base64 in it, that cannot be read. The message gives the reason, as the rest of a sentence,
 * and quotes nothing.
 */
export class UnreadableJson extends Error {
  override readonly name = "UnreadableJson";
  readonly reason: UnreadableReason;

  constructor(reason: UnreadableReason, message: string) {
    super(message);
    this.reason = reason;
  }
}

/** The error for an image that is not base64. All streamed strings are images. */
export function notBase64(message = "an image is not base64"): UnreadableJson {
  return new UnreadableJson("not base64", message);
}
