import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { Client } from "pg";

const SERVER = fileURLToPath(new URL("postgres-server.ts", import.meta.url));

/** A real PostgreSQL server that can be stopped and started again. */
export interface PostgresServer {
  readonly port: number;
  /**
   * Makes an empty database and returns its URL. With `template`, the URL of an unused database, it makes a copy of
   * that.
   */
  createDatabase(template?: string): Promise<string>;
  /** Runs SQL on a database, as its superuser. */
  query(url: string, sql: string, values?: readonly unknown[]): Promise<Record<string, unknown>[]>;
  /** Stops the server; resolves when it and all its connections are gone. */
  stopServer(): Promise<void>;
  /** Starts it again on the same port with the same databases. */
  startServer(): Promise<void>;
  /** Removes the server and everything in it. */
  stop(): Promise<void>;
}

/**
 * Starts a server. It ends with this process, even if this process is killed.
 * @param isDurable whether commits are synced to disk, which tests do not need
 * @throws Error with the output of the server if it does not start
 */
export async function startPostgresServer({ isDurable = false } = {}): Promise<PostgresServer> {
  const child = fork(SERVER, isDurable ? ["--durable"] : [], {
    // An inherited stderr would stay open until the server has stopped, and a test run would wait for that.
    stdio: ["ignore", "ignore", "ignore", "ipc"],
    execArgv: [],
  });
  const port = await answerOf(child);
  const command = async (name: "start" | "stop") => {
    child.channel?.ref();
    child.send(name);
    await answerOf(child);
    // A process with nothing else to do exits, and the server exits with it.
    child.channel?.unref();
  };
  child.unref();
  await command("start");
  const urlOf = (database: string) => `postgres://postgres:password@127.0.0.1:${port}/${database}`;
  let count = 0;
  return {
    port,
    async createDatabase(template) {
      const name = `test_${++count}`;
      const source = template ? ` TEMPLATE ${new URL(template).pathname.slice(1)}` : "";
      await query(urlOf("postgres"), `CREATE DATABASE ${name}${source}`);
      return urlOf(name);
    },
    query,
    stopServer: () => command("stop"),
    startServer: () => command("start"),
    async stop() {
      child.ref();
      if (child.connected) child.disconnect();
      if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
    },
  };
}

async function query(url: string, sql: string, values: readonly unknown[] = []): Promise<Record<string, unknown>[]> {
  const client = new Client({ connectionString: url });
  client.on("error", () => {});
  await client.connect();
  try {
    return (await client.query(sql, [...values])).rows;
  } finally {
    await client.end();
  }
}

async function answerOf(child: ChildProcess): Promise<number> {
  const settled = new AbortController();
  const { signal } = settled;
  try {
    const [answer] = await Promise.race([
      once(child, "message", { signal }),
      once(child, "exit", { signal }).then(() => [{ problem: "its process ended" }]),
    ]);
    if (answer.problem !== undefined) throw new Error(`PostgreSQL did not start or stop: ${answer.problem}`);
    return answer.port;
  } finally {
    settled.abort();
  }
}
