import { loadGateway, viewer } from "../state/gateway.ts";
import { followGenerations } from "../state/generations.ts";

let following = new AbortController();

/** Asks who calls, and follows what runs. Called again with another key, it starts anew. */
export async function start(): Promise<void> {
  await loadGateway();
  if (!viewer.value) return;
  following.abort();
  following = new AbortController();
  followGenerations(following.signal).catch(() => {});
}
