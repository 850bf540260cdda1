import { setTimeout as delay } from "node:timers/promises";
import type { PostgresPool } from "kysely";
import { Client, type ClientConfig, DatabaseError, Pool, type PoolClient, type PoolConfig } from "pg";
import type { Logger } from "pino";
import { GatewayError, StartError } from "../../errors.ts";

/** How long to wait for a connection, a new one or a free one of the pool. */
const CONNECT_TIMEOUT_MS = 5_000;
const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 2_000;

/**
 * The host, the port and the database that a URL leads to, without its secrets.
 *
 * @throws StartError when it is no URL of a PostgreSQL database
 */
export function placeOf(url: string): string {
  try {
    if (!/^postgres(ql)?:\/\//.test(url)) throw new Error("another scheme");
    const { host, port, database } = new Client({ connectionString: url });
    return `${host}:${port}/${database ?? ""}`;
  } catch {
    // Without its cause: that could repeat the password.
    throw new StartError(["DATABASE_URL must look like postgres://user:password@host:5432/database"]);
  }
}

/** @param answerTimeoutMs how long one query may take; `undefined` as long as it needs */
export function connectionConfig(url: string, answerTimeoutMs: number | undefined): ClientConfig {
  return {
    connectionString: url,
    fallback_application_name: "pictograph",
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    keepAlive: true,
    ...(answerTimeoutMs !== undefined && { query_timeout: answerTimeoutMs }),
  };
}

/** A pool whose connections may break at any time: who uses one is told by its query, and the others go on. */
export function createPool(config: PoolConfig, logger: Logger): Pool {
  return surviveBreaks(new Pool(config), logger);
}

function surviveBreaks<AnyPool extends Pool>(pool: AnyPool, logger: Logger): AnyPool {
  const report = (err: Error) => logger.debug({ err }, "a connection to PostgreSQL broke");
  pool.on("error", report);
  pool.on("connect", (client) => client.on("error", report));
  return pool;
}

/**
 * The pool as Kysely uses it, except that a connection that broke, or did not answer in time, is not used again: its
 * next user would wait just as long. While the database is away, its users are told `OVERLOADED`.
 */
export function toKyselyPool(pool: Pool): PostgresPool {
  return {
    options: pool.options,
    // The pool has other users; who made it ends it.
    end: async () => {},
    async connect() {
      const client = await pool.connect().catch((error: unknown) => {
        throw toStoreError(error);
      });
      let isBroken = false;
      return {
        async query(sql: string, parameters: readonly unknown[]) {
          try {
            return await client.query(sql, [...parameters]);
          } catch (error) {
            isBroken ||= !(error instanceof DatabaseError);
            throw toStoreError(error);
          }
        },
        release: () => client.release(isBroken),
        // pg's result says less about its type than Kysely's: the shape is the same.
      } as unknown as Awaited<ReturnType<PostgresPool["connect"]>>;
    },
  };
}

/**
 * The pool for an engine that takes every failed query for a reason to stop, or lets it end the process: a query waits
 * until the database is back. The connection that listens is the engine's own to renew.
 */
export class InsistentPool extends Pool {
  readonly #logger: Logger;
  readonly #giveUp = new AbortController();
  readonly #underWay = new Set<Promise<unknown>>();

  constructor(config: PoolConfig, logger: Logger) {
    super(config);
    this.#logger = logger;
    surviveBreaks(this, logger);
  }

  override connect(): Promise<PoolClient>;
  override connect(callback: Parameters<Pool["connect"]>[0]): void;
  override connect(callback?: Parameters<Pool["connect"]>[0]): Promise<PoolClient> | undefined {
    if (callback) {
      super.connect(callback);
      return undefined;
    }
    const query = (...query: Parameters<Pool["query"]>) => this.#insist(query);
    return Promise.resolve({ query, release: () => {} } as unknown as PoolClient);
  }

  /**
   * From now on a query that fails finds nothing and changes nothing instead of waiting. Resolves when none is under way
   * any more.
   */
  async giveUp(): Promise<void> {
    this.#giveUp.abort();
    while (this.#underWay.size > 0) await Promise.allSettled(this.#underWay);
  }

  #insist(query: Parameters<Pool["query"]>): Promise<unknown> {
    const answer = this.#answer(query);
    this.#underWay.add(answer);
    return answer.finally(() => this.#underWay.delete(answer));
  }

  async #answer(query: Parameters<Pool["query"]>): Promise<unknown> {
    for (let attempt = 0; ; attempt++) {
      try {
        return await this.query(...query);
      } catch (err) {
        if (this.#giveUp.signal.aborted) return { rows: [], rowCount: 0 };
        if (attempt === 0) this.#logger.warn({ err }, "PostgreSQL does not answer the job queue; trying again");
        await pause(attempt, this.#giveUp.signal);
      }
    }
  }
}

/** Every way of PostgreSQL to say that it is stopping, starting, or has no connection left. @see https://www.postgresql.org/docs/current/errcodes-appendix.html */
const AWAY_CODES = /^(57P0[1-3]|53300)$/;
const RETRY_AFTER_SECONDS = 5;

/** Whether what was under way was stored nobody knows when the connection breaks: hence the advice. */
function toStoreError(error: unknown): unknown {
  if (error instanceof DatabaseError && !AWAY_CODES.test(error.code ?? "")) return error;
  return new GatewayError(
    "OVERLOADED",
    "the gateway's database does not answer; send the request again, under the same idempotency key where it makes images",
    { retryAfterSeconds: RETRY_AFTER_SECONDS, cause: error },
  );
}

/** Waits before the next attempt, longer each time, or until the signal. */
export async function pause(attempt: number, signal: AbortSignal): Promise<void> {
  const longestMs = Math.min(FIRST_PAUSE_MS * 2 ** attempt, LONGEST_PAUSE_MS);
  await delay(longestMs * (0.5 + Math.random() / 2), undefined, { signal }).catch(() => {});
}

/** Why the database cannot be used, for the operator. */
export function toStartError(place: string, cause: unknown): StartError {
  if (cause instanceof StartError) return cause;
  return new StartError([`DATABASE_URL: ${place} ${complaint(cause)}`], { cause });
}

function complaint(error: unknown): string {
  const { code, message } = error as { code?: string; message?: string };
  if (!(error instanceof DatabaseError)) return `does not answer (${code ?? message}); is PostgreSQL running there?`;
  if (code === "28P01" || code === "28000") return `refuses this user or password (${message})`;
  return `cannot be used (${message})`;
}
