import { type ChildProcess, spawn } from "node:child_process";
import { tmpdir } from "node:os";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";

const MAIN = fileURLToPath(new URL("../../../dist/main.js", import.meta.url));
const EXIT_TIMEOUT_MS = 20_000;

export interface MainOptions {
  /** The whole environment but for PATH. */
  readonly env: Readonly<Record<string, string>>;
  /** A command that gets the service's command as its last arguments: `["nice", "-n", "5"]`. */
  readonly through?: readonly string[];
  /** Called while the service runs. */
  readonly meanwhile?: (processId: number) => Promise<void>;
}

export interface MainResult {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the service where it is expected to exit by itself, and returns its output. It is killed after 20 s. */
export async function runMain({ env, through = [], meanwhile }: MainOptions): Promise<MainResult> {
  const [command = "", ...parameters] = [...through, process.execPath, MAIN];
  const child = spawn(command, parameters, {
    cwd: tmpdir(),
    env: { PATH: process.env.PATH ?? "", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const timer = setTimeout(() => child.kill("SIGKILL"), EXIT_TIMEOUT_MS);
  const exit = exitOf(child);
  if (child.pid !== undefined) await meanwhile?.(child.pid);
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  const [code, signal] = await exit;
  clearTimeout(timer);
  return { code, signal, stdout, stderr };
}

function exitOf(child: ChildProcess): Promise<[number | null, NodeJS.Signals | null]> {
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => resolve([code, signal]));
  });
}
