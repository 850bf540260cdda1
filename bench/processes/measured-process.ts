import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { rmSync } from "node:fs";
import { mkdtemp, opendir, readFile, truncate } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

/** The gateway, as `npm start` runs it: Node's flags and the script, and the environment. */
export const { command: GATEWAY, environment: GATEWAY_ENVIRONMENT } = await gatewayCommand();
const VITALS = fileURLToPath(new URL("./vitals.js", import.meta.url));

export interface Vitals {
  /** The longest time the event loop was blocked since the last reading; NaN if it is not watched. */
  readonly maxDelayMs: number;
  readonly residentBytes: number;
  /** The highest value since the start. */
  readonly peakBytes: number;
  /** Processor time of all threads since the start of the process, in the program and in the kernel. */
  readonly cpuMs: number;
}

/** A server in a process of its own whose processor time and memory can be read. */
export interface Measured {
  readonly url: string;
  vitals(): Promise<Pick<Vitals, "cpuMs" | "peakBytes">>;
  stop(): Promise<void>;
}

/** A server in a process of its own that prints a line containing its URL once it can take traffic. */
export class MeasuredProcess implements Measured {
  readonly url: string;
  /** From the start of the process to its ready line. */
  readonly readyMs: number;
  readonly #child: ChildProcess;
  readonly #directory: string;
  readonly #ended = new AbortController();

  private constructor(child: ChildProcess, directory: string, url: string, readyMs: number) {
    this.#child = child;
    this.#directory = directory;
    this.url = url;
    this.readyMs = readyMs;
    child.once("exit", (code, signal) => this.#ended.abort(new Error(`the process ended: ${signal ?? code}`)));
  }

  /**
   * @param isMonitored whether readings will be taken; costs some start-up time
   * @param environment settings beside a free port, an empty data directory and {@link GATEWAY_ENVIRONMENT}
   */
  static async start(
    command: readonly string[],
    { isMonitored = false, environment = {} }: { isMonitored?: boolean; environment?: Record<string, string> } = {},
  ): Promise<MeasuredProcess> {
    const directory = await mkdtemp(join(tmpdir(), "pictograph-bench-"));
    const { PATH = "", HOME = "" } = process.env;
    const own = { PORT: "0", PICTOGRAPH_DATA_DIR: directory, LOG_LEVEL: "warn" };
    const startedAt = performance.now();
    const child = spawn(process.execPath, [...(isMonitored ? ["--import", VITALS] : []), ...command], {
      env: { PATH, HOME, ...own, ...(command === GATEWAY && GATEWAY_ENVIRONMENT), ...environment },
      stdio: ["ignore", "pipe", "inherit", "ipc"],
    });
    if (!child.stdout) throw new Error("the process has no output");
    for await (const line of createInterface({ input: child.stdout })) {
      const [url] = /http:\/\/[a-z0-9.:]+/.exec(line) ?? [];
      if (!url) continue;
      // A process stops when the pipe for its log is full and is not read.
      setImmediate(() => child.stdout?.resume());
      return new MeasuredProcess(child, directory, url, performance.now() - startedAt);
    }
    throw new Error(`${command.join(" ")} ended before it was ready`);
  }

  vitals(): Promise<Vitals> {
    return this.#ask("vitals");
  }

  /** From now on, readings include how long the event loop was blocked. */
  async watchDelays(): Promise<void> {
    await this.#ask("watch delays");
  }

  async #ask(message: string): Promise<Vitals> {
    const answer = once(this.#child, "message", { signal: this.#ended.signal });
    this.#child.send(message);
    const [vitals] = await answer;
    return vitals as Vitals;
  }

  async stop(): Promise<void> {
    const exited = once(this.#child, "exit");
    this.#child.kill("SIGTERM");
    await exited;
    await emptyFiles(this.#directory);
    LEFT.push(this.#directory);
  }
}

/**
 * The directories of stopped processes, which are removed when the bench ends. A file system without a journal looks at
 * each file that was deleted in the last minutes before it makes a new one, which would slow down what is measured next.
 */
const LEFT: string[] = [];
process.once("exit", () => {
  for (const directory of LEFT) rmSync(directory, { recursive: true, force: true });
});

/** Gives back the space of the files. */
async function emptyFiles(directory: string): Promise<void> {
  for await (const entry of await opendir(directory, { recursive: true })) {
    if (entry.isFile()) await truncate(join(entry.parentPath, entry.name));
  }
}

async function gatewayCommand(): Promise<{ command: string[]; environment: Record<string, string> }> {
  const root = new URL("../../", import.meta.url);
  const { scripts } = JSON.parse(await readFile(new URL("package.json", root), "utf8")) as {
    readonly scripts: { readonly start: string };
  };
  const [, name, value, flags, script] = /exec env (\w+)=(\S+) node (--.+) (\S+)$/.exec(scripts.start) ?? [];
  if (!name || !value || !flags || !script) throw new Error("npm start does not end with the gateway's command");
  return { command: [...flags.split(" "), fileURLToPath(new URL(script, root))], environment: { [name]: value } };
}
