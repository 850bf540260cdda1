import { readFile } from "node:fs/promises";
import { get } from "node:http";
import { setTimeout } from "node:timers/promises";
import { parentPort, workerData } from "node:worker_threads";

/** Measurements of a gateway since the last report. */
export interface Observation {
  /** The most memory that its process and their children held at once, in bytes. */
  readonly peakBytes: number;
  /** The memory that they hold now. 0 if the process has exited. */
  readonly currentBytes: number;
  /** The longest time that `/healthz` took, in milliseconds. */
  readonly slowestHealthMs: number;
}

export interface Observed {
  readonly url: string;
  readonly processId: number;
  /** The process is killed above this, in bytes. */
  readonly maxBytes: number;
}

const PAUSE_MS = 50;
const PAGE_BYTES = 4096;

// It runs in its own thread: the attack keeps its thread busy, which would look like a slow gateway.
if (parentPort) observe(parentPort, workerData as Observed);

function observe(port: NonNullable<typeof parentPort>, { url, processId, maxBytes }: Observed): void {
  let peakBytes = 0;
  let currentBytes = 0;
  let slowestHealthMs = 0;
  let askedAt: number | undefined;

  const measure = async () => {
    currentBytes = await memoryOf(processId);
    peakBytes = Math.max(peakBytes, currentBytes);
  };
  const watchMemory = async () => {
    for (;;) {
      await measure();
      if (currentBytes > maxBytes) process.kill(processId, "SIGKILL");
      await setTimeout(PAUSE_MS);
    }
  };
  const watchHealth = async () => {
    for (;;) {
      askedAt = performance.now();
      await isHealthy(url);
      slowestHealthMs = Math.max(slowestHealthMs, performance.now() - askedAt);
      askedAt = undefined;
      await setTimeout(PAUSE_MS);
    }
  };
  void watchMemory();
  void watchHealth();
  port.on("message", async () => {
    await measure();
    const waitingMs = askedAt === undefined ? 0 : performance.now() - askedAt;
    const report: Observation = { peakBytes, currentBytes, slowestHealthMs: Math.max(slowestHealthMs, waitingMs) };
    port.postMessage(report);
  });
}

/** Resident memory of a process and its children, in bytes. */
async function memoryOf(processId: number): Promise<number> {
  try {
    const [, pages = "0"] = (await readFile(`/proc/${processId}/statm`, "utf8")).split(" ");
    const children = (await readFile(`/proc/${processId}/task/${processId}/children`, "utf8"))
      .split(" ")
      .filter(Boolean);
    const theirs = await Promise.all(children.map((child) => memoryOf(Number(child))));
    return theirs.reduce((sum, bytes) => sum + bytes, Number(pages) * PAGE_BYTES);
  } catch {
    return 0;
  }
}

function isHealthy(url: string): Promise<boolean> {
  return new Promise((resolve) => {
    get(`${url}/healthz`, { agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    }).on("error", () => resolve(false));
  });
}
