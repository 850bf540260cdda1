import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { assembleImageTree, canEnterImageTree, imageCommand } from "../test/support/processes/image-tree.ts";
import { GATEWAY, GATEWAY_ENVIRONMENT } from "./processes/measured-process.ts";
import { median, ms, type Row } from "./row.ts";

const BARE = [fileURLToPath(new URL("./servers/bare-server.ts", import.meta.url))];
const STARTS = 7;
/** Linux counts processor time in these. */
const CLOCK_TICK_MS = 10;

/** A program that prints a line with its URL once it can take traffic. */
interface Program {
  readonly command: string;
  readonly parameters: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

interface Start {
  /** Until `/readyz` was answered. */
  readonly readyMs: number;
  /** Processor time of the process until then. */
  readonly cpuMs: number;
}

/** Measures how long fresh starts take until a gateway can take traffic. */
export async function measure(): Promise<Row[]> {
  const tree = await mkdtemp(join(tmpdir(), "pictograph-bench-"));
  try {
    const hasImage = await canEnterImageTree();
    if (hasImage) await assembleImageTree(tree);
    const [gateway, image, bare]: [Start[], Start[], Start[]] = [[], [], []];
    for (let start = 0; start <= STARTS; start++) {
      const round = [
        await startOnce(async () => ({ command: process.execPath, parameters: GATEWAY, env: GATEWAY_ENVIRONMENT })),
        await startOnce(async () => ({ command: process.execPath, parameters: BARE })),
        hasImage ? await startOnce((data) => imageCommand(tree, data)) : { readyMs: Number.NaN, cpuMs: Number.NaN },
      ] as const;
      // The first round brings the files into memory.
      if (start === 0) continue;
      for (const [index, list] of [gateway, bare, image].entries()) list.push(round[index] as Start);
    }
    const comparedWith = `Apollo Server on Express ${textOf(bare)}`;
    const row = (figure: string, starts: readonly Start[]) => ({
      figure: `ready ${figure}, median of ${STARTS}`,
      measured: textOf(starts),
      target: "1000 ms",
      comparedWith,
    });
    return [
      row("as npm start", gateway),
      hasImage
        ? row("from the image's files, read-only and as its user", image)
        : { ...row("from the image's files", image), measured: "not measured: needs root, unshare and setpriv" },
    ];
  } finally {
    await rm(tree, { recursive: true, force: true });
  }
}

/** Starts a program with an empty data directory, and stops it once it is ready. */
async function startOnce(programFor: (dataDirectory: string) => Promise<Program>): Promise<Start> {
  const directory = await mkdtemp(join(tmpdir(), "pictograph-bench-"));
  const { command, parameters, env } = await programFor(directory);
  const { PATH = "", HOME = "" } = process.env;
  const startedAt = performance.now();
  const child = spawn(command, parameters, {
    env: { PATH, HOME, PORT: "0", PICTOGRAPH_DATA_DIR: directory, LOG_LEVEL: "warn", ...env },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exited = once(child, "exit");
  try {
    for await (const line of createInterface({ input: child.stdout })) {
      const [url] = /http:\/\/[a-z0-9.:]+/.exec(line) ?? [];
      if (url === undefined) continue;
      await (await fetch(`${url}/readyz`)).text();
      return { readyMs: performance.now() - startedAt, cpuMs: await cpuMsOf(child.pid) };
    }
    throw new Error(`${command} ended before it was ready`);
  } finally {
    child.kill("SIGTERM");
    await exited;
    await rm(directory, { recursive: true, force: true });
  }
}

/** The processor time of a process so far. Only Linux reports it. */
async function cpuMsOf(processId: number | undefined): Promise<number> {
  const stat = await readFile(`/proc/${processId}/stat`, "utf8").catch(() => "");
  const [user, system] = stat
    .slice(stat.lastIndexOf(")") + 2)
    .split(" ")
    .slice(11, 13);
  return (Number(user) + Number(system)) * CLOCK_TICK_MS;
}

function textOf(starts: readonly Start[]): string {
  const cpu = median(starts.map(({ cpuMs }) => cpuMs));
  return `${ms(median(starts.map(({ readyMs }) => readyMs)))}, ${ms(cpu)} of CPU`;
}
