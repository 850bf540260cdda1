import type { PoolClient, PoolConfig } from "pg";
import type { Logger } from "pino";
import { PostgresPool } from "../postgres-pool.ts";

/** How many connections one engine has. One of them listens for new jobs. */
const MAX_CONNECTIONS = 3;

type ConnectCallback = Parameters<typeof PostgresPool.prototype.connect>[0];

/** The connections of one {@link JobEngine}, as graphile-worker needs them to be able to stop at any time. */
export class EnginePool extends PostgresPool {
  constructor(config: PoolConfig, logger: Logger) {
    super({ ...config, max: MAX_CONNECTIONS }, logger);
  }

  /**
   * A connection that cannot be opened gives an error without a code. For the codes that it knows, graphile-worker would
   * retry for hours, and could not be stopped meanwhile.
   *
   * The connection that listens is requested with a callback.
   *
   * @see https://github.com/graphile/worker/blob/main/src/lib.ts RETRYABLE_ERROR_CODES
   */
  override connect(): Promise<PoolClient>;
  override connect(callback: ConnectCallback): void;
  override connect(callback?: ConnectCallback): Promise<PoolClient> | undefined {
    if (callback) {
      super.connect((error, client, release) => {
        if (client) askInTurn(client);
        callback(error, client, releaseOnce(release));
      });
      return undefined;
    }
    return super.connect().catch((cause: unknown) => {
      throw new Error("the job engine has no connection to PostgreSQL", { cause });
    });
  }
}

/** If a connection breaks while graphile-worker stops listening, it is released twice, and the pool would throw. */
function releaseOnce(release: (error?: unknown) => void): typeof release {
  let isReleased = false;
  return (error) => {
    if (isReleased) return;
    isReleased = true;
    release(error);
  };
}

/** graphile-worker may stop listening before it has started to, and pg warns of two queries at once. */
function askInTurn(client: PoolClient): void {
  const ask = client.query.bind(client) as (...parameters: unknown[]) => Promise<unknown>;
  let last: Promise<unknown> = Promise.resolve();
  const query = (...parameters: unknown[]) => {
    last = last.catch(() => {}).then(() => ask(...parameters));
    return last;
  };
  client.query = query as typeof client.query;
}
