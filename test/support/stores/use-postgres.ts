import { afterAll, beforeAll } from "@jest/globals";
import { pino } from "pino";
import { openPostgresStore } from "../../../src/wiring/postgres-store.ts";
import { type PostgresServer, startPostgresServer } from "./postgres.ts";

/** A server for the tests of a file. */
export interface TestPostgres {
  readonly server: PostgresServer;
  /** Makes a database in which every table is up to date and empty, and answers its URL. */
  newDatabase(): Promise<string>;
}

interface PreparedServer {
  readonly server: PostgresServer;
  /** The URL of a database in which every table is up to date and empty. */
  readonly template: string;
}

/** The server that the test files of this process share. It ends with the process. */
let shared: Promise<PreparedServer> | undefined;

/**
 * Call it where a test file begins; what it answers is usable in tests and hooks.
 *
 * @param stopsServer whether tests stop the server. Then it is the file's own, and is removed after its last test
 */
export function usePostgres({ stopsServer = false } = {}): TestPostgres {
  let prepared: PreparedServer | undefined;
  beforeAll(async () => {
    if (!stopsServer) shared ??= prepareServer();
    prepared = await (stopsServer ? prepareServer() : shared);
  });
  afterAll(async () => {
    if (stopsServer) await prepared?.server.stop();
  });
  const get = () => {
    if (!prepared) throw new Error("the server is not started yet");
    return prepared;
  };
  return {
    get server() {
      return get().server;
    },
    newDatabase() {
      const { server, template } = get();
      return server.createDatabase(template);
    },
  };
}

async function prepareServer(): Promise<PreparedServer> {
  const server = await startPostgresServer();
  const template = await server.createDatabase();
  await (await openPostgresStore({ url: template, concurrency: 1, logger: pino({ enabled: false }) })).close();
  return { server, template };
}
