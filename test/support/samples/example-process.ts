import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";

export interface ExampleProcess {
  /** The line it printed when it was ready. */
  readonly url: string;
  /** Sends SIGTERM and waits for the exit. @throws Error if it does not exit with code 0 within 20 s */
  stop(): Promise<void>;
}

/** Runs a file in `examples/` as its readers do, in an empty directory. */
export async function startExample(name: string): Promise<ExampleProcess> {
  const directory = await mkdtemp(join(tmpdir(), "pictograph-example-"));
  const file = fileURLToPath(new URL(`../../../examples/${name}.ts`, import.meta.url));
  const child = spawn(process.execPath, [file], {
    cwd: directory,
    env: { PATH: process.env.PATH ?? "", PORT: "0" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const exited = once(child, "exit");
  const complaints = text(child.stderr);
  const stop = async () => {
    child.kill("SIGTERM");
    const timer = setTimeout(() => child.kill("SIGKILL"), 20_000);
    const [code, signal] = await exited;
    clearTimeout(timer);
    await rm(directory, { recursive: true, force: true });
    if (code !== 0) throw new Error(`${name} ended with ${signal ?? code}:\n${await complaints}`);
  };
  for await (const line of createInterface({ input: child.stdout })) {
    if (line.startsWith("http://")) return { url: line, stop };
  }
  await stop();
  throw new Error(`${name} ended before it was ready:\n${await complaints}`);
}
