import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { afterEach, expect, test } from "@jest/globals";
import { Pool } from "pg";
import { MAX_WAITING, PostgresTurns } from "../../../src/adapters/sql/postgres/postgres-turns.ts";
import { usePostgres } from "../../support/stores/use-postgres.ts";

const postgres = usePostgres();
const pools: Pool[] = [];
const servers: Server[] = [];

afterEach(async () => {
  await Promise.all(pools.splice(0).map((pool) => pool.end()));
  for (const server of servers.splice(0)) server.close();
});

function openPool(connectionString: string, max: number): Pool {
  const pool = new Pool({ connectionString, max, connectionTimeoutMillis: 300 });
  pools.push(pool);
  return pool;
}

test("waiting statements get a free connection in order of arrival", async () => {
  const pool = openPool(await postgres.newDatabase(), 1);
  const turns = new PostgresTurns(pool);
  const first = await turns.take();
  const order: number[] = [];
  const waiting = [1, 2, 3].map(async (number) => {
    const client = await turns.take();
    order.push(number);
    await client.query("SELECT 1");
    turns.giveBack(client);
  });
  await expect(pool.connect()).rejects.toThrow("timeout");
  turns.giveBack(first);

  await Promise.all(waiting);
  expect(order).toEqual([1, 2, 3]);
});

test("no statement waits for a database that does not answer, or behind too many others", async () => {
  const sockets: Socket[] = [];
  const silent = createServer((socket) => sockets.push(socket)).listen(0, "127.0.0.1");
  servers.push(silent);
  await once(silent, "listening");
  const turns = new PostgresTurns(openPool(`postgres://x@127.0.0.1:${(silent.address() as AddressInfo).port}/x`, 2));
  const asked = Array.from({ length: 2 + MAX_WAITING }, () => turns.take());
  const ended = Promise.allSettled(asked);
  await expect(turns.take()).rejects.toThrow("too many operations wait");

  expect((await ended).filter(({ status }) => status === "fulfilled")).toEqual([]);
  expect(sockets).toHaveLength(2);
  for (const socket of sockets) socket.destroy();
});
