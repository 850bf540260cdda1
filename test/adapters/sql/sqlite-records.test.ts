import { type ChildProcess, spawn } from "node:child_process";
import { EventEmitter, on, once } from "node:events";
import fs from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { text } from "node:stream/consumers";
import { setImmediate as nextTurn } from "node:timers/promises";
import { describe, expect, jest, test } from "@jest/globals";
import type { SqlRecords } from "../../../src/adapters/sql/sql-records.ts";
import { openSqliteRecords } from "../../../src/adapters/sql/sqlite/sqlite.ts";
import { StartError } from "../../../src/errors.ts";
import { derivativeRecordsContract } from "../../contracts/derivative-records.ts";
import { historyContract } from "../../contracts/history.ts";
import { projectsContract } from "../../contracts/projects.ts";
import {
  accept,
  begin,
  claimOf,
  dollarsOf,
  END_OF_TIME,
  FINISHED_AT,
  find,
  INTERRUPTED,
  keyOf,
  NO_LIMITS,
  type OpenedRecords,
  orderOf,
  STARTED_AT,
  sourceOf,
  WORKER,
} from "../../contracts/record-samples.ts";
import { recordsContract } from "../../contracts/records.ts";
import { webhooksContract } from "../../contracts/webhooks.ts";
import { statementsDuring } from "../../support/stores/store-statements.ts";
import { temporaryDirectories } from "../../support/temporary-directory.ts";

const newDirectory = temporaryDirectories();

async function newPath(): Promise<string> {
  return join(await newDirectory(), "pictograph.db");
}

async function openRecords(): Promise<OpenedRecords> {
  const path = await newPath();
  let records = await openSqliteRecords(path);
  return {
    records,
    async reopen() {
      await records.close();
      records = await openSqliteRecords(path);
      return records;
    },
    close: () => records.close(),
  };
}

recordsContract("SQLite", openRecords);
historyContract("SQLite", openRecords);

derivativeRecordsContract("SQLite", async () => {
  const records = await openSqliteRecords(await newPath());
  return { records, derivatives: records.derivatives, close: () => records.close() };
});

webhooksContract("SQLite", async () => {
  const records = await openSqliteRecords(await newPath());
  return { records, others: records.webhooks, close: () => records.close() };
});

projectsContract("SQLite", async () => {
  const records = await openSqliteRecords(await newPath());
  return { projects: records.projects, close: () => records.close() };
});

