import { projectId } from "../api/key.ts";
import { goTo, hrefOf } from "../router.ts";
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

/** Lets an admin work in a project: its pictures are on the wall, and its budgets pay. */
export async function enterProject(id: string): Promise<void> {
  projectId.value = id;
  goTo(hrefOf());
  await start();
}
