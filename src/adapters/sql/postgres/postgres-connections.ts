import { setTimeout as delay } from "node:timers/promises";
import type { PostgresPool } from "kysely";
import { Client, type ClientConfig, DatabaseError, type Pool } from "pg";
import { GatewayError, StartError } from "../../../errors.ts";
import { planNameOf } from "../prepared.ts";
import { PostgresTurns } from "./postgres-turns.ts";

/** How long to wait until a connection is made, or one that is given back comes from the pool. */
const CONNECT_TIMEOUT_MS = 5_000;
const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 2_000;

/**
 * Returns a URL's host, port and database, without its secrets.
 *
 * @throws StartError when it is not the URL of a PostgreSQL database
 */
export function placeOf(url: string): string {
  try {
    if (!/^postgres(ql)?:\/\//.test(url)) throw new Error("another scheme");
    const { host, port, database } = new Client({ connectionString: url });
    return `${host}:${port}/${database ?? ""}`;
  } catch {
    // The cause is left out, because it could repeat the password.
    throw new StartError(["DATABASE_URL must look like postgres://user:password@host:5432/database"]);
  }
}

/** The configuration of a connection. @param answerTimeoutMs the time limit of a query; `undefined` for no limit */
export function connectionConfig(url: string, answerTimeoutMs: number | undefined): ClientConfig {
  return {
    connectionString: url,
    fallback_application_name: "pictograph",
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    keepAlive: true,
    ...(answerTimeoutMs !== undefined && { query_timeout: answerTimeoutMs }),
  };
}

/** Wraps the pool for Kysely, so that queries fail with `OVERLOADED` while the database is unavailable. */
export function toKyselyPool(pool: Pool): PostgresPool {
  const turns = new PostgresTurns(pool);
  return {
    options: pool.options,
    // The pool has other users. Its creator closes it.
    end: async () => {},
    async connect() {
      const client = await turns.take().catch((error: unknown) => {
        throw toStoreError(error);
      });
      return {
        async query(sql: string, parameters: readonly unknown[]) {
          try {
            return await client.query({ name: planNameOf(sql), text: sql, values: [...parameters] });
          } catch (error) {
            throw toStoreError(error);
          }
        },
        release: () => turns.giveBack(client),
        // pg's type of a result is less precise than Kysely's. The objects are the same.
      } as unknown as Awaited<ReturnType<PostgresPool["connect"]>>;
    },
  };
}

/**
 * The error codes of PostgreSQL while it is stopping or starting, or has no free connection.
 *
 * @see https://www.postgresql.org/docs/current/errcodes-appendix.html
 */
const UNAVAILABLE_CODES = /^(57P0[1-3]|53300)$/;
const RETRY_AFTER_SECONDS = 5;

/** Converts the error of a broken connection. It is then unknown whether a change was stored; the message says so. */
function toStoreError(error: unknown): unknown {
  if (error instanceof DatabaseError && !UNAVAILABLE_CODES.test(error.code ?? "")) return error;
  return new GatewayError(
    "OVERLOADED",
    "the gateway's database does not answer; send the request again, with the same idempotency key if it generates images",
    { retryAfterSeconds: RETRY_AFTER_SECONDS, cause: error },
  );
}

/** Waits before the next attempt, longer each time, or until the signal. */
export async function pause(attempt: number, signal: AbortSignal): Promise<void> {
  const longestMs = Math.min(FIRST_PAUSE_MS * 2 ** attempt, LONGEST_PAUSE_MS);
  await delay(longestMs * (0.5 + Math.random() / 2), undefined, { signal }).catch(() => {});
}

/** The error that tells the operator why the database cannot be used. */
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
