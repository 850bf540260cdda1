import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { describe, expect, test } from "@jest/globals";
import { pino } from "pino";
import type { JobQueue } from "../../../src/ports/job-queue.ts";
import { openPostgresStore } from "../../../src/wiring/postgres-store.ts";
import { startTcpProxy } from "../../support/network/tcp-proxy.ts";
import { usePostgres } from "../../support/stores/use-postgres.ts";

const postgres = usePostgres({ stopsServer: true });
const logger = pino({ enabled: false });
const JOBS = "SELECT key FROM graphile_worker._private_jobs";

/** Makes jobs wait until they are released, and reports those that begin. */
class HeldJobs {
  mostAtOnce = 0;
  readonly #running = new Map<string, () => void>();
  readonly #begun = new Set<string>();
  #changed = Promise.withResolvers<void>();

  readonly run = async (id: string): Promise<void> => {
    const mayEnd = Promise.withResolvers<void>();
    this.#running.set(id, mayEnd.resolve);
    this.#begun.add(id);
    this.mostAtOnce = Math.max(this.mostAtOnce, this.#running.size);
    this.#changed.resolve();
    this.#changed = Promise.withResolvers<void>();
    await mayEnd.promise;
    this.#running.delete(id);
  };

  async begins(id: string): Promise<void> {
    while (!this.#begun.has(id)) await this.#changed.promise;
  }

  end(id: string): void {
    this.#running.get(id)?.();
  }
}

describe("a queue whose database becomes unavailable and returns", () => {
  test("runs other jobs beside those still running, but never more than allowed", async () => {
    const url = await postgres.newDatabase();
    const store = await openPostgresStore({ url, concurrency: 2, logger });
    const jobs = new HeldJobs();
    await store.queue.start(jobs.run);
    await store.queue.enqueue("gen_1");
    await jobs.begins("gen_1");
    await postgres.server.stopServer();
    await postgres.server.startServer();
    for (const id of ["gen_2", "gen_3"]) await enqueueInTime(store.queue, id);
    await jobs.begins("gen_2");
    jobs.end("gen_2");
    await jobs.begins("gen_3");
    for (const id of ["gen_1", "gen_3"]) jobs.end(id);
    await store.queue.drain();

    expect(jobs.mostAtOnce).toBe(2);
    expect(await postgres.server.query(url, JOBS)).toEqual([]);
    await store.close();
  });

  test("delivers new jobs after its connections went silent", async () => {
    const proxy = await startTcpProxy(postgres.server.port);
    const direct = await postgres.newDatabase();
    const url = new URL(direct);
    url.port = String(proxy.port);
    const store = await openPostgresStore({ url: url.href, concurrency: 1, logger, answerTimeoutMs: 1000 });
    const other = await openPostgresStore({ url: direct, concurrency: 1, logger });
    const jobs = new HeldJobs();
    await store.queue.start(jobs.run);
    await other.queue.enqueue("gen_1");
    await jobs.begins("gen_1");
    jobs.end("gen_1");
    proxy.freeze();
    await other.queue.enqueue("gen_2");
    await jobs.begins("gen_2");
    jobs.end("gen_2");

    await Promise.all([store.close(), other.close()]);
    await proxy.close();
  });

  test("survives a job that ends during the outage, and runs the next one afterwards", async () => {
    const url = await postgres.newDatabase();
    const worker = new Worker(url, 1);
    const store = await openPostgresStore({ url, concurrency: 1, logger });
    await store.queue.enqueue("gen_1");
    await worker.says("begins gen_1");
    await postgres.server.stopServer();
    worker.tell("end gen_1");
    await worker.says("ends gen_1");
    await worker.says("stops its engine");
    await postgres.server.startServer();
    await store.queue.enqueue("gen_2");
    await worker.says("ends gen_2");
    worker.tell("close");

    expect(await worker.exit()).toEqual({ code: 0, stderr: "" });
    expect(await postgres.server.query(url, "SELECT key FROM graphile_worker._private_jobs")).toEqual([]);
    await store.close();
  });

  test("writes nothing but its log, however many workers it affects", async () => {
    const url = await postgres.newDatabase();
    const worker = new Worker(url, 8);
    const store = await openPostgresStore({ url, concurrency: 1, logger });
    for (let outage = 1; outage <= 3; outage++) {
      await enqueueInTime(store.queue, `gen_before_${outage}`);
      await worker.says(`ends gen_before_${outage}`);
      await postgres.server.stopServer();
      await worker.says("stops its engine");
      await postgres.server.startServer();
    }
    await enqueueInTime(store.queue, "gen_last");
    await worker.says("ends gen_last");
    worker.tell("close");

    expect(await worker.exit()).toEqual({ code: 0, stderr: "" });
    await store.close();
  });
});

/** A connection that broke with the database fails only at its next use. */
async function enqueueInTime(queue: JobQueue, id: string): Promise<void> {
  while (
    !(await queue.enqueue(id).then(
      () => true,
      () => false,
    ))
  );
}

/** Another process that runs jobs, started from the sources. A job ends immediately; gen_1 ends on demand. */
class Worker {
  readonly #child: ChildProcess;
  readonly #stderr: Promise<string>;
  readonly #said: string[] = [];
  #changed = Promise.withResolvers<void>();

  constructor(url: string, concurrency: number) {
    const script = `
      import { pino } from ${JSON.stringify(import.meta.resolve("pino"))};
      import { openPostgresStore } from ${JSON.stringify(new URL("../../../src/wiring/postgres-store.ts", import.meta.url).href)};
      const logger = pino({ level: "warn" }, { write: (line) => line.includes("does not answer the job engine") && process.send("stops its engine") });
      const store = await openPostgresStore({ url: process.argv[1], concurrency: ${concurrency}, logger });
      await store.queue.start(async (id) => {
        process.send("begins " + id);
        if (id === "gen_1") await new Promise((resolve) => process.once("message", resolve));
        process.send("ends " + id);
      });
      process.on("message", async (message) => {
        if (message !== "close") return;
        await store.close();
        process.disconnect();
      });
    `;
    const parameters = ["--input-type=module", "--eval", script, url];
    this.#child = spawn(process.execPath, parameters, { stdio: ["ignore", "ignore", "pipe", "ipc"] });
    this.#stderr = text(this.#child.stderr as NonNullable<ChildProcess["stderr"]>);
    this.#child.on("message", (message) => this.#hear(String(message)));
    this.#child.on("exit", () => this.#hear("exits"));
  }

  tell(message: string): void {
    this.#child.send(message);
  }

  /** Waits until the process has printed this; each call waits for another line. */
  async says(what: string): Promise<void> {
    while (!this.#said.includes(what)) {
      if (this.#said.includes("exits")) throw new Error(`the worker died: ${await this.#stderr}`);
      await this.#changed.promise;
    }
    this.#said.splice(this.#said.indexOf(what), 1);
  }

  async exit(): Promise<{ readonly code: number | null; readonly stderr: string }> {
    if (this.#child.exitCode === null) await once(this.#child, "exit");
    return { code: this.#child.exitCode, stderr: await this.#stderr };
  }

  #hear(message: string): void {
    this.#said.push(message);
    this.#changed.resolve();
    this.#changed = Promise.withResolvers<void>();
  }
}
