import { isPromise } from "node:util/types";
import { DatabaseError, Pool, type PoolClient, type PoolConfig } from "pg";
import type { Logger } from "pino";

/**
 * A pool of connections to PostgreSQL that may break, or stop answering, at any time. The query that uses such a
 * connection fails, and the connection is not used again. All other connections continue.
 */
export class PostgresPool extends Pool {
  constructor(config: PoolConfig, logger: Logger) {
    super(config);
    const report = (err: Error) => logger.debug({ err }, "a connection to PostgreSQL broke");
    this.on("error", report);
    this.on("connect", (client) => {
      client.on("error", report);
      endAfterFailedQuery(client);
    });
  }
}

/**
 * Ends a connection after the first query that PostgreSQL itself does not answer. Otherwise the pool would reuse the
 * connection, and its next query would wait just as long.
 */
function endAfterFailedQuery(client: PoolClient): void {
  const runQuery = client.query.bind(client) as (...parameters: unknown[]) => unknown;
  const query = (...parameters: unknown[]) => {
    const answer = runQuery(...parameters);
    if (isPromise(answer)) {
      answer.catch((error: unknown) => {
        if (!(error instanceof DatabaseError)) void client.end();
      });
    }
    return answer;
  };
  client.query = query as typeof client.query;
}