describe("a SQLite database", () => {
  test("keeps a generation's ledger row, without the prompt, when the generation is removed", async () => {
    const path = await newPath();
    const records = await openSqliteRecords(path);
    const edit = { images: [sourceOf(0)] };
    await begin(records, {
      ...orderOf("gen_1"),
      apiKeyId: "key_1",
      endUser: "ann",
      prompt: "a secret wish",
      maxCost: "0.25",
      edit,
    });
    const next = { model: "other-1", modelSize: { width: 64, height: 64 }, warnings: [], fallbacks: [] };
    await records.changeModel("gen_1", WORKER, next);
    const cost = { usd: "0.2", isEstimated: false };
    await records.finish("gen_1", WORKER, { status: "SUCCEEDED", cost }, FINISHED_AT);
    await records.remove("gen_1");
    await records.close();

    const database = new DatabaseSync(path, { readOnly: true });
    const rows = database.prepare("SELECT * FROM ledger").all();
    database.close();
    expect(rows).toEqual([
      {
        generation_id: "gen_1",
        project: "proj_public",
        api_key_id: "key_1",
        end_user: "ann",
        model: "other-1",
        operation: "EDIT",
        images: 2,
        accepted_at: orderOf("gen_1").createdAt.getTime(),
        day: "2026-11-22",
        state: "SETTLED",
        held: 250_000_000_000,
        settled: 200_000_000_000,
        settled_images: 2,
        is_estimated: 0,
      },
    ]);
  });

  test("enters several generations in the search index at once: before a search, and when many wait", async () => {
    const records = await openSqliteRecords(await newPath());
    const acceptAll = async (ids: readonly string[]) => {
      for (const id of ids) await accept(records, orderOf(id));
    };
    const insertsDuring = async (work: () => Promise<unknown>) => {
      const statements = await statementsDuring(["search_entries"], work);
      return statements.filter((sql) => sql.startsWith("insert")).length;
    };
    expect(await insertsDuring(() => acceptAll(["gen_1", "gen_2", "gen_3", "gen_4"]))).toBe(0);
    await records.remove("gen_4");
    // One for two entries, and one for the third.
    expect(await insertsDuring(() => foxesIn(records))).toBe(2);
    expect(await foxesIn(records)).toEqual(["gen_3", "gen_2", "gen_1"]);

    const more = Array.from({ length: 33 }, (_, index) => `gen_more_${index}`);
    expect(await insertsDuring(() => acceptAll(more))).toBe(1);
    expect(await foxesIn(records)).toHaveLength(36);
    const changes = await insertsDuring(async () => {
      await records.start("gen_1", claimOf());
      await records.finish("gen_1", WORKER, { status: "SUCCEEDED" }, FINISHED_AT);
      await foxesIn(records);
    });
    await records.close();

    expect(changes).toBe(0);
  });

  test("enters a generation once that is accepted alone after its transaction with others was undone", async () => {
    const records = await openSqliteRecords(await newPath());
    // The first two begin immediately. The others wait for them and share a transaction, but have the same key.
    const orders = ["gen_1", "gen_2", "gen_3", "gen_4"].map((id, index) => ({
      ...orderOf(id),
      idempotency: keyOf(index < 2 ? id : "k"),
    }));
    const accepted = await Promise.all(orders.map((order) => accept(records, order)));
    expect(accepted.map(({ isNew }) => isNew)).toEqual([true, true, true, false]);

    expect(await foxesIn(records)).toEqual(["gen_3", "gen_2", "gen_1"]);
    await records.close();
  });

  test("enters what was accepted before a crash and is missing in the search index", async () => {
    const path = await newPath();
    const records = await openSqliteRecords(path);
    // Not in the order of their ids.
    for (const id of ["gen_3", "gen_4", "gen_1", "gen_2"]) await accept(records, orderOf(id));
    await records.close();
    change(path, "DELETE FROM search_entries WHERE generation_id IN ('gen_1', 'gen_2')");

    const next = await openSqliteRecords(path);
    expect(await foxesIn(next)).toEqual(["gen_4", "gen_3", "gen_2", "gen_1"]);
    await next.close();
  });

  test("accepts waiting generations under rate limits in one transaction, with or without keys", async () => {
    const records = await openSqliteRecords(await newPath());
    const rates = [{ scope: "API_KEY", id: "key_1", requestsPerMinute: 1000, imagesPerMinute: 1000 }] as const;
    const order = (index: number) => ({
      ...orderOf(`gen_${index}`),
      ...(index % 2 === 0 && { idempotency: keyOf(`key_${index}`) }),
    });
    const orders = Array.from({ length: 66 }, (_, index) => order(index));
    const statements = await statementsDuring(undefined, () =>
      Promise.all(orders.map((one) => accept(records, one, { rates }))),
    );
    await records.close();

    // A transaction takes 64.
    expect(statements.filter((sql) => sql === "commit")).toHaveLength(2);
  });

  test("keeps no word of a prompt in the search index after its generation is removed", async () => {
    const path = await newPath();
    const records = await openSqliteRecords(path);
    const others = Array.from({ length: 50 }, (_, i) => orderOf(`gen_${i}`));
    for (const order of others) await accept(records, { ...order, prompt: `a fox number ${order.id}` });
    await accept(records, { ...orderOf("gen_secret"), prompt: "a zebra called Quagga" });
    await records.close();
    expect(searchIndexHolds(path, "quagga")).toBe(true);

    const again = await openSqliteRecords(path);
    await again.remove("gen_secret");
    await again.close();
    expect(searchIndexHolds(path, "quagga")).toBe(false);
    expect(searchIndexHolds(path, "number")).toBe(true);
  });

  test("holds and settles a cost on the day of its own clock", async () => {
    const records = await openSqliteRecords(await newPath());
    const terms = { ...NO_LIMITS, dailyBudget: "1" };
    const dearAt = (id: string, at: string) => ({ ...orderOf(id, new Date(at)), maxCost: "1" });
    await accept(records, dearAt("gen_1", "2026-11-22T23:59:59.999Z"), terms);
    expect(await records.accept(dearAt("gen_2", "2026-11-22T00:00:00Z"), terms)).toMatchObject({
      budget: { window: "DAY", resetsAt: new Date("2026-11-23T00:00:00Z") },
      resetsInMs: 86_400_000,
    });
    await accept(records, dearAt("gen_2", "2026-11-23T00:00:00Z"), terms);
    await records.start("gen_1", claimOf());
    const cost = { usd: "0.25", isEstimated: false };
    await records.finish("gen_1", WORKER, { status: "SUCCEEDED", cost }, new Date("2026-11-23T00:00:09Z"));

    const spent = (day: string) => dollarsOf(records, "proj_public", new Date(day));
    expect(await spent("2026-11-22")).toEqual({ settled: "0.250000", held: "0.000000" });
    expect(await spent("2026-11-23")).toEqual({ settled: "0.000000", held: "1.000000" });
    await records.close();
  });

  test("cannot be opened twice in one process; the error names the file, which is free after the close", async () => {
    const path = await newPath();
    const records = await openSqliteRecords(path);

    for (let attempt = 0; attempt < 2; attempt++) {
      const refusal = await refusalOf(path);
      expect(refusal).toBeInstanceOf(StartError);
      expect(refusal.message).toContain(`${join(dirname(path), "lock")} is locked by another process`);
    }
    await accept(records, orderOf("gen_1"));
    await records.close();

    const next = await openSqliteRecords(path);
    expect(await next.idsQueuedBefore(END_OF_TIME, 10)).toEqual(["gen_1"]);
    await next.close();
  });

  test("sums usage by day and project in several steps, up to the limit", async () => {
    const records = await openSqliteRecords(await newPath());
    const days = ["2026-01-01", "2026-01-31", "2026-02-01", "2026-05-15", "2027-01-01"];
    const projectIds = ["proj_a", "proj_b"];
    for (const [index, day] of days.entries()) {
      for (const projectId of projectIds) {
        const order = orderOf(`gen_${index}_${projectId}`, new Date(`${day}T12:00:00Z`));
        await begin(records, { ...order, projectId, maxCost: "1" });
        await records.finish(order.id, WORKER, { status: "SUCCEEDED" }, FINISHED_AT);
      }
    }
    const query = { firstDay: "2000-01-01", lastDay: "2999-12-31", by: ["DAY", "PROJECT"] } as const;
    const rows = await records.ledger.usage({ ...query, limit: 100 });

    const expected = days.flatMap((day) => projectIds.map((projectId) => ({ day, projectId, generations: 1 })));
    expect(rows.map(({ day, projectId, generations }) => ({ day, projectId, generations }))).toEqual(expected);
    expect(await records.ledger.usage({ ...query, limit: 5 })).toEqual(rows.slice(0, 5));
    expect(await records.ledger.usage({ ...query, lastDay: "2026-02-01", limit: 100 })).toEqual(rows.slice(0, 6));
    await records.close();
  });

  test("cannot be opened by another process while this one has it open", async () => {
    const path = await newPath();
    const records = await openSqliteRecords(path);
    await refusalOf(path);

    const other = openInAnotherProcess(path);
    const [output] = await Promise.all([text(other.stdout), once(other, "close")]);

    expect(output).toBe(`StartError: ${(await refusalOf(path)).message}\n`);
    await records.close();
  });

  test("cannot be opened while another process has it, but after that process is killed, with everything it accepted", async () => {
    const path = await newPath();
    const other = openInAnotherProcess(path);
    try {
      expect(String((await once(other.stdout, "data"))[0])).toBe("accepted\n");

      expect((await refusalOf(path)).message).toContain(join(dirname(path), "lock"));
    } finally {
      other.kill("SIGKILL");
      await once(other, "close");
    }

    const records = await openSqliteRecords(path);
    expect(await records.findGenerations(["gen_1"])).toStrictEqual([{ ...orderOf("gen_1"), status: "QUEUED" }]);
    expect(await foxesIn(records)).toEqual(["gen_1"]);
    await records.close();
  });

  test("can be read by another program meanwhile, with the latest generation", async () => {
    const path = await newPath();
    const records = await openSqliteRecords(path);
    await accept(records, orderOf("gen_1"));
    const reader = new DatabaseSync(path, { readOnly: true });
    const count = () => reader.prepare("SELECT count(*) AS count FROM generations").get()?.count;

    expect(count()).toBe(1);
    await accept(records, orderOf("gen_2"));
    expect(count()).toBe(2);

    await records.close();
    reader.close();
  });

  test("cannot be opened while a gateway of an older version has it, which locks the database itself", async () => {
    const path = await newPath();
    await (await openSqliteRecords(path)).close();
    const older = new DatabaseSync(path);
    older.exec("PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; BEGIN EXCLUSIVE; COMMIT");

    expect((await refusalOf(path)).message).toContain(`${path} is locked by another process`);

    older.close();
    await (await openSqliteRecords(path)).close();
  });

  test("immediately requeues everything that the previous process had running, whatever its leases", async () => {
    const path = await newPath();
    const before = await openSqliteRecords(path);
    await begin(before, orderOf("gen_running"), claimOf(WORKER, STARTED_AT, END_OF_TIME));
    await begin(before, orderOf("gen_ended"), claimOf(WORKER, STARTED_AT, END_OF_TIME));
    await before.finish("gen_ended", WORKER, { status: "SUCCEEDED" }, FINISHED_AT);
    await accept(before, orderOf("gen_queued"));
    expect(await before.interruptExpired(INTERRUPTED, FINISHED_AT)).toEqual([]);
    await before.close();

    const next = await openSqliteRecords(path);
    expect(await next.interruptExpired(INTERRUPTED, FINISHED_AT)).toEqual(["gen_running"]);
    expect(await find(next, "gen_running")).toMatchObject({ status: "FAILED", failure: INTERRUPTED });
    expect(await find(next, "gen_ended")).toMatchObject({ status: "SUCCEEDED" });
    expect(await next.idsQueuedBefore(END_OF_TIME, 10)).toEqual(["gen_queued"]);
    await next.close();
  });

  test("confirms a write after the log is synced; writes share syncs, and reads wait for them too", async () => {
    const path = await newPath();
    const records = await openSqliteRecords(path);
    await accept(records, orderOf("gen_0"));
    const { syncs, restore } = holdSyncs();
    try {
      const ended: string[] = [];
      const note = (name: string) => () => ended.push(name);
      const first = accept(records, orderOf("gen_1")).then(note("first"));
      const releaseFirst = await syncs.next();
      const second = accept(records, orderOf("gen_2")).then(note("second"));
      const third = records.start("gen_0", claimOf()).then(note("third"));
      // Both are committed in the next turns of the event loop, after the first sync began.
      for (let turn = 0; turn < 5; turn++) await nextTurn();
      const read = find(records, "gen_2").then(note("read"));
      releaseFirst.value?.();
      await first;
      const releaseSecond = await syncs.next();
      expect(ended).toEqual(["first"]);
      releaseSecond.value?.();
      await Promise.all([second, third, read]);
      expect(ended).toHaveLength(4);
    } finally {
      restore();
      await records.close();
    }
  });

  test("fails everything after a failed sync until the store is opened again", async () => {
    const path = await newPath();
    const records = await openSqliteRecords(path);
    await accept(records, orderOf("gen_before"));
    const failing = jest.spyOn(fs, "fsync").mockImplementation((_file, done) => done(new Error("EIO")));
    await expect(accept(records, orderOf("gen_lost"))).rejects.toThrow("EIO");
    failing.mockRestore();

    await expect(accept(records, orderOf("gen_after"))).rejects.toThrow("EIO");
    await expect(records.ping()).rejects.toThrow("EIO");
    await records.close();

    const next = await openSqliteRecords(path);
    await accept(next, orderOf("gen_later"));
    expect(await find(next, "gen_before")).toMatchObject({ status: "QUEUED" });
    await next.close();
  });

  test("uses write-ahead logging, and the store syncs the log", async () => {
    const exec = jest.spyOn(DatabaseSync.prototype, "exec");
    try {
      const records = await openSqliteRecords(await newPath());
      const [lock, connection] = exec.mock.contexts as [DatabaseSync, DatabaseSync];

      expect(pragma(lock, "locking_mode")).toBe("exclusive");
      expect(pragma(connection, "journal_mode")).toBe("wal");
      // 1 means NORMAL.
      expect(pragma(connection, "synchronous")).toBe(1);
      expect(pragma(connection, "locking_mode")).toBe("normal");
      expect(pragma(connection, "foreign_keys")).toBe(1);
      await records.close();
    } finally {
      exec.mockRestore();
    }
  });

  test.each([
    ["a text", Buffer.from("This is no database. ".repeat(400))],
    ["the beginning of a database", Buffer.concat([Buffer.from("SQLite format 3\0"), Buffer.alloc(4080, 0xff)])],
  ])("whose file is really %s is refused with its name and left unchanged", async (_what, content) => {
    const path = await newPath();
    await writeFile(path, content);

    const refusal = await refusalOf(path);
    expect(refusal).toBeInstanceOf(StartError);
    expect(refusal.message).toContain(path);
    expect((await readFile(path)).equals(content)).toBe(true);
  });

  test("whose path is a directory is refused with that path", async () => {
    const path = await newPath();
    await mkdir(path);

    expect((await refusalOf(path)).message).toContain(path);
  });

  test("in a missing directory is refused with the directory's name", async () => {
    const directory = join(await newDirectory(), "absent");

    expect((await refusalOf(join(directory, "pictograph.db"))).message).toContain(directory);
  });

  test("of a newer version is refused with the file's name, and left unlocked", async () => {
    const path = await newPath();
    const records = await openSqliteRecords(path);
    await accept(records, orderOf("gen_1"));
    await records.close();
    const tomorrow = "9999-from-tomorrow";
    change(path, `INSERT INTO kysely_migration VALUES ('${tomorrow}', '2030-01-01T00:00:00.000Z')`);

    const refusal = await refusalOf(path);
    expect(refusal).toBeInstanceOf(StartError);
    expect(refusal.message).toContain(path);
    expect(refusal.message).toContain(
      `a newer version of Pictograph has migrated the database (${tomorrow}); use that`,
    );

    change(path, `DELETE FROM kysely_migration WHERE name = '${tomorrow}'`);
    const again = await openSqliteRecords(path);
    expect(await again.idsQueuedBefore(END_OF_TIME, 10)).toEqual(["gen_1"]);
    await again.close();
  });
});

