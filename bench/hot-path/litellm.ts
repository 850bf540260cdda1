import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Measured } from "../processes/measured-process.ts";
import { processorTimeOf } from "../processes/processor-time.ts";
import { MODEL, PROVIDER_KEY } from "./pictures.ts";

/** The folder of a Python environment that has the package `litellm[proxy]`. */
const { PICTOGRAPH_BENCH_LITELLM: folder } = process.env;
/** It needs no key from its clients, and downloads no price list. */
const SETTINGS = {
  LITELLM_LOCAL_MODEL_COST_MAP: "True",
  LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY: "true",
  LITELLM_LOG: "ERROR",
};
/** How long LiteLLM may take to start. */
const START_MS = 120_000;

/**
 * Starts LiteLLM's proxy in front of the provider. Its processor time and memory come from the kernel, so it is
 * measured only on Linux.
 * @returns `undefined` if no environment is named
 */
export async function startLiteLLM(providerUrl: string): Promise<Measured | undefined> {
  if (folder === undefined || process.platform !== "linux") return undefined;
  const directory = await mkdtemp(join(tmpdir(), "pictograph-bench-"));
  const config = join(directory, "config.yaml");
  const parameters = { model: `openai/${MODEL}`, api_base: `${providerUrl}/v1`, api_key: PROVIDER_KEY };
  // JSON is YAML too.
  await writeFile(config, JSON.stringify({ model_list: [{ model_name: MODEL, litellm_params: parameters }] }));
  const port = await freePort();
  const { PATH = "", HOME = "" } = process.env;
  const child = spawn(
    join(folder, "bin/python"),
    [join(folder, "bin/litellm"), "--config", config, "--host", "127.0.0.1", "--port", String(port)],
    {
      env: { PATH, HOME, ...SETTINGS },
      stdio: ["ignore", "ignore", "inherit"],
    },
  );
  const stop = async () => {
    const exited = child.exitCode === null ? once(child, "exit") : undefined;
    child.kill("SIGKILL");
    await exited;
    await rm(directory, { recursive: true, force: true });
  };
  const url = `http://127.0.0.1:${port}`;
  try {
    await untilReady(`${url}/health/liveliness`, child);
  } catch (error) {
    await stop();
    throw error;
  }
  return { url, vitals: () => vitalsOf(child.pid ?? 0), stop };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("a server has no port");
  return address.port;
}

async function untilReady(url: string, child: ChildProcess): Promise<void> {
  const giveUpAt = performance.now() + START_MS;
  while (child.exitCode === null && performance.now() < giveUpAt) {
    const response = await fetch(url).catch(() => undefined);
    if (response?.ok) return;
    await delay(500);
  }
  throw new Error("LiteLLM did not start");
}

async function vitalsOf(pid: number) {
  const status = await readFile(`/proc/${pid}/status`, "latin1");
  const [, peakKilobytes] = /^VmHWM:\s*(\d+)/m.exec(status) ?? [];
  return { cpuMs: await processorTimeOf(pid), peakBytes: Number(peakKilobytes) * 1024 };
}
