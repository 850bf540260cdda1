import { EventEmitter } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { type PromiseOrDirect, runTaskList, type WorkerEvents, type WorkerPool } from "graphile-worker";
import type { Logger } from "pino";
import { toEngineLogger } from "./engine-logger.ts";
import type { EnginePool } from "./engine-pool.ts";

export interface JobEngineOptions {
  /** Connections of its own, which it closes. */
  readonly pool: EnginePool;
  readonly task: string;
  /** How many jobs it has in hand at once. */
  readonly concurrency: number;
  readonly logger: Logger;
  /** Carries out one job. */
  run(generationId: string): Promise<void>;
  /** Takes a job back that was being fetched when the engine was told to stop. */
  giveBack(generationId: string): Promise<void>;
}

/** PostgreSQL tells of new jobs; only what it could not tell, its connection being broken, is found by looking. */
const LOOK_EVERY_MS = 5_000;
/**
 * How long it may take to tell the database of its last jobs. Once it could not do so, graphile-worker miscounts what is
 * left to tell, and would wait for ever.
 */
const FAREWELL_MS = 2_000;
/** What graphile-worker tells when its database does not answer. */
const LOSSES = ["worker:getJob:error", "pool:listen:error", "pool:fatalError"] as const;

/**
 * One run of graphile-worker: until it is told to stop, or its database goes away. It does not outlive the latter: it
 * ends by itself when it cannot tell that a job is done.
 */
export class JobEngine {
  readonly #options: JobEngineOptions;
  readonly #workers: WorkerPool;
  readonly #lost = Promise.withResolvers<void>();
  readonly #deactivated = Promise.withResolvers<void>();
  readonly #fetches = new Fetches();
  /** Those that it has handed out and that have not ended. */
  readonly #jobs = new Set<Promise<void>>();
  #isStopping = false;
  #isDeactivating = false;
  #stopped: Promise<void> | undefined;

  constructor(options: JobEngineOptions) {
    const { pool, task, concurrency, logger } = options;
    this.#options = options;
    const deactivation = { poolGracefulShutdown: (next: () => PromiseOrDirect<void>) => this.#deactivate(next) };
    const preset = {
      // What cannot be told of a job ends the engine in this way. Otherwise it would end the process.
      worker: { completeJobBatchDelay: 0, failJobBatchDelay: 0 },
      plugins: [{ name: "pictograph", version: "1.0.0", worker: { middleware: deactivation } }],
    };
    const events: WorkerEvents = new EventEmitter();
    this.#fetches.count(events);
    for (const loss of LOSSES) events.once(loss, () => this.#lost.resolve());
    const handle = (payload: unknown) => this.#handle((payload as { generationId: string }).generationId);
    this.#workers = runTaskList(
      {
        concurrency,
        noHandleSignals: true,
        pollInterval: LOOK_EVERY_MS,
        logger: toEngineLogger(logger),
        events,
        preset,
      },
      { [task]: handle },
      pool,
    );
  }

  /** The name by which the jobs are locked that it has in hand. */
  get id(): string {
    return this.#workers.id;
  }

  /** Resolves when the database does not answer the engine. */
  get lost(): Promise<void> {
    return this.#lost.promise;
  }

  /** Hands out no further job. Resolves when those that it has handed out have ended and its connections are closed. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    const { pool, logger } = this.#options;
    this.#isStopping = true;
    const shutdown = this.#isDeactivating ? this.#workers.promise : this.#workers.gracefulShutdown();
    const ended = Promise.resolve(shutdown).catch((err: unknown) => {
      logger.debug({ err }, "the job engine did not stop in order");
    });
    await this.#deactivated.promise;
    while (this.#jobs.size > 0) await Promise.allSettled(this.#jobs);
    await Promise.race([ended, delay(FAREWELL_MS, undefined, { ref: false })]);
    await pool.end();
  }

  #handle(generationId: string): Promise<void> {
    const job = this.#isStopping ? this.#giveBack(generationId) : this.#options.run(generationId);
    this.#jobs.add(job);
    return job.finally(() => this.#jobs.delete(job));
  }

  async #giveBack(generationId: string): Promise<void> {
    // Not before: this engine would fetch it again.
    await this.#deactivated.promise;
    await this.#options.giveBack(generationId);
  }

  /**
   * Comes before graphile-worker fetches nothing more, whoever told it. A fetch that fails after that is printed with its
   * stack on stderr.
   */
  async #deactivate(next: () => PromiseOrDirect<void>): Promise<void> {
    this.#isDeactivating = true;
    await this.#fetches.areOver();
    this.#deactivated.resolve();
    return next();
  }
}

/** The fetches of jobs that are under way. */
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

  /** Resolves in a moment in which none is under way. */
  areOver(): Promise<void> {
    return new Promise((resolve) => {
      this.#whenOver = resolve;
      if (this.#count === 0) resolve();
    });
  }
}
