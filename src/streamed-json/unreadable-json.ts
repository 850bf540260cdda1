/** What is wrong: the grammar, the depth, the size of everything beside the streamed strings, or one of those. */
export type UnreadableReason = "not JSON" | "nested" | "too much" | "not base64" | "too large";

/** JSON, or base64 in it, that cannot be read. The message says how, as the rest of a sentence, and quotes nothing. */
export class UnreadableJson extends Error {
  override readonly name = "UnreadableJson";
  readonly reason: UnreadableReason;

  constructor(reason: UnreadableReason, message: string) {
    super(message);
    this.reason = reason;
  }
}

/** An image that is no base64: there are no others in what is read here. */
export function notBase64(message = "an image is not base64"): UnreadableJson {
  return new UnreadableJson("not base64", message);
}
