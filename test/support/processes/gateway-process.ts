import { type ChildProcessByStdio, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";

const MAIN = fileURLToPath(new URL("../../../dist/main.js", import.meta.url));
/** `npm start` compiles before it starts. */
const START_TIMEOUT_MS = 60_000;
/** The longest time that the service promises to take from SIGTERM to its exit. */
const STOP_TIMEOUT_MS = 30_000;

export interface GatewayProcessOptions {
  /**
   * The whole configuration. Of the tests' environment the process gets only PATH and HOME. PORT is 0 and
   * PICTOGRAPH_DATA_DIR a temporary directory unless set here.
   */
  readonly env?: Readonly<Record<string, string>>;
  /** Flags for Node, such as `--max-old-space-size=512`; npm sets its own. */
  readonly nodeFlags?: readonly string[];
  /** Kills the process during its start, as a crash would: the start then fails. */
  readonly signal?: AbortSignal;
  /**
   * Starts the service with `npm start` in this copy of the project, in its own process group. Every signal goes to the
   * whole group, as Ctrl-C does in a terminal, and npm forwards it to the gateway a second time.
   * @defaultValue `dist/main.js` is started without npm
   */
  readonly project?: string;
}

export interface GatewayExit {
  /** `null` when a signal ended the process. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** The service as users run it: a real process with its socket, signals and output. */
export interface GatewayProcess extends AsyncDisposable {
  /** The URL in the ready line, without a trailing slash. */
  readonly url: string;
  readonly processId: number;
  readonly dataDirectory: string;
  /** Every line of stdout so far; it grows while the process runs. */
  readonly lines: readonly string[];
  /** Everything on stderr so far. */
  readonly stderr: string;
  /** Resolves when the process has exited and its output is complete. Never rejects. */
  readonly exited: Promise<GatewayExit>;
  /** The first line of stdout, past or future, that matches. Rejects when the process exits without it. */
  waitForLine(matches: (line: string) => boolean): Promise<string>;
  /**
   * Sends SIGTERM and waits for the exit, which must come within 30 s with code 0. A hook that calls this needs a
   * longer timeout. Then removes the temporary directory. After `kill` it only removes the directory.
   * @throws Error with the output of the process if it exits otherwise, or had already exited by itself
   */
  stop(): Promise<void>;
  /** Sends a signal. Returns whether the process still existed. */
  signal(name: NodeJS.Signals): boolean;
  /**
   * Sends SIGKILL, as a crash would. A temporary data directory stays until `stop`, so that another process can start
   * on it.
   */
  kill(): Promise<void>;
}

/**
 * Starts the service on a free port and waits for its ready line.
 * @throws Error with the output of the process if it exits first, or is not ready within 60 s
 */
export async function startGatewayProcess(options: GatewayProcessOptions = {}): Promise<GatewayProcess> {
  const { env = {}, nodeFlags = [], signal, project } = options;
  const temporary = await mkdtemp(join(tmpdir(), "pictograph-"));
  const removeTemporary = () => rm(temporary, { recursive: true, force: true });
  const dataDirectory = env.PICTOGRAPH_DATA_DIR ?? join(temporary, "data");
  const { PATH = "", HOME = temporary } = process.env;
  const direct = [process.execPath, [...nodeFlags, MAIN]] as const;
  const [command, parameters] = project === undefined ? direct : ["npm", ["start"]];
  const child = spawn(command, parameters, {
    cwd: project ?? temporary,
    detached: project !== undefined,
    env: { PATH, HOME, PORT: "0", PICTOGRAPH_DATA_DIR: dataDirectory, ...env },
    stdio: ["ignore", "pipe", "pipe"],
    ...(signal && { signal, killSignal: "SIGKILL" }),
  });
  const output = new ProcessOutput(child);
  const send = (name: NodeJS.Signals) =>
    project === undefined ? child.kill(name) : signalGroup(child.pid as number, name);

  let url: string | undefined;
  const startTimer = setTimeout(send, START_TIMEOUT_MS, "SIGKILL");
  try {
    url = readyOrigin(await output.waitForLine((line) => readyOrigin(line) !== undefined));
  } catch {
    await removeTemporary();
    throw output.toError(`the gateway exited before it was ready, or was not within ${START_TIMEOUT_MS} ms`);
  } finally {
    clearTimeout(startTimer);
  }

  let isKilled = false;
  let stopping: Promise<void> | undefined;

  async function terminate(): Promise<void> {
    const hadExited = !isKilled && !send("SIGTERM");
    const stopTimer = setTimeout(send, STOP_TIMEOUT_MS, "SIGKILL");
    const { code } = await output.exited;
    clearTimeout(stopTimer);
    await removeTemporary();
    if (isKilled) return;
    if (hadExited) throw output.toError("the gateway exited before it was stopped");
    if (code !== 0)
      throw output.toError(`the gateway did not exit with code 0 within ${STOP_TIMEOUT_MS} ms of SIGTERM`);
  }

  const stop = () => {
    stopping ??= terminate();
    return stopping;
  };

  return {
    url: url as string,
    processId: child.pid as number,
    dataDirectory,
    lines: output.lines,
    get stderr() {
      return output.stderr;
    },
    exited: output.exited,
    waitForLine: (matches) => output.waitForLine(matches),
    signal: send,
    stop,
    async kill() {
      isKilled = send("SIGKILL");
      await output.exited;
    },
    [Symbol.asyncDispose]: stop,
  };
}

function signalGroup(groupId: number, name: NodeJS.Signals): boolean {
  try {
    return process.kill(-groupId, name);
  } catch {
    return false;
  }
}

/**
 * Reads the URL in a line such as `{"level":"info",…,"url":"http://127.0.0.1:41234","msg":"Pictograph is ready: …"}`.
 */
function readyOrigin(line: string): string | undefined {
  try {
    const { url, msg } = JSON.parse(line) as { url?: string; msg?: string };
    return url && msg && /\bready\b/i.test(msg) ? new URL(url).origin : undefined;
  } catch {
    return undefined;
  }
}

interface Waiter {
  matches(line: string): boolean;
  resolve(line: string): void;
}

class ProcessOutput {
  readonly lines: string[] = [];
  readonly exited: Promise<GatewayExit>;
  stderr = "";
  #exit: GatewayExit | undefined;
  readonly #waiters = new Set<Waiter>();

  constructor(child: ChildProcessByStdio<null, Readable, Readable>) {
    createInterface({ input: child.stdout }).on("line", (line) => {
      this.lines.push(line);
      for (const waiter of this.#waiters) if (waiter.matches(line)) waiter.resolve(line);
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.stderr += text;
    });
    child.once("error", (error) => {
      this.stderr += error.message;
    });
    this.exited = new Promise((resolve) => {
      child.once("close", (code, signal) => {
        this.#exit = { code, signal };
        resolve(this.#exit);
      });
    });
  }

  async waitForLine(matches: (line: string) => boolean): Promise<string> {
    const past = this.lines.find(matches);
    if (past !== undefined) return past;
    const { promise, resolve } = Promise.withResolvers<string>();
    const waiter: Waiter = { matches, resolve };
    this.#waiters.add(waiter);
    try {
      const line = await Promise.race([promise, this.exited.then(() => undefined)]);
      if (line === undefined) throw this.toError("the gateway exited without the awaited line");
      return line;
    } finally {
      this.#waiters.delete(waiter);
    }
  }

  toError(message: string): Error {
    const { code, signal } = this.#exit ?? {};
    const stdout = this.lines.slice(-20).join("\n");
    return new Error(
      `${message}: ${signal ?? `exit code ${code}`}\nstderr:\n${this.stderr}\nend of stdout:\n${stdout}`,
    );
  }
}
