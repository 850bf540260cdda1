import type { PoolClient, PoolConfig } from "pg";
import type { Logger } from "pino";
import { PostgresPool } from "../postgres-pool.ts";

/** How many connections one engine has; one of them listens. */
const MAX_CONNECTIONS = 3;

type ConnectCallback = Parameters<typeof PostgresPool.prototype.connect>[0];

/** The connections of one {@link JobEngine}, as graphile-worker needs them to be able to stop at any time. */
export class EnginePool extends PostgresPool {
  constructor(config: PoolConfig, logger: Logger) {
    super({ ...config, max: MAX_CONNECTIONS }, logger);
  }

  /**
   * A connection that cannot be had is an error without a code. After the codes that it knows, graphile-worker would try
   * again for hours, with minutes in between, and could not be stopped meanwhile.
   *
   * With a callback, the connection is the one that listens.
   *
   * @see https://github.com/graphile/worker/blob/main/src/lib.ts RETRYABLE_ERROR_CODES
   */
  override connect(): Promise<PoolClient>;
  override connect(callback: ConnectCallback): void;
  override connect(callback?: ConnectCallback): Promise<PoolClient> | undefined {
    if (callback) {
      super.connect((error, client, release) => {
        if (client) askInTurn(client);
        callback(error, client, once(release));
      });
      return undefined;
    }
    return super.connect().catch((cause: unknown) => {
      throw new Error("the job engine has no connection to PostgreSQL", { cause });
    });
  }
}

/** graphile-worker releases the connection twice that breaks while it stops to listen, and the pool throws. */
function once(release: (error?: unknown) => void): typeof release {
  let isReleased = false;
  return (error) => {
    if (isReleased) return;
    isReleased = true;
    release(error);
  };
}

/** graphile-worker may stop to listen before it has begun, and pg warns of two queries at once. */
function askInTurn(client: PoolClient): void {
  const ask = client.query.bind(client) as (...parameters: unknown[]) => Promise<unknown>;
  let last: Promise<unknown> = Promise.resolve();
  const query = (...parameters: unknown[]) => {
    last = last.catch(() => {}).then(() => ask(...parameters));
    return last;
  };
  client.query = query as typeof client.query;
}
