import { computed, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import { follow, request } from "../api/client.ts";
import { toStudioError } from "../api/errors.ts";
import {
  CancelDocument,
  FollowDocument,
  type FollowSubscription,
  GenerateDocument,
  type GenerateImagesInput,
  type JobFragment,
  type PictureFragment,
  UnfinishedDocument,
} from "../generated/graphql.ts";

export type Picture = PictureFragment;
export type Generation = JobFragment;

/** The newest preview of an image that is not ready. */
export interface Preview {
  readonly url: string;
  /** From 0; a higher one shows more. */
  readonly partialIndex: number;
}

/** A generation that this page follows, or followed until it ended. */
export interface Job {
  readonly id: string;
  readonly generation: Signal<Generation>;
  /** By the index of the image. */
  readonly previews: Signal<ReadonlyMap<number, Preview>>;
  /** How many previews of each image were asked for; 0 if that is not known. */
  readonly partialImages: number;
}

/** Never aborts: the stream of a generation ends with it. */
const UNTIL_THE_END = new AbortController().signal;

const followed = signal<ReadonlyMap<string, Job>>(new Map());

/** The generations on top of the wall, newest first: those that run, and those that failed until they are dismissed. */
export const jobs: ReadonlySignal<readonly Job[]> = computed(() =>
  [...followed.value.values()].sort((one, other) => (one.id < other.id ? 1 : -1)),
);

type Listener = (generation: Generation) => void;
const listeners = new Set<Listener>();

/** Calls back when a generation has ended with images, so that a list of pictures can show them. */
export function onFinished(listener: Listener): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function isRunning({ status }: Pick<Generation, "status">): boolean {
  return status === "QUEUED" || status === "RUNNING";
}

/**
 * Sends a generation and follows it. The request goes on when the page is closed, and a repeated one is not paid twice.
 *
 * @throws StudioError when the gateway does not accept it
 */
export async function generate(input: GenerateImagesInput): Promise<Job> {
  const { generateImages } = await repeatWhileOffline(() =>
    request(GenerateDocument, { input: { ...input, waitSeconds: 0 } }, { outlivesPage: true }),
  );
  return watch(generateImages, input.partialImages ?? 0);
}

export async function cancel(id: string): Promise<void> {
  const { cancelGeneration } = await request(CancelDocument, { id });
  const job = followed.value.get(id);
  if (job) update(job, cancelGeneration);
}

/** Takes a generation off the top of the wall. */
export function dismiss(id: string): void {
  const rest = new Map(followed.value);
  rest.delete(id);
  followed.value = rest;
}

/** Follows everything that runs now: another tab, or this one before it was closed, may have sent it. */
export async function resumeUnfinished(): Promise<void> {
  const { queued, running } = await request(UnfinishedDocument, {});
  for (const generation of [...queued.nodes, ...running.nodes]) watch(generation, 0);
}

/** Follows a generation that the gateway has accepted. */
export function watch(generation: Generation, partialImages: number): Job {
  const known = followed.value.get(generation.id);
  if (known) return known;
  const job: Job = { id: generation.id, generation: signal(generation), previews: signal(new Map()), partialImages };
  followed.value = new Map([...followed.value, [job.id, job]]);
  if (isRunning(generation)) {
    follow(FollowDocument, { id: job.id }, UNTIL_THE_END, (event) => apply(job, event.generationEvents)).catch(
      (error) => {
        if (toStudioError(error).code === "NOT_FOUND") dismiss(job.id);
      },
    );
  } else {
    update(job, generation);
  }
  return job;
}

function apply(job: Job, event: FollowSubscription["generationEvents"]): void {
  switch (event.__typename) {
    case "GenerationStatusChanged":
      update(job, event.generation);
      return;
    case "PartialImageReady": {
      const { imageIndex, partialIndex, url } = event;
      job.previews.value = new Map(job.previews.value).set(imageIndex, { url, partialIndex });
      return;
    }
    case "ImageReady": {
      const { generation } = job;
      const others = generation.value.images.filter(({ id }) => id !== event.image.id);
      const images = [...others, event.image].sort((one, other) => one.index - other.index);
      generation.value = { ...generation.value, images };
    }
  }
}

function update(job: Job, generation: Generation): void {
  job.generation.value = generation;
  if (isRunning(generation)) return;
  if (generation.images.length > 0) for (const listener of listeners) listener(generation);
  if (generation.status !== "FAILED") dismiss(job.id);
}

/** The gateway may restart in the middle. The idempotency key of the input makes the repetition safe. */
async function repeatWhileOffline<Answer>(send: () => Promise<Answer>): Promise<Answer> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await send();
    } catch (error) {
      if (toStudioError(error).code !== "OFFLINE" || attempt === MAX_ATTEMPTS) throw error;
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS * attempt));
    }
  }
}

/** Together half a minute: a gateway restarts in a few seconds. */
const MAX_ATTEMPTS = 8;
const RETRY_MS = 1000;
