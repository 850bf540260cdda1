import type { Model } from "../state/gateway.ts";

/** The name of a model as the bar shows it: `2.6-flare` for `gpt-image-2.6-flare`, where that is a name of its own. */
export function modelName(shown: Pick<Model, "id"> | undefined): string {
  return shown?.id.replace(/^gpt-image-(?=.*[a-z])/, "") ?? "…";
}
