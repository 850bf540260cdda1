import { afterAll, beforeAll } from "@jest/globals";
import { pino } from "pino";
import { openPostgresStore } from "../../../src/wiring/postgres-store.ts";
import { type PostgresServer, startPostgresServer } from "./postgres.ts";

/** A server for the tests in one file. */
export interface TestPostgres {
  readonly server: PostgresServer;
  /** Makes a database with every table migrated and empty, and returns its URL. */
  newDatabase(): Promise<string>;
}

interface PreparedServer {
  readonly server: PostgresServer;
  /** The URL of a database with every table migrated and empty. */
  readonly template: string;
}

/** The server shared by the test files of this process. It ends with the process. */
let shared: Promise<PreparedServer> | undefined;

/**
 * Call it at the start of a test file; the result can be used in tests and hooks.
 * @param stopsServer whether tests stop the server. The file then has its own server, which is removed after the last
 * test
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
