import { afterAll, beforeAll } from "@jest/globals";
import { pino } from "pino";
import { openPostgresStore } from "../../../src/wiring/postgres-store.ts";
import { type PostgresServer, startPostgresServer } from "./postgres.ts";

/** A server for the tests of a file, which is removed when its last test is over. */
export interface TestPostgres {
  readonly server: PostgresServer;
  /** Makes a database in which every table is up to date and empty, and answers its URL. */
  newDatabase(): Promise<string>;
}

/** Call it where a test file begins; what it answers is usable in tests and hooks. */
export function usePostgres(): TestPostgres {
  let server: PostgresServer | undefined;
  let template: string | undefined;
  beforeAll(async () => {
    server = await startPostgresServer();
    template = await server.createDatabase();
    await (await openPostgresStore({ url: template, concurrency: 1, logger: pino({ enabled: false }) })).close();
  });
  afterAll(() => server?.stop());
  return {
    get server() {
      if (!server) throw new Error("the server is not started yet");
      return server;
    },
    newDatabase() {
      return this.server.createDatabase(template);
    },
  };
}
