import { type ChildProcessByStdio, spawn } from "node:child_process";
import { tmpdir } from "node:os";
import type { Readable, Writable } from "node:stream";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";

/** The program that `npx pictograph` runs. */
export const MAIN = fileURLToPath(new URL("../../../dist/main.js", import.meta.url));
/** A command that takes longer than this counts as hanging. */
const EXIT_TIMEOUT_MS = 90_000;

export interface CommandOptions {
  /** The whole environment but for PATH. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** What the command reads on stdin. */
  readonly input?: string;
  /** Closes stdout after its first chunk, as `head -1` does. */
  readonly readsOnce?: boolean;
  /** The time limit in milliseconds. @defaultValue 90000 */
  readonly timeoutMs?: number;
  /** Called while the command runs. */
  readonly meanwhile?: (process: RunningCommand) => Promise<void>;
}

export interface RunningCommand {
  signal(name: NodeJS.Signals): void;
  /** Resolves when stdout has this text. */
  hasPrinted(text: string): Promise<void>;
}

export interface CommandResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** The lines of stdout. */
  readonly lines: readonly string[];
}

/** Runs `pictograph` with these arguments in its own process, without a terminal. */
export async function runCommand(parameters: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
  const { env = {}, cwd = tmpdir(), input, readsOnce = false, timeoutMs = EXIT_TIMEOUT_MS, meanwhile } = options;
  const child = spawn(process.execPath, [MAIN, ...parameters], {
    cwd,
    env: { PATH: process.env.PATH ?? "", ...env },
    stdio: ["pipe", "pipe", "pipe"],
  });
  const timer = setTimeout(() => child.kill("SIGKILL"), timeoutMs);
  child.stdin.on("error", () => {});
  child.stdin.end(input ?? "");
  const printed = collect(child, readsOnce);
  const exited = new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  const [stderr, code] = await Promise.all([
    text(child.stderr),
    exited,
    meanwhile?.({ signal: (name) => void child.kill(name), hasPrinted: printed.has }),
  ]);
  clearTimeout(timer);
  const stdout = printed.text();
  return { code, stdout, stderr, lines: stdout.split("\n").filter(Boolean) };
}

function collect({ stdout }: ChildProcessByStdio<Writable, Readable, Readable>, readsOnce: boolean) {
  let all = "";
  const waiting = new Set<() => void>();
  stdout.setEncoding("utf8").on("data", (piece: string) => {
    all += piece;
    for (const check of waiting) check();
    if (readsOnce) stdout.destroy();
  });
  const has = (expected: string) =>
    new Promise<void>((resolve) => {
      const check = () => {
        if (all.includes(expected)) resolve();
      };
      waiting.add(check);
      check();
    });
  return { text: () => all, has };
}
