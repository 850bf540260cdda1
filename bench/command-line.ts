import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { GATEWAY, MeasuredProcess } from "./processes/measured-process.ts";
import { median, ms, type Row } from "./row.ts";

const MAIN = fileURLToPath(new URL("../dist/main.js", import.meta.url));
const RUNS = 11;

interface Subject {
  readonly figure: string;
  readonly command: string;
  readonly parameters: readonly string[];
}

/** Measures how long commands take until the first byte that they print. */
export async function measure(): Promise<Row[]> {
  const gateway = await MeasuredProcess.start(GATEWAY);
  const directory = await mkdtemp(join(tmpdir(), "pictograph-bench-"));
  const node = (figure: string, ...parameters: string[]) => ({ figure, command: process.execPath, parameters });
  const inTerminal = `"${process.execPath}" "${MAIN}" generate "a red fox" --size 64x64`;
  const subjects: Subject[] = [
    node("pictograph --help", MAIN, "--help"),
    node("pictograph generate --help", MAIN, "generate", "--help"),
    node("pictograph models, with what the gateway answers", MAIN, "models"),
    {
      figure: "pictograph generate in a terminal: its progress",
      command: "script",
      parameters: ["--quiet", "--return", "--command", inTerminal, "/dev/null"],
    },
    node("a program of one line", "--eval", "console.log('')"),
  ];
  const times = subjects.map((): number[] => []);
  try {
    for (let run = 0; run <= RUNS; run++) {
      for (const [index, subject] of subjects.entries()) {
        const tookMs = await firstOutputMs(subject, gateway.url, directory);
        if (run > 0) times[index]?.push(tookMs);
      }
    }
  } finally {
    await gateway.stop();
    await rm(directory, { recursive: true });
  }
  const [least = []] = times.splice(-1);
  return times.map((list, index) => ({
    figure: `first output of ${subjects[index]?.figure}, median of ${RUNS}`,
    measured: ms(median(list)),
    target: "300 ms",
    comparedWith: `${subjects.at(-1)?.figure} ${ms(median(least))}`,
  }));
}

async function firstOutputMs({ command, parameters }: Subject, url: string, directory: string): Promise<number> {
  const startedAt = performance.now();
  const child = spawn(command, parameters, {
    cwd: directory,
    env: { PATH: process.env.PATH ?? "", TERM: "xterm-256color", PICTOGRAPH_URL: url },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exited = once(child, "exit");
  await once(child.stdout, "data");
  const tookMs = performance.now() - startedAt;
  child.stdout.resume();
  await exited;
  return tookMs;
}
