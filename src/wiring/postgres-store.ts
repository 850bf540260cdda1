import type { Logger } from "pino";
import { GraphileJobQueue, migrateJobs } from "../adapters/graphile/graphile-job-queue.ts";
import { openPostgres, type PostgresDatabase } from "../adapters/sql/postgres/postgres.ts";
import { toStartError } from "../adapters/sql/postgres/postgres-connections.ts";

export interface PostgresStoreOptions {
  /** `postgres://user:password@host:5432/database` */
  readonly url: string;
  /** How many jobs this process runs at once. */
  readonly concurrency: number;
  readonly logger: Logger;
  /** How long one query may take, in milliseconds. @defaultValue 10 000 */
  readonly answerTimeoutMs?: number;
}

/** Records, jobs and events on one PostgreSQL database. */
export interface PostgresStore extends Pick<PostgresDatabase, "records" | "events"> {
  readonly queue: GraphileJobQueue;
  /** For the operator: `PostgreSQL at localhost:5432/pictures`. */
  readonly place: string;
  /** Drains the queue and closes every connection. */
  close(): Promise<void>;
}

/**
 * Opens a PostgreSQL database, creating and migrating its tables and those of the job queue.
 *
 * @throws StartError when the database cannot be reached, used or migrated
 */
export async function openPostgresStore(options: PostgresStoreOptions): Promise<PostgresStore> {
  const { url, concurrency, logger, answerTimeoutMs } = options;
  const database = await openPostgres({
    url,
    logger,
    ...(answerTimeoutMs !== undefined && { answerTimeoutMs }),
    prepareMore: (pool) => migrateJobs(pool, logger),
  });
  const { records, events, place, pool, poolConfig } = database;
  try {
    const queue = await GraphileJobQueue.open({ pool, poolConfig, concurrency, logger });
    return {
      records,
      queue,
      events,
      place: `PostgreSQL at ${place}`,
      async close() {
        await queue.drain();
        await database.close();
      },
    };
  } catch (error) {
    await database.close();
    throw toStartError(place, error);
  }
}
