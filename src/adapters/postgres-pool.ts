import { isPromise } from "node:util/types";
import { DatabaseError, Pool, type PoolClient, type PoolConfig } from "pg";
import type { Logger } from "pino";

/**
 * Connections to PostgreSQL that may break, or fall silent, at any time. Who uses one is told by its query; nobody uses
 * it again, and the others go on.
 */
export class PostgresPool extends Pool {
  constructor(config: PoolConfig, logger: Logger) {
    super(config);
    const report = (err: Error) => logger.debug({ err }, "a connection to PostgreSQL broke");
    this.on("error", report);
    this.on("connect", (client) => {
      client.on("error", report);
      endOnceSilent(client);
    });
  }
}

/**
 * Ends a connection with the first query that PostgreSQL itself does not answer. The pool would hand it out again, and
 * its next user would wait just as long for nothing.
 */
function endOnceSilent(client: PoolClient): void {
  const ask = client.query.bind(client) as (...parameters: unknown[]) => unknown;
  const query = (...parameters: unknown[]) => {
    const answer = ask(...parameters);
    if (isPromise(answer)) {
      answer.catch((error: unknown) => {
        if (!(error instanceof DatabaseError)) void client.end();
      });
    }
    return answer;
  };
  client.query = query as typeof client.query;
}
