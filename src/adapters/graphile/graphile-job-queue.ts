import { setTimeout as delay } from "node:timers/promises";
import { makeWorkerUtils, runMigrations, type WorkerUtils } from "graphile-worker";
import PQueue from "p-queue";
import type { Pool, PoolConfig } from "pg";
import type { Logger } from "pino";
import type { JobQueue } from "../../ports/job-queue.ts";
import { Batches } from "../batches.ts";
import { toEngineLogger } from "./engine-logger.ts";
import { EnginePool } from "./engine-pool.ts";
import { JobEngine } from "./job-engine.ts";

export interface GraphileJobQueueOptions {
  /** Connections for adding jobs. */
  readonly pool: Pool;
  /** How an engine reaches the database of `pool`. */
  readonly poolConfig: PoolConfig;
  /** How many jobs run at once. */
  readonly concurrency: number;
  readonly logger: Logger;
}

const TASK = "generate";
/** The longest wait before the next attempt to start an engine. */
const RESTART_PAUSE_MS = 1_000;
/** How long the engines may take to stop once no job runs any more. */
const STOP_MS = 3_000;

/**
 * The jobs of all processes that share a database, in graphile-worker's own schema. A job is never repeated: maintenance
 * enqueues the generations of a process that died again. When the database goes away, the engine is stopped, and a new
 * one is started once the database is back. Running jobs continue meanwhile.
 */
export class GraphileJobQueue implements JobQueue {
  readonly #options: GraphileJobQueueOptions;
  readonly #utilities: WorkerUtils;
  readonly #enqueuing: Batches<string, undefined>;
  /** The jobs that run in this process, from any engine. */
  readonly #running: PQueue;
  /** The engines that have not stopped. */
  readonly #engines = new Set<JobEngine>();
  readonly #draining = new AbortController();
  /** The names of stopped engines, under which jobs may still be locked. */
  #lostIds: string[] = [];
  #drained: Promise<void> | undefined;

  private constructor(options: GraphileJobQueueOptions, utilities: WorkerUtils) {
    this.#options = options;
    this.#utilities = utilities;
    this.#enqueuing = new Batches({
      together: (generationIds) => this.#enqueueAll([...new Set(generationIds)]),
      alone: (generationId) => this.#enqueueAll([generationId]).then(() => undefined),
      // Only the database itself refuses jobs.
      mayRepeat: () => false,
    });
    this.#running = new PQueue({ concurrency: options.concurrency });
  }

  /** Connects for adding jobs. They run in the processes that call `start`. */
  static async open(options: GraphileJobQueueOptions): Promise<GraphileJobQueue> {
    const { pool, logger } = options;
    return new GraphileJobQueue(options, await makeWorkerUtils({ pgPool: pool, logger: toEngineLogger(logger) }));
  }

  /** A queued generation keeps its place. One whose worker died gets a new job. */
  enqueue(generationId: string): Promise<void> {
    return this.#enqueuing.add(generationId);
  }

  async #enqueueAll(generationIds: readonly string[]): Promise<readonly undefined[]> {
    const jobs = generationIds.map((generationId) => ({
      identifier: TASK,
      payload: { generationId },
      jobKey: generationId,
      maxAttempts: 1,
    }));
    await this.#utilities.addJobs(jobs, true);
    return [];
  }

  async start(run: (generationId: string) => Promise<void>): Promise<void> {
    await this.#removeDeadJobs();
    this.#startEngine(run);
  }

  drain(): Promise<void> {
    this.#drained ??= this.#drain();
    return this.#drained;
  }

  async #drain(): Promise<void> {
    this.#draining.abort();
    const stopped = Promise.all([...this.#engines].map((engine) => engine.stop()));
    await this.#running.onIdle();
    // If the database is away, the other processes find out what this engine could not record.
    await Promise.race([stopped, delay(STOP_MS, undefined, { ref: false })]);
  }

  /** Removes failed jobs, and jobs whose engine lost its database. */
  async #removeDeadJobs(): Promise<void> {
    const lostIds = this.#lostIds;
    if (lostIds.length > 0) await this.#utilities.forceUnlockWorkers(lostIds);
    await this.#utilities.cleanup({ tasks: ["DELETE_PERMAFAILED_JOBS"] });
    this.#lostIds = this.#lostIds.filter((id) => !lostIds.includes(id));
  }

  #startEngine(run: (generationId: string) => Promise<void>): void {
    if (this.#draining.signal.aborted) return;
    const { poolConfig, concurrency, logger } = this.#options;
    const giveBack = (generationId: string) => this.enqueue(generationId);
    const runOrGiveBack = (generationId: string) =>
      this.#running.add(() => (this.#draining.signal.aborted ? giveBack : run)(generationId));
    const pool = new EnginePool(poolConfig, logger);
    const engine = new JobEngine({ pool, task: TASK, concurrency, logger, run: runOrGiveBack, giveBack });
    this.#engines.add(engine);
    void engine.lost.then(() => this.#replace(engine, run));
  }

  async #replace(lost: JobEngine, run: (generationId: string) => Promise<void>): Promise<void> {
    const { logger } = this.#options;
    const { signal } = this.#draining;
    if (signal.aborted) return;
    logger.warn("PostgreSQL does not answer the job engine; a new engine starts when PostgreSQL is back");
    this.#lostIds.push(lost.id);
    void lost.stop().then(() => this.#engines.delete(lost));
    while (!signal.aborted) {
      await delay(RESTART_PAUSE_MS * (0.5 + Math.random() / 2), undefined, { signal }).catch(() => {});
      try {
        await this.#removeDeadJobs();
        this.#startEngine(run);
        logger.info("PostgreSQL answers the job engine again");
        return;
      } catch (err) {
        logger.debug({ err }, "the job engine could not be started yet");
      }
    }
  }
}

/** Creates and migrates the engine's tables. */
export async function migrateJobs(pool: Pool, logger: Logger): Promise<void> {
  await runMigrations({ pgPool: pool, logger: toEngineLogger(logger) });
}

/**
 * Adds jobs in a transaction of the caller, as {@link GraphileJobQueue.enqueue} does.
 *
 * @param run runs SQL in the transaction
 */
export async function enqueueWithin(
  run: (sql: string, values: readonly unknown[]) => Promise<unknown>,
  generationIds: readonly string[],
): Promise<void> {
  await run(
    `SELECT graphile_worker.add_job(
       $1, payload := json_build_object('generationId', id), job_key := id, job_key_mode := 'preserve_run_at', max_attempts := 1
     ) FROM unnest($2::text[]) AS id`,
    [TASK, generationIds],
  );
}
