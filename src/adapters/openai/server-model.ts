/** Parameters that a call can leave out; `n` only when it is 1. */
export const OMITTABLE_PARAMETERS = [
  "n",
  "response_format",
  "size",
  "quality",
  "background",
  "output_format",
  "output_compression",
  "moderation",
  "safety_identifier",
  "partial_images",
  "stream",
] as const;
export type OptionalParameter = (typeof OMITTABLE_PARAMETERS)[number];

/** Parameters that only the caller's request decides. */
export const FIXED_PARAMETERS: ReadonlySet<string> = new Set([
  "model",
  "prompt",
  "n",
  "image",
  "images",
  "mask",
  "stream",
  "partial_images",
]);

/** How a model is called on its server, where that differs from OpenAI's way. */
export interface ServerModel {
  /** The server's name for the model. @defaultValue the gateway's name */
  readonly name?: string;
  /** Parameters that the server refuses. */
  readonly omit?: readonly OptionalParameter[];
  /** Parameters that the server needs besides those of OpenAI. */
  readonly send?: Readonly<Record<string, string | number | boolean>>;
}
