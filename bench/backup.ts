import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout as delay } from "node:timers/promises";
import { fillStore } from "../test/support/stores/filled-store.ts";
import { mib, ms, type Row } from "./row.ts";

const IMAGES = 10_000;
/** The point at which the first backup is killed. */
const CUT_AT = IMAGES / 2;
const MAIN = join(import.meta.dirname, "../dist/main.js");
const WATCH_MS = 20;
/** Without one, the commands say that the backup has none. */
const SIGNING_SECRET = "a-signing-secret";

/** Measures how long backups and restores of 10,000 small images take, and how much a killed backup repeats. */
export async function measure(): Promise<Row[]> {
  const root = await mkdtemp(join(tmpdir(), "pictograph-bench-"));
  const [dataDir, backup, restored] = ["data", "backup", "restored"].map((name) => join(root, name)) as [
    string,
    string,
    string,
  ];
  try {
    await fillStore(dataDir, IMAGES);
    const cut = await run(["backup", backup], dataDir, async () => (await imageCount(backup)) >= CUT_AT);
    const rest = await run(["backup", backup, "--json"], dataDir);
    const { copied, present } = JSON.parse(rest.stdout);
    const nothingNew = await run(["backup", backup, "--json"], dataDir);
    const whole = await run(["restore", backup], restored);
    const comparedWith = `${IMAGES} generations, of which a tenth has an original besides`;
    const row = (figure: string, measured: string, target = "none"): Row => ({
      figure,
      measured,
      target,
      comparedWith,
    });
    return [
      row("backup, killed in the middle", ms(cut.tookMs)),
      row("the same, run again", `${ms(rest.tookMs)}, ${present} files kept, ${copied} copied`, "goes on"),
      row("the next backup, nothing new", `${ms(nothingNew.tookMs)}, ${mib(nothingNew.peakBytes)} at most`),
      row("restore into a directory", `${ms(whole.tookMs)}, ${mib(whole.peakBytes)} at most`),
    ];
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

/** Runs a command, and kills it when the condition holds. */
async function run(parameters: readonly string[], dataDir: string, isOver = async () => false) {
  const startedAt = performance.now();
  const child = spawn(process.execPath, [MAIN, ...parameters], {
    env: { PATH: process.env.PATH ?? "", PICTOGRAPH_DATA_DIR: dataDir, PICTOGRAPH_SIGNING_SECRET: SIGNING_SECRET },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exited = once(child, "close");
  const printed = text(child.stdout);
  let peakBytes = 0;
  while (child.exitCode === null && child.signalCode === null) {
    peakBytes = Math.max(peakBytes, await residentBytes(child.pid));
    if (await isOver()) child.kill("SIGKILL");
    await delay(WATCH_MS);
  }
  await exited;
  return { tookMs: performance.now() - startedAt, peakBytes, stdout: await printed };
}

/** The peak memory of a process so far. Only Linux reports it. */
async function residentBytes(processId: number | undefined): Promise<number> {
  const status = await readFile(`/proc/${processId}/status`, "utf8").catch(() => "");
  return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1] ?? 0) * 1024;
}

async function imageCount(backup: string): Promise<number> {
  return (await readdir(join(backup, "images")).catch(() => [])).length;
}