/** The ids of the generations whose prompts have the word, newest first. */
async function foxesIn(records: SqlRecords): Promise<readonly string[]> {
  const found = await records.history.listGenerations({ words: ["fox"], from: "newest", limit: 100 });
  return found.map(({ id }) => id);
}

/** Returns the error for the opener. If the store opens instead, it is closed and the test fails. */
async function refusalOf(path: string): Promise<Error> {
  const result: unknown = await openSqliteRecords(path).catch((error: unknown) => error);
  if (result instanceof Error) return result;
  await (result as { close(): Promise<void> }).close();
  throw new Error(`${path} was opened`);
}

function pragma(connection: DatabaseSync, name: string): unknown {
  return Object.values(connection.prepare(`PRAGMA ${name}`).get() ?? {})[0];
}

/** Whether a word is in any table of the search index, including those that FTS5 creates. */
function searchIndexHolds(path: string, word: string): boolean {
  const database = new DatabaseSync(path, { readOnly: true });
  try {
    const tables = database
      .prepare("SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE 'search\\_%' ESCAPE '\\'")
      .all();
    const names = tables.map(({ name }) => String(name));
    expect(names).toEqual(expect.arrayContaining(["search_entries", "search_index", "search_index_data"]));
    const cells = names
      .filter((name) => name !== "search_index")
      .flatMap((name) =>
        database
          .prepare(`SELECT * FROM ${name}`)
          .all()
          .flatMap((row) => Object.values(row)),
      );
    // FTS5 omits what a word shares with the word before: the middle of a word stays complete.
    return cells.some((cell) => Buffer.from(cell instanceof Uint8Array ? cell : String(cell)).includes(word.slice(2)));
  } finally {
    database.close();
  }
}

