import { effect, signal, untracked } from "@preact/signals";
import { request } from "../../api/client.ts";
import { type RunningGenerationFragment, RunningGenerationsDocument } from "../../generated/graphql.ts";
import { jobs } from "../../state/generations.ts";

export type RunningGeneration = RunningGenerationFragment;

/** How long the list rests between two questions: a busy gateway changes it many times a second. */
const REST_MS = 300;

/** What runs and what waits, of every project that the caller sees. Those that run come first. */
export const running = signal<readonly RunningGeneration[]>([]);

async function load(): Promise<void> {
  const { running: started, queued } = await request(RunningGenerationsDocument, {});
  running.value = [...started.nodes, ...queued.nodes];
}

/** Keeps the list up to date, whenever an event says that something changed. Returns what ends this. */
export function followRunning(): () => void {
  return effect(() => {
    for (const { generation } of jobs.value) void [generation.value.status, generation.value.images.length];
    const timer = setTimeout(() => untracked(() => void load().catch(() => {})), REST_MS);
    return () => clearTimeout(timer);
  });
}
