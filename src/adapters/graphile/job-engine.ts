import { EventEmitter } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { type PromiseOrDirect, runTaskList, type WorkerEvents, type WorkerPool } from "graphile-worker";
import type { Logger } from "pino";
import { toEngineLogger } from "./engine-logger.ts";
import type { EnginePool } from "./engine-pool.ts";

export interface JobEngineOptions {
  /** The engine's own connections, which it closes. */
  readonly pool: EnginePool;
  readonly task: string;
  /** How many jobs run at once. */
  readonly concurrency: number;
  readonly logger: Logger;
  /** Runs one job. */
  run(generationId: string): Promise<void>;
  /** Called for a job that was being fetched when the engine was told to stop. */
  giveBack(generationId: string): Promise<void>;
}

/** PostgreSQL announces new jobs. Polling finds only jobs that were added while the connection was broken. */
const POLL_INTERVAL_MS = 5_000;
/**
 * How long recording the last jobs may take. After a failure, graphile-worker miscounts the jobs left to record and
 * would wait forever.
 */
const LAST_RECORDING_MS = 2_000;
/** The events of graphile-worker that mean that its database does not answer. */
const LOST_DATABASE_EVENTS = ["worker:getJob:error", "pool:listen:error", "pool:fatalError"] as const;

/**
 * One run of graphile-worker, until it is stopped or its database goes away: graphile-worker ends by itself when it cannot
 * record that a job is done.
 */
export class JobEngine {
  readonly #options: JobEngineOptions;
  readonly #workers: WorkerPool;
  readonly #lost = Promise.withResolvers<void>();
  readonly #deactivated = Promise.withResolvers<void>();
  readonly #fetches = new Fetches();
  /** The jobs that this engine has started and that have not ended. */
  readonly #jobs = new Set<Promise<void>>();
  #isStopping = false;
  #isDeactivating = false;
  #stopped: Promise<void> | undefined;

  constructor(options: JobEngineOptions) {
    const { pool, task, concurrency, logger } = options;
    this.#options = options;
    const deactivation = { poolGracefulShutdown: (next: () => PromiseOrDirect<void>) => this.#deactivate(next) };
    const preset = {
      // If a finished job cannot be recorded, the engine ends in this way. Otherwise the process would end.
      worker: { completeJobBatchDelay: 0, failJobBatchDelay: 0 },
      plugins: [{ name: "pictograph", version: "1.0.0", worker: { middleware: deactivation } }],
    };
    const events: WorkerEvents = new EventEmitter();
    this.#fetches.count(events);
    for (const loss of LOST_DATABASE_EVENTS) events.once(loss, () => this.#lost.resolve());
    const handle = (payload: unknown) => this.#handle((payload as { generationId: string }).generationId);
    this.#workers = runTaskList(
      {
        concurrency,
        noHandleSignals: true,
        pollInterval: POLL_INTERVAL_MS,
        logger: toEngineLogger(logger),
        events,
        preset,
      },
      { [task]: handle },
      pool,
    );
  }

  /** The name under which this engine locks its jobs. */
  get id(): string {
    return this.#workers.id;
  }

  /** Resolves when the database does not answer the engine. */
  get lost(): Promise<void> {
    return this.#lost.promise;
  }

  /** Starts no further job. Resolves when the running jobs have ended and the connections are closed. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    const { pool, logger } = this.#options;
    this.#isStopping = true;
    const shutdown = this.#isDeactivating ? this.#workers.promise : this.#workers.gracefulShutdown();
    const ended = Promise.resolve(shutdown).catch((err: unknown) => {
      logger.debug({ err }, "the job engine did not stop cleanly");
    });
    await this.#deactivated.promise;
    while (this.#jobs.size > 0) await Promise.allSettled(this.#jobs);
    await Promise.race([ended, delay(LAST_RECORDING_MS, undefined, { ref: false })]);
    await pool.end();
  }

  #handle(generationId: string): Promise<void> {
    const job = this.#isStopping ? this.#giveBack(generationId) : this.#options.run(generationId);
    this.#jobs.add(job);
    return job.finally(() => this.#jobs.delete(job));
  }

  async #giveBack(generationId: string): Promise<void> {
    // Not earlier: this engine would fetch it again.
    await this.#deactivated.promise;
    await this.#options.giveBack(generationId);
  }

  /**
   * Runs before graphile-worker stops fetching, whatever stopped it. It prints the stack of a fetch that fails later to
   * stderr.
   */
  async #deactivate(next: () => PromiseOrDirect<void>): Promise<void> {
    this.#isDeactivating = true;
    await this.#fetches.areOver();
    this.#deactivated.resolve();
    return next();
  }
}

/** The fetches that are in progress. */
class Fetches {
  #count = 0;
  #whenOver: (() => void) | undefined;

  count(events: WorkerEvents): void {
    events.on("worker:getJob:start", () => {
      this.#count++;
    });
    const end = () => {
      this.#count--;
      if (this.#count === 0) this.#whenOver?.();
    };
    events.on("job:start", end).on("worker:getJob:empty", end).on("worker:getJob:error", end);
  }

  /** Resolves when none is in progress. */
  areOver(): Promise<void> {
    return new Promise((resolve) => {
      this.#whenOver = resolve;
      if (this.#count === 0) resolve();
    });
  }
}
