import { signal } from "@preact/signals";
import { request } from "../api/client.ts";
import { StudioError, toStudioError } from "../api/errors.ts";
import { EditDocument, type EditImagesInput } from "../generated/graphql.ts";
import { followAnswer, type Job, newIdempotencyKey } from "../state/generations.ts";
import { toMaskFile } from "./painting/mask.ts";
import { mask, shown } from "./painting/tools.ts";
import { effectiveInput, hasMask, prompt, settings } from "./settings.ts";
import { MAX_FILE_BYTES, type Source, sources } from "./sources/sources.ts";
import { NO_SPACE, withSpace } from "./sources/space.ts";

/** An edit that was accepted, and the picture that it began with. */
export interface SentEdit {
  readonly job: Job;
  readonly before: Source;
}

/** The last edit of this tab. */
export const sent = signal<SentEdit | undefined>(undefined);
/** Whether one is on its way to the gateway. */
export const isSending = signal(false);
/** Why the last one was not accepted; `undefined` if it was, or was corrected since. */
export const sendFailure = signal<StudioError | undefined>(undefined);

/** Sends the edit. A repeated request is not paid twice. */
export async function sendEdit(): Promise<void> {
  const [before] = sources.value;
  if (!before || isSending.value) return;
  isSending.value = true;
  sendFailure.value = undefined;
  try {
    const { input, files } = await toRequest();
    const hasFiles = Object.keys(files).length > 0;
    const options = hasFiles ? { files } : { outlivesPage: true };
    const job = await followAnswer(
      async () => (await request(EditDocument, { input }, options)).editImages,
      input.partialImages ?? 0,
    );
    sent.value = { job, before };
    shown.value = "result";
  } catch (error) {
    sendFailure.value = toStudioError(error);
  } finally {
    isSending.value = false;
  }
}

async function toRequest(): Promise<{ input: EditImagesInput; files: Record<string, Blob> }> {
  const files: Record<string, Blob> = {};
  const asFile = (path: string, file: Blob) => {
    if (file.size >= MAX_FILE_BYTES) throw new StudioError("PAYLOAD_TOO_LARGE");
    files[`variables.input.${path}.upload`] = file;
    return { upload: null };
  };
  const { space } = settings.value;
  const isSpaced = space !== NO_SPACE;
  const images = await Promise.all(
    sources.value.map(async (source, index) => {
      const { imageId, file } = source;
      if (index === 0 && isSpaced) return asFile("images.0", await withSpace(source, space));
      return file ? asFile(`images.${index}`, file) : { id: imageId ?? null };
    }),
  );
  const painted = hasMask.value && mask.value ? await toMaskFile(mask.value, space) : undefined;
  const input = {
    ...effectiveInput.value,
    prompt: prompt.value.trim(),
    images,
    ...(painted && { mask: asFile("mask", painted) }),
    idempotencyKey: newIdempotencyKey(),
    waitSeconds: 0,
  };
  return { input, files };
}
