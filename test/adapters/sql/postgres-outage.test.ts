import { describe, expect, test } from "@jest/globals";
import { pino } from "pino";
import { PUBLIC_PROJECT } from "../../../src/ports/records.ts";
import { openPostgresStore } from "../../../src/wiring/postgres-store.ts";
import { Ear } from "../../contracts/events.ts";
import { accept, dollarsOf, keyOf, NO_LIMITS, orderOf } from "../../contracts/record-samples.ts";
import { startTcpProxy } from "../../support/network/tcp-proxy.ts";
import { usePostgres } from "../../support/stores/use-postgres.ts";

const postgres = usePostgres({ stopsServer: true });
const logger = pino({ enabled: false });

describe("while PostgreSQL is down", () => {
  test("calls to the records fail, and work again afterwards, with everything accepted before", async () => {
    const url = await postgres.newDatabase();
    const store = await openPostgresStore({ url, concurrency: 1, logger });
    // More than one connection, so that some are idle when they break.
    await Promise.all(Array.from({ length: 5 }, (_, i) => accept(store.records, orderOf(`gen_${i}`))));
    await postgres.server.stopServer();

    await expect(store.records.ping()).rejects.toThrow();
    const refused = expect(store.records.accept(orderOf("gen_5"), NO_LIMITS)).rejects;
    await refused.toMatchObject({ code: "OVERLOADED", details: { retryAfterSeconds: 5 } });
    await expect(store.queue.enqueue("gen_1")).rejects.toThrow();
    await postgres.server.startServer();

    await store.records.ping();
    await accept(store.records, orderOf("gen_6"));
    const found = await store.records.history.listGenerations({ projectId: "proj_public", from: "oldest", limit: 10 });
    expect(found.map(({ id }) => id)).toEqual(["gen_6", "gen_4", "gen_3", "gen_2", "gen_1", "gen_0"]);
    await store.close();
  });

  test("a running transaction is rolled back", async () => {
    const url = await postgres.newDatabase();
    const store = await openPostgresStore({ url, concurrency: 1, logger });
    const accepting = Promise.allSettled(
      Array.from({ length: 40 }, (_, i) => store.records.accept(orderOf(`gen_${i}`), NO_LIMITS)),
    );
    await postgres.server.stopServer();
    const accepted = await accepting;
    await postgres.server.startServer();
    const found = await store.records.findGenerations(accepted.map((_, i) => `gen_${i}`));

    const acceptedIds = accepted.flatMap((result) =>
      result.status === "fulfilled" && typeof result.value === "object" && "generation" in result.value
        ? result.value.generation.id
        : [],
    );
    expect(found.map(({ id }) => id)).toEqual(expect.arrayContaining(acceptedIds));
    await store.close();
  });

  test("the store still closes", async () => {
    const store = await openPostgresStore({ url: await postgres.newDatabase(), concurrency: 2, logger });
    const isRunning = Promise.withResolvers<void>();
    const mayEnd = Promise.withResolvers<void>();
    await store.queue.start(async () => {
      isRunning.resolve();
      await mayEnd.promise;
    });
    await store.queue.enqueue("gen_1");
    await isRunning.promise;
    await postgres.server.stopServer();
    const closing = store.close();
    mayEnd.resolve();

    await closing;
    await expect(store.records.ping()).rejects.toThrow();
    await postgres.server.startServer();
  });
});

describe("a connection on which nothing arrives any more", () => {
  test("is closed, and another one replaces it", async () => {
    const proxy = await startTcpProxy(postgres.server.port);
    const direct = await postgres.newDatabase();
    const url = new URL(direct);
    url.port = String(proxy.port);
    const store = await openPostgresStore({ url: url.href, concurrency: 1, logger, answerTimeoutMs: 1000 });
    const other = await openPostgresStore({ url: direct, concurrency: 1, logger });
    const ear = new Ear();
    other.events.subscribe("gen_1", ear.listen);
    await Promise.all(Array.from({ length: 3 }, (_, i) => accept(store.records, orderOf(`gen_${i}`))));
    proxy.freeze();
    const asked = await Promise.allSettled(Array.from({ length: 3 }, () => store.records.ping()));
    expect(asked.map(({ status }) => status)).toContain("rejected");

    await store.records.ping();
    await Promise.all(Array.from({ length: 5 }, () => store.records.ping()));
    store.events.publish({ generationId: "gen_1" });
    await ear.heard(1);
    proxy.freeze();
    await Promise.all([store.close(), other.close()]);
    await proxy.close();
  });
});

describe("a connection that breaks while many generations are accepted together", () => {
  /** Two of them are accepted alone, and those that wait meanwhile are accepted together. */
  const COUNT = 66;
  const TOGETHER = COUNT - 2;
  /** Text that occurs in a statement that stores 32 generations, but not in one that stores a single generation. */
  const OF_MANY = "$448";

  test.each([
    ["before they are entered into the ledger", [OF_MANY, '"ledger"'], false, 0],
    ["before they are committed", [OF_MANY, "commit"], false, 0],
    ["when they are committed, before the answer arrives", [OF_MANY, "commit"], true, TOGETHER],
  ])(
    "%s loses none, and accepts none twice if they are sent again with their keys",
    async (_when, texts, isAnswered, stored) => {
      const proxy = await startTcpProxy(postgres.server.port);
      const url = new URL(await postgres.newDatabase());
      url.port = String(proxy.port);
      const store = await openPostgresStore({ url: url.href, concurrency: 1, logger });
      const { records } = store;
      const limited = { scope: "PROJECT", id: PUBLIC_PROJECT, concurrentGenerations: 1000 } as const;
      const terms = { ...NO_LIMITS, dailyBudget: "100", rates: [limited] };
      const acceptAll = (prefix: string) =>
        Promise.allSettled(
          Array.from({ length: COUNT }, (_, i) =>
            records.accept({ ...orderOf(`${prefix}_${i}`), maxCost: "0.1", idempotency: keyOf(`key_${i}`) }, terms),
          ),
        );
      proxy.breakAt(texts, isAnswered);
      const answers = await acceptAll("gen");

      const refused = answers.flatMap((answer) => (answer.status === "rejected" ? [answer.reason] : []));
      expect(refused).toHaveLength(TOGETHER);
      for (const error of refused) expect(error).toMatchObject({ code: "OVERLOADED" });
      const ids = answers.map((_, i) => `gen_${i}`);
      expect(await records.findGenerations(ids)).toHaveLength(2 + stored);

      const again = (await acceptAll("again")).map((answer) =>
        answer.status === "fulfilled" ? answer.value : undefined,
      );
      expect(again.filter((answer) => typeof answer === "object" && "isNew" in answer && answer.isNew)).toHaveLength(
        TOGETHER - stored,
      );
      const all = await records.findGenerations([...ids, ...answers.map((_, i) => `again_${i}`)]);
      expect(all).toHaveLength(COUNT);
      expect(await dollarsOf(records, PUBLIC_PROJECT, new Date())).toEqual({ settled: "0.000000", held: "6.600000" });
      expect(await records.accept({ ...orderOf("gen_next"), maxCost: "0" }, terms)).toMatchObject({
        rates: [{ unit: "GENERATIONS", remaining: 1000 - COUNT - 1 }],
      });
      await store.close();
      await proxy.close();
    },
  );
});