function change(path: string, sql: string): void {
  const database = new DatabaseSync(path);
  database.exec(sql);
  database.close();
}

/** Opens the database in another process, accepts gen_1 there, prints that, and keeps running. */
function openInAnotherProcess(path: string): ChildProcess & { readonly stdout: NonNullable<ChildProcess["stdout"]> } {
  const script = `
import { openSqliteRecords } from ${JSON.stringify(new URL("../../../dist/adapters/sql/sqlite/sqlite.js", import.meta.url).href)};
    const order = JSON.parse(process.argv[2], (name, value) => (name === "createdAt" ? new Date(value) : value));
    try {
      const records = await openSqliteRecords(process.argv[1]);
      await records.accept(order, ${JSON.stringify(NO_LIMITS)});
      console.log("accepted");
      setInterval(() => {}, 1000);
    } catch (error) {
      console.log(error.name + ": " + error.message);
    }
  `;
  return spawn(process.execPath, ["--input-type=module", "--eval", script, path, JSON.stringify(orderOf("gen_1"))], {
    stdio: ["ignore", "pipe", "inherit"],
  });
}

/** Holds every sync of a file until the test calls its function in `syncs`. */
function holdSyncs(): { readonly syncs: AsyncIterator<() => void>; readonly restore: () => void } {
  const syncing = new EventEmitter();
  const syncs = on(syncing, "sync")[Symbol.asyncIterator]();
  const spy = jest.spyOn(fs, "fsync").mockImplementation((_file, done) => {
    syncing.emit("sync", () => done(null));
  });
  return {
    syncs: {
      async next() {
        const { value } = await syncs.next();
        return { done: false, value: value?.[0] };
      },
    },
    restore: () => spy.mockRestore(),
  };
}
