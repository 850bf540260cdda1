import { effect, type ReadonlySignal, signal } from "@preact/signals";
import { request } from "../api/client.ts";
import { type StudioError, toStudioError } from "../api/errors.ts";
import { toText } from "../dock/sizes.ts";
import { type EditImagesInput, QuoteEditDocument, type QuoteEditQuery } from "../generated/graphql.ts";
import { effectiveInput, obstacle, prompt, resultSize, settings, willMask } from "./settings.ts";
import { sources } from "./sources/sources.ts";
import { NO_SPACE } from "./sources/space.ts";

export type EditQuote = QuoteEditQuery["quoteEdit"];

/** How long the prompt must rest before it is priced again. */
const REST_MS = 250;
/** Stands for the prompt while there is none: the shortest. */
const ANY_PROMPT = ".";
/** Stands for files: a quote counts them and does not read them. */
const ANY_FILE = new Blob(["."], { type: "image/png" });

/**
 * Asks what an edit of the present pictures would cost.
 *
 * @param changes what differs from the present settings
 * @throws StudioError when the gateway would refuse it
 */
export async function quoteEdit(changes: Partial<EditImagesInput> = {}): Promise<EditQuote> {
  const files: Record<string, Blob> = {};
  const asFile = (path: string) => {
    files[`variables.input.${path}.upload`] = ANY_FILE;
    return { upload: null };
  };
  const images = sources.value.map(({ imageId }, index) => {
    const isDrawn = index === 0 && settings.value.space !== NO_SPACE;
    return imageId === undefined || isDrawn ? asFile(`images.${index}`) : { id: imageId };
  });
  const input: EditImagesInput = {
    ...effectiveInput.value,
    ...(resultSize.value && { size: toText(resultSize.value) }),
    ...changes,
    prompt: prompt.value.trim() || ANY_PROMPT,
    images,
    ...(willMask.value && { mask: asFile("mask") }),
  };
  const hasFiles = Object.keys(files).length > 0;
  return (await request(QuoteEditDocument, { input }, hasFiles ? { files } : {})).quoteEdit;
}

const current = signal<EditQuote | StudioError | undefined>(undefined);

/** What the next click costs, or why the gateway would refuse it; `undefined` while that is not known. */
export const currentQuote: ReadonlySignal<EditQuote | StudioError | undefined> = current;

/** Keeps the price up to date until the answer is called. */
export function followPrice(): () => void {
  return effect(() => {
    const isPossible = obstacle.value === undefined;
    // Read here, so that each change is priced.
    void [effectiveInput.value, prompt.value, sources.value, willMask.value, resultSize.value];
    let isOld = false;
    const timer = setTimeout(async () => {
      const answer = isPossible ? await quoteEdit().catch(toStudioError) : undefined;
      if (!isOld) current.value = answer;
    }, REST_MS);
    return () => {
      isOld = true;
      clearTimeout(timer);
    };
  });
}
