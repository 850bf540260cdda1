import {
  Logger as EngineLogger,
  makeWorkerUtils,
  runMigrations,
  runTaskList,
  type WorkerPool,
  type WorkerUtils,
} from "graphile-worker";
import type { Pool } from "pg";
import type { Logger } from "pino";
import type { JobQueue } from "../../ports/job-queue.ts";
import type { InsistentPool } from "../sql/postgres-connections.ts";

export interface GraphileJobQueueOptions {
  /** Takes jobs in. */
  readonly pool: Pool;
  /** Hands jobs out. */
  readonly enginePool: InsistentPool;
  readonly concurrency: number;
  readonly logger: Logger;
}

const TASK = "generate";
/** PostgreSQL tells of new jobs; only what it could not tell, its connection being broken, is found by looking. */
const LOOK_EVERY_MS = 5_000;
const LEVELS = { error: "error", warning: "warn", info: "debug", debug: "trace" } as const;

/**
 * The jobs of every process on one database, in graphile-worker's own schema. The engine never repeats a job: what was
 * in the hands of a process that died is enqueued again by who reads the records.
 */
export class GraphileJobQueue implements JobQueue {
  readonly #options: GraphileJobQueueOptions;
  readonly #utilities: WorkerUtils;
  #workers: WorkerPool | undefined;
  #drained: Promise<void> | undefined;

  private constructor(options: GraphileJobQueueOptions, utilities: WorkerUtils) {
    this.#options = options;
    this.#utilities = utilities;
  }

  /** Takes jobs in; they run where `start` is called. */
  static async open(options: GraphileJobQueueOptions): Promise<GraphileJobQueue> {
    const { pool, logger } = options;
    return new GraphileJobQueue(options, await makeWorkerUtils({ pgPool: pool, logger: toEngineLogger(logger) }));
  }

  /** A generation that waits already keeps its place; one whose worker died with it gets a new job. */
  async enqueue(generationId: string): Promise<void> {
    await this.#utilities.addJob(
      TASK,
      { generationId },
      { jobKey: generationId, jobKeyMode: "preserve_run_at", maxAttempts: 1 },
    );
  }

  async start(run: (generationId: string) => Promise<void>): Promise<void> {
    const { enginePool, concurrency, logger } = this.#options;
    await this.#utilities.cleanup({ tasks: ["DELETE_PERMAFAILED_JOBS"] });
    if (this.#drained) return;
    const handle = async (payload: unknown) => {
      const { generationId } = payload as { generationId: string };
      // The engine hands out what it was fetching when it was told to stop.
      await (this.#drained ? this.enqueue(generationId) : run(generationId));
    };
    this.#workers = runTaskList(
      { concurrency, noHandleSignals: true, pollInterval: LOOK_EVERY_MS, logger: toEngineLogger(logger) },
      { [TASK]: handle },
      enginePool,
    );
    const report = (err?: unknown) => {
      if (!this.#drained) logger.error({ err }, "the job engine stopped by itself; this process runs no further jobs");
    };
    this.#workers.promise.then(() => report(), report);
  }

  drain(): Promise<void> {
    this.#drained ??= Promise.resolve().then(() => this.#drain());
    return this.#drained;
  }

  async #drain(): Promise<void> {
    const { enginePool, logger } = this.#options;
    const givenUp = enginePool.giveUp();
    try {
      await this.#workers?.gracefulShutdown();
    } catch (err) {
      logger.warn({ err }, "the job engine did not stop in order");
    }
    await givenUp;
    await enginePool.giveUp();
  }
}

/** Creates and migrates the engine's tables. */
export async function migrateJobs(pool: Pool, logger: Logger): Promise<void> {
  await runMigrations({ pgPool: pool, logger: toEngineLogger(logger) });
}

function toEngineLogger(logger: Logger): EngineLogger {
  return new EngineLogger(() => (level, message, { error }) => {
    logger[LEVELS[level]](error === undefined ? {} : { err: error }, message);
  });
}
