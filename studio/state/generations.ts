import { computed, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import { follow, request } from "../api/client.ts";
import { toStudioError } from "../api/errors.ts";
import {
  CancelDocument,
  EventsDocument,
  type EventsSubscription,
  GenerateDocument,
  type GenerateImagesInput,
  GenerationDocument,
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
  readonly partialImages: Signal<number>;
}

/** A busy gateway may run hundreds. The newest are shown; the others come when they are ready. */
const MAX_FOLLOWED = 24;

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
  const send = () => request(GenerateDocument, { input: { ...input, waitSeconds: 0 } }, { outlivesPage: true });
  return followAnswer(async () => (await send()).generateImages, input.partialImages ?? 0);
}

/**
 * Follows what a request starts. The request is repeated while the gateway is offline, so it needs an idempotency key.
 *
 * @param partialImages how many previews of each image it asks for
 * @throws StudioError when the gateway does not accept it
 */
export async function followAnswer(send: () => Promise<Generation>, partialImages: number): Promise<Job> {
  const job = watch(await repeatWhileOffline(send));
  job.partialImages.value = partialImages;
  // Its events may have come before its answer, or before the stream was open.
  void refresh(job).catch(() => {});
  return job;
}

export async function cancel(id: string): Promise<void> {
  const { cancelGeneration } = await request(CancelDocument, { id });
  const job = followed.value.get(id);
  if (job) update(job, cancelGeneration);
}

/**
 * Makes an idempotency key. `crypto.randomUUID` exists in secure contexts alone, and a gateway in the local network may be
 * none.
 */
export function newIdempotencyKey(): string {
  return `studio-${[...crypto.getRandomValues(new Uint32Array(4))].map((part) => part.toString(36)).join("")}`;
}

/** Takes a generation off the top of the wall. */
export function dismiss(id: string): void {
  const rest = new Map(followed.value);
  rest.delete(id);
  followed.value = rest;
}

/**
 * Follows all generations of the caller until the signal aborts: those of this page, of other tabs, and of programs. One
 * stream carries them all, because browsers open six connections to a gateway at most.
 *
 * @throws StudioError when the gateway refuses
 */
export function followGenerations(signal: AbortSignal): Promise<void> {
  return follow(
    EventsDocument,
    {},
    {
      signal,
      onOpen: () => void catchUp().catch(() => {}),
      onEvent: ({ generationEvents }) => apply(generationEvents),
    },
  );
}

/** Learns what happened while nobody listened: before the page was opened, and while the connection was broken. */
async function catchUp(): Promise<void> {
  const { queued, running } = await request(UnfinishedDocument, {});
  const unfinished = [...queued.nodes, ...running.nodes];
  for (const generation of unfinished) update(watch(generation), generation);
  const ids = new Set(unfinished.map(({ id }) => id));
  for (const job of followed.value.values()) {
    if (!ids.has(job.id) && isRunning(job.generation.value)) await refresh(job);
  }
}

async function refresh(job: Job): Promise<void> {
  const { generation } = await request(GenerationDocument, { id: job.id });
  if (generation) update(job, generation);
  else dismiss(job.id);
}

/** Puts a generation on top of the wall, unless it is there already. */
function watch(generation: Generation): Job {
  const known = followed.value.get(generation.id);
  if (known) return known;
  const { id } = generation;
  const job: Job = { id, generation: signal(generation), previews: signal(new Map()), partialImages: signal(0) };
  const newest = [...followed.value].slice(1 - MAX_FOLLOWED);
  followed.value = new Map([...newest, [id, job]]);
  return job;
}

function apply(event: EventsSubscription["generationEvents"]): void {
  const known = followed.value.get(event.generation.id);
  switch (event.__typename) {
    case "GenerationStatusChanged":
      if (known || isRunning(event.generation)) update(known ?? watch(event.generation), event.generation);
      else announce(event.generation);
      return;
    case "PartialImageReady": {
      if (!known) return;
      const { imageIndex, partialIndex, url } = event;
      known.previews.value = new Map(known.previews.value).set(imageIndex, { url, partialIndex });
      return;
    }
    case "ImageReady": {
      if (!known) return;
      const { generation } = known;
      generation.value = { ...generation.value, images: withImages(generation.value.images, [event.image]) };
    }
  }
}

/** Takes over a newer state. What has ended leaves the top of the wall, unless it failed. */
function update(job: Job, generation: Generation): void {
  const before = job.generation.value;
  // Answers and events overtake each other. A late answer takes nothing back.
  if (!isRunning(before)) return;
  if (isRunning(generation)) {
    const status = before.status === "RUNNING" ? before.status : generation.status;
    job.generation.value = { ...generation, status, images: withImages(before.images, generation.images) };
    return;
  }
  job.generation.value = generation;
  announce(generation);
  if (generation.status !== "FAILED") dismiss(job.id);
}

function withImages(before: readonly Picture[], added: readonly Picture[]): Picture[] {
  const byId = new Map([...before, ...added].map((picture) => [picture.id, picture]));
  return [...byId.values()].sort((one, other) => one.index - other.index);
}

function announce(generation: Generation): void {
  if (generation.images.length > 0) for (const listener of listeners) listener(generation);
}

/** The gateway may restart in the middle. The idempotency key of the input makes the repetition safe. */
async function repeatWhileOffline<Answer>(send: () => Promise<Answer>): Promise<Answer> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await send();
    } catch (error) {
      if (toStudioError(error).code !== "OFFLINE" || attempt === MAX_ATTEMPTS) throw error;
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }
}

/** Together half a minute: a gateway restarts in a few seconds. */
const MAX_ATTEMPTS = 30;
const RETRY_MS = 1000;
