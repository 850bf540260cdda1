import type { OriginStep } from "../../ports/image-provider.ts";
import type { Records } from "../../ports/records.ts";

/** The most steps that are followed back. Each step reads the records twice. */
const MAX_ORIGIN_STEPS = 32;

/**
 * Follows a stored image back through its edits to the generation that made it from text.
 *
 * @returns the steps from the first to the last; `undefined` when they are not all on record, when one of them had a
 *   mask or several images, or when there are more than 32
 */
export async function findOrigin(
  records: Pick<Records, "findImages" | "findGenerations">,
  imageId: string,
): Promise<readonly OriginStep[] | undefined> {
  const steps: OriginStep[] = [];
  let next: string | undefined = imageId;
  while (next !== undefined && steps.length < MAX_ORIGIN_STEPS) {
    const [image] = await records.findImages([next]);
    const [generation] = image ? await records.findGenerations([image.generationId]) : [];
    if (!image || !generation) return undefined;
    const { model, prompt, seed, modelSize: size, background, edit } = generation;
    steps.unshift({ model, prompt, index: image.index, size, background, ...(seed !== undefined && { seed }) });
    if (!edit) return steps;
    next = edit.mask || edit.images.length > 1 ? undefined : edit.images[0]?.imageId;
  }
  return undefined;
}
