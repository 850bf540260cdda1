import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { Records } from "../../src/ports/records.ts";
import {
  ACCEPTED_AT,
  accept,
  begin,
  claimOf,
  END_OF_TIME,
  FAILURE,
  FINISHED_AT,
  find,
  INTERRUPTED,
  idsOf,
  imageOf,
  keyOf,
  LEASE_UNTIL,
  NO_LIMITS,
  type OpenedRecords,
  OTHER_WORKER,
  orderOf,
  SIZE,
  STARTED_AT,
  WORKER,
} from "./record-samples.ts";

const AFTER_LEASE = new Date(LEASE_UNTIL.getTime() + 1);
const LATER_LEASE = new Date(LEASE_UNTIL.getTime() + 60_000);
const AFTER_LATER_LEASE = new Date(LATER_LEASE.getTime() + 1);

/** What every {@link Records} promises about generations ended by others, and about removal. */
export function recordEndsContract(name: string, open: () => Promise<OpenedRecords>): void {
  describe(`${name} as records of ends`, () => {
    let opened: OpenedRecords;
    let records: Records;

    beforeEach(async () => {
      opened = await open();
      records = opened.records;
    });

    afterEach(() => opened.close());

    describe("interruptExpired", () => {
      test("ends generations with an expired lease, and nothing else", async () => {
        await begin(records, orderOf("gen_over"));
        await begin(records, orderOf("gen_last_moment"), claimOf(WORKER, STARTED_AT, AFTER_LEASE));
        await begin(records, orderOf("gen_ended"));
        await records.finish("gen_ended", WORKER, { status: "SUCCEEDED" }, STARTED_AT);
        await begin(records, orderOf("gen_canceled"));
        await records.cancel("gen_canceled", FAILURE, STARTED_AT);
        await accept(records, orderOf("gen_queued"));

        expect(await records.interruptExpired(INTERRUPTED, AFTER_LEASE)).toEqual(["gen_over"]);
        expect(await find(records, "gen_over")).toStrictEqual({
          ...orderOf("gen_over"),
          status: "FAILED",
          failure: INTERRUPTED,
          startedAt: STARTED_AT,
          finishedAt: AFTER_LEASE,
        });
        expect(await find(records, "gen_last_moment")).toMatchObject({ status: "RUNNING" });
        expect(await find(records, "gen_ended")).toMatchObject({ status: "SUCCEEDED", finishedAt: STARTED_AT });
        expect(await find(records, "gen_canceled")).toMatchObject({ status: "CANCELED", failure: FAILURE });
        expect(await find(records, "gen_queued")).toMatchObject({ status: "QUEUED" });
        expect(await records.interruptExpired(INTERRUPTED, AFTER_LEASE)).toEqual([]);
      });

      test("returns each generation to one of 20 simultaneous callers", async () => {
        const ids = Array.from({ length: 10 }, (_, i) => `gen_${i}`);
        for (const id of ids) await begin(records, orderOf(id));
        const interrupted = await Promise.all(
          Array.from({ length: 20 }, () => records.interruptExpired(INTERRUPTED, AFTER_LEASE)),
        );

        expect(interrupted.flat().sort()).toEqual(ids);
      });

      test("leaves one end if the worker finishes at the same moment", async () => {
        for (let round = 0; round < 10; round++) {
          const id = `gen_${round}`;
          await begin(records, orderOf(id));
          const [isFinished] = await Promise.all([
            records.finish(id, WORKER, { status: "SUCCEEDED" }, FINISHED_AT),
            records.interruptExpired(INTERRUPTED, AFTER_LEASE),
          ]);
          expect(isFinished).toBe(true);
          expect(await find(records, id)).toMatchObject({ status: "SUCCEEDED", finishedAt: FINISHED_AT });
        }
      });
    });

    describe("a worker presumed dead", () => {
      beforeEach(async () => {
        await begin(records, { ...orderOf("gen_1"), idempotency: keyOf("k") });
        await records.interruptExpired(INTERRUPTED, AFTER_LEASE);
      });

      test("may still add a paid image, once", async () => {
        const usage = { inputTokens: 1, outputTokens: 2, totalTokens: 3 };
        expect(await records.addImage(imageOf("gen_1", 0), SIZE, WORKER)).toBe(true);
        expect(await find(records, "gen_1")).toMatchObject({ status: "FAILED", failure: INTERRUPTED });
        expect(await records.finish("gen_1", WORKER, { status: "SUCCEEDED", usage }, FINISHED_AT)).toBe(true);

        expect(await find(records, "gen_1")).toStrictEqual({
          ...orderOf("gen_1"),
          idempotency: keyOf("k"),
          status: "SUCCEEDED",
          generatedSize: SIZE,
          usage,
          startedAt: STARTED_AT,
          finishedAt: FINISHED_AT,
        });
        expect(await records.findImagesOf(["gen_1"])).toStrictEqual([imageOf("gen_1", 0)]);
        expect(await records.finish("gen_1", WORKER, { status: "FAILED", failure: FAILURE }, FINISHED_AT)).toBe(false);
        expect(await records.addImage(imageOf("gen_1", 1), SIZE, WORKER)).toBe(false);
      });

      test("may still add its last image with the end, once", async () => {
        const end = { status: "SUCCEEDED" } as const;
        const last = (index: number) => ({ image: imageOf("gen_1", index), generatedSize: SIZE });
        expect(await records.finish("gen_1", OTHER_WORKER, end, FINISHED_AT, last(0))).toBe(false);
        expect(await records.findImagesOf(["gen_1"])).toEqual([]);
        expect(await records.finish("gen_1", WORKER, end, FINISHED_AT, last(0))).toBe(true);
        expect(await records.finish("gen_1", WORKER, end, FINISHED_AT, last(1))).toBe(false);

        expect(await find(records, "gen_1")).toMatchObject({ status: "SUCCEEDED", generatedSize: SIZE });
        expect(await records.findImagesOf(["gen_1"])).toStrictEqual([imageOf("gen_1", 0)]);
      });

      test("may still report the real reason of a failure", async () => {
        expect(await records.finish("gen_1", WORKER, { status: "FAILED", failure: FAILURE }, FINISHED_AT)).toBe(true);
        expect(await find(records, "gen_1")).toMatchObject({ failure: FAILURE, finishedAt: FINISHED_AT });
      });

      test("is the only worker that may do so", async () => {
        expect(await records.addImage(imageOf("gen_1", 0), SIZE, OTHER_WORKER)).toBe(false);
        expect(await records.finish("gen_1", OTHER_WORKER, { status: "SUCCEEDED" }, FINISHED_AT)).toBe(false);
        expect(await records.start("gen_1", claimOf(OTHER_WORKER))).toBeUndefined();

        expect(await find(records, "gen_1")).toMatchObject({ status: "FAILED", failure: INTERRUPTED });
        expect(await records.findImagesOf(["gen_1"])).toEqual([]);
      });

      test("has no lease to extend", async () => {
        expect(await records.extendLeases(WORKER, LATER_LEASE)).toEqual([]);
        expect(await find(records, "gen_1")).toMatchObject({ status: "FAILED" });
      });
    });

    describe("extendLeases", () => {
      test("extends everything that the worker runs, and nothing else", async () => {
        for (const id of ["gen_1", "gen_2", "gen_3"]) await begin(records, orderOf(id));
        await records.finish("gen_3", WORKER, { status: "SUCCEEDED" }, FINISHED_AT);
        await begin(records, orderOf("gen_other"), claimOf(OTHER_WORKER));
        await accept(records, orderOf("gen_queued"));

        expect([...(await records.extendLeases(WORKER, LATER_LEASE))].sort()).toEqual(["gen_1", "gen_2"]);
        expect(await records.interruptExpired(INTERRUPTED, AFTER_LEASE)).toEqual(["gen_other"]);
        expect([...(await records.interruptExpired(INTERRUPTED, AFTER_LATER_LEASE))].sort()).toEqual([
          "gen_1",
          "gen_2",
        ]);
        expect(await find(records, "gen_queued")).toMatchObject({ status: "QUEUED" });
      });

      test("returns nothing to a worker that runs nothing", async () => {
        expect(await records.extendLeases(WORKER, LATER_LEASE)).toEqual([]);
      });
    });

    describe("cancel", () => {
      test("ends a queued generation without a failure or a cost, so that nobody starts it", async () => {
        await accept(records, orderOf("gen_1"));

        expect(await records.cancel("gen_1", FAILURE, FINISHED_AT)).toBe(true);
        expect(await find(records, "gen_1")).toStrictEqual({
          ...orderOf("gen_1"),
          status: "CANCELED",
          cost: "0.000000",
          finishedAt: FINISHED_AT,
        });
        expect(await records.start("gen_1", claimOf())).toBeUndefined();
      });

      test("ends a running generation with a failure, so that no worker can add to it", async () => {
        await begin(records, orderOf("gen_1"));
        await records.addImage(imageOf("gen_1", 0), SIZE, WORKER);

        expect(await records.cancel("gen_1", FAILURE, FINISHED_AT)).toBe(true);
        for (const worker of [WORKER, OTHER_WORKER]) {
          expect(await records.addImage(imageOf("gen_1", 1), SIZE, worker)).toBe(false);
          expect(await records.finish("gen_1", worker, { status: "SUCCEEDED" }, FINISHED_AT)).toBe(false);
        }
        expect(await records.extendLeases(WORKER, LATER_LEASE)).toEqual([]);
        expect(await records.interruptExpired(INTERRUPTED, END_OF_TIME)).toEqual([]);
        expect(await find(records, "gen_1")).toStrictEqual({
          ...orderOf("gen_1"),
          status: "CANCELED",
          failure: FAILURE,
          generatedSize: SIZE,
          startedAt: STARTED_AT,
          finishedAt: FINISHED_AT,
        });
        expect(await records.findImagesOf(["gen_1"])).toStrictEqual([imageOf("gen_1", 0)]);
      });

      test("returns false and changes nothing if the generation is unknown or has ended", async () => {
        for (const id of ["gen_succeeded", "gen_failed", "gen_interrupted"]) await begin(records, orderOf(id));
        await records.finish("gen_succeeded", WORKER, { status: "SUCCEEDED" }, FINISHED_AT);
        await records.finish("gen_failed", WORKER, { status: "FAILED", failure: FAILURE }, FINISHED_AT);
        await records.interruptExpired(INTERRUPTED, AFTER_LEASE);
        await accept(records, orderOf("gen_canceled"));
        await records.cancel("gen_canceled", FAILURE, STARTED_AT);
        const ids = ["gen_succeeded", "gen_failed", "gen_interrupted", "gen_canceled"];
        const before = await Promise.all(ids.map((id) => find(records, id)));

        for (const id of [...ids, "gen_0"]) expect(await records.cancel(id, FAILURE, END_OF_TIME)).toBe(false);
        expect(await Promise.all(ids.map((id) => find(records, id)))).toStrictEqual(before);
        expect(before.map((generation) => generation?.status)).toEqual(["SUCCEEDED", "FAILED", "FAILED", "CANCELED"]);
      });

      test("succeeds for one of 20 simultaneous callers", async () => {
        await begin(records, orderOf("gen_1"));
        const canceled = await Promise.all(
          Array.from({ length: 20 }, (_, i) => records.cancel("gen_1", FAILURE, new Date(FINISHED_AT.getTime() + i))),
        );

        expect(canceled.filter((isDone) => isDone)).toHaveLength(1);
        const finishedAt = new Date(FINISHED_AT.getTime() + canceled.indexOf(true));
        expect(await find(records, "gen_1")).toMatchObject({ status: "CANCELED", finishedAt });
      });

      test("and finish at once: one of them succeeds", async () => {
        for (let round = 0; round < 10; round++) {
          const id = `gen_${round}`;
          await begin(records, orderOf(id));
          const [isFinished, isCanceled] = await Promise.all([
            records.finish(id, WORKER, { status: "SUCCEEDED" }, FINISHED_AT),
            records.cancel(id, FAILURE, FINISHED_AT),
          ]);
          expect([isFinished, isCanceled].filter((hasWon) => hasWon)).toHaveLength(1);
          expect(await find(records, id)).toMatchObject({ status: isFinished ? "SUCCEEDED" : "CANCELED" });
        }
      });
    });

    describe("remove", () => {
      test("removes a generation with its images and frees its idempotency key, and leaves the others", async () => {
        const order = { ...orderOf("gen_1"), idempotency: keyOf("k") };
        await begin(records, order);
        await begin(records, orderOf("gen_2"));
        for (const id of ["gen_1", "gen_2"]) await records.addImage(imageOf(id, 0), SIZE, WORKER);
        await records.remove("gen_1");

        expect(await find(records, "gen_1")).toBeUndefined();
        expect(await records.findImagesOf(["gen_1", "gen_2"])).toStrictEqual([imageOf("gen_2", 0)]);
        expect(await records.findImages([imageOf("gen_1", 0).id])).toEqual([]);
        const { generation, isNew } = await accept(records, { ...orderOf("gen_3"), idempotency: keyOf("k") });
        expect([generation.id, isNew]).toEqual(["gen_3", true]);
      });

      test("leaves no generation that could be started", async () => {
        await begin(records, orderOf("gen_1"));
        await records.remove("gen_1");

        expect(await records.addImage(imageOf("gen_1", 0), SIZE, WORKER)).toBe(false);
        expect(await records.finish("gen_1", WORKER, { status: "SUCCEEDED" }, FINISHED_AT)).toBe(false);
        expect(await records.extendLeases(WORKER, LATER_LEASE)).toEqual([]);
      });

      test("of an unknown generation does not fail", async () => {
        await records.remove("gen_0");
        await accept(records, orderOf("gen_1"));
        await records.remove("gen_1");
        await records.remove("gen_1");

        expect(await find(records, "gen_1")).toBeUndefined();
      });
    });

    test("one worker at a time claims the sweep, even of several simultaneous ones, until the claim expires", async () => {
      const claim = (at: Date, until: Date) => records.claimSweep(at, until);
      const together = await Promise.all(Array.from({ length: 10 }, () => claim(STARTED_AT, LEASE_UNTIL)));
      expect(together.filter((isClaimed) => isClaimed)).toHaveLength(1);

      expect(await claim(new Date(LEASE_UNTIL.getTime() - 1), LATER_LEASE)).toBe(false);
      expect(await claim(LEASE_UNTIL, LATER_LEASE)).toBe(true);
      expect(await claim(AFTER_LEASE, LATER_LEASE)).toBe(false);
    });

    describe("ids before a given time", () => {
      const momentOf = (i: number) => new Date(ACCEPTED_AT.getTime() + i);

      test("of queued generations are oldest first, only those accepted earlier, up to the limit", async () => {
        for (const i of [3, 1, 5, 2, 4])
          await accept(records, { ...orderOf(`gen_${i}`, momentOf(i)), projectId: `o${i}` });
        await records.start("gen_2", claimOf());

        expect(await records.idsQueuedBefore(momentOf(5), 10)).toEqual(["gen_1", "gen_3", "gen_4"]);
        expect(await records.idsQueuedBefore(momentOf(6), 2)).toEqual(["gen_1", "gen_3"]);
        expect(await records.idsQueuedBefore(momentOf(1), 10)).toEqual([]);
      });

      test("of ended generations are oldest first, only those accepted earlier, up to the limit", async () => {
        for (const i of [6, 3, 1, 5, 2, 4]) await begin(records, orderOf(`gen_${i}`, momentOf(i)));
        await records.finish("gen_1", WORKER, { status: "SUCCEEDED" }, FINISHED_AT);
        await records.finish("gen_3", WORKER, { status: "FAILED", failure: FAILURE }, FINISHED_AT);
        await records.cancel("gen_4", FAILURE, FINISHED_AT);
        await records.finish("gen_5", WORKER, { status: "SUCCEEDED" }, FINISHED_AT);
        await records.finish("gen_6", WORKER, { status: "SUCCEEDED" }, FINISHED_AT);
        await accept(records, orderOf("gen_0", momentOf(0)));

        expect(await records.idsEndedBefore(momentOf(6), 10)).toEqual(["gen_1", "gen_3", "gen_4", "gen_5"]);
        expect(await records.idsEndedBefore(momentOf(6), 3)).toEqual(["gen_1", "gen_3", "gen_4"]);
        expect(await records.idsEndedBefore(momentOf(1), 10)).toEqual([]);
      });
    });

    describe("a full queue", () => {
      const waiting = (maxQueued: number) => ({ ...NO_LIMITS, maxQueued });

      beforeEach(async () => {
        await accept(records, { ...orderOf("gen_1"), idempotency: keyOf("k") });
        await accept(records, orderOf("gen_2"));
      });

      test("refuses another generation, and stores nothing of it", async () => {
        expect(await records.accept({ ...orderOf("gen_3"), idempotency: keyOf("k3") }, waiting(2))).toBe("QUEUE_FULL");

        expect(await find(records, "gen_3")).toBeUndefined();
        expect(await records.accept({ ...orderOf("gen_4"), idempotency: keyOf("k3") }, waiting(3))).toMatchObject({
          generation: { id: "gen_4" },
          isNew: true,
        });
      });

      test("still answers repetitions of accepted generations", async () => {
        const replay = await records.accept({ ...orderOf("gen_3"), idempotency: keyOf("k") }, waiting(2));

        expect(replay).toMatchObject({ generation: { id: "gen_1" }, isNew: false });
        expect(await records.accept({ ...orderOf("gen_3"), idempotency: keyOf("k") }, waiting(0))).toEqual(replay);
      });

      test.each<[string, (records: Records) => Promise<unknown>]>([
        ["started", (records) => records.start("gen_2", claimOf())],
        ["canceled", (records) => records.cancel("gen_2", FAILURE, FINISHED_AT)],
        ["removed", (records) => records.remove("gen_2")],
      ])("has room again after one is %s", async (_what, makeRoom) => {
        await makeRoom(records);

        expect(await records.accept(orderOf("gen_3"), waiting(2))).toMatchObject({ isNew: true });
        expect(await records.accept(orderOf("gen_4"), waiting(2))).toBe("QUEUE_FULL");
      });
    });

    test("keep leases and ends for the next process", async () => {
      for (const id of ["gen_1", "gen_2", "gen_3"]) await begin(records, orderOf(id));
      await records.cancel("gen_2", FAILURE, FINISHED_AT);
      await records.interruptExpired(INTERRUPTED, AFTER_LEASE);
      records = await opened.reopen();

      expect(await records.finish("gen_1", WORKER, { status: "SUCCEEDED" }, FINISHED_AT)).toBe(true);
      expect(await records.finish("gen_2", WORKER, { status: "SUCCEEDED" }, FINISHED_AT)).toBe(false);
      expect(idsOf(await records.findGenerations(["gen_3"]))).toEqual(["gen_3"]);
    });

    test("answer a ping, empty or not", async () => {
      await records.ping();
      await records.accept(orderOf("gen_1"), NO_LIMITS);
      await records.ping();
    });
  });
}
