import { setImmediate } from "node:timers/promises";
import { beforeEach, describe, expect, test } from "@jest/globals";
import { DecodeQueue, editTurnOf, type Turn } from "../../../src/service/images/decode-queue.ts";
import type { Caller } from "../../../src/service/projects/caller.ts";

const LIGHT_MS = 10;
const HEAVY_MS = 1_000;

const view = (projectId: string): Turn => ({ kind: "view", projectId });
const edit = (projectId: string): Turn => ({ kind: "edit", projectId });
const PAID: Turn = { kind: "generation", projectId: "a" };

let queue: DecodeQueue;
/** The images in the order in which they got their turn. */
let order: string[];

beforeEach(() => {
  queue = new DecodeQueue({ light: 1, heavy: 1 });
  order = [];
});

/** Records its turn, and leaves immediately. */
async function enter(name: string, turn: Turn, workMs: number): Promise<void> {
  const done = await queue.enter(turn, workMs);
  order.push(name);
  done();
}

describe("the queue of decoders", () => {
  test("decodes a light image while heavy ones wait", async () => {
    const done = await queue.enter(view("a"), HEAVY_MS);
    const waiting = enter("heavy", view("a"), HEAVY_MS);
    await enter("light", view("a"), LIGHT_MS);

    expect(order).toEqual(["light"]);
    done();
    await waiting;
  });

  test.each([LIGHT_MS, HEAVY_MS])(
    "lets callers take turns, however many images of %i ms one of them sends",
    async (workMs) => {
      const done = await queue.enter(edit("a"), workMs);
      const waiting = [
        enter("edit 1 of a", edit("a"), workMs),
        enter("edit 2 of a", edit("a"), workMs),
        enter("edit 3 of a", edit("a"), workMs),
        enter("edit of b", edit("b"), workMs),
        enter("view of a", view("a"), workMs),
      ];
      done();
      await Promise.all(waiting);

      expect(order).toEqual(["edit 1 of a", "edit of b", "view of a", "edit 2 of a", "edit 3 of a"]);
    },
  );

  test.each<[string, Partial<Caller>, Partial<Caller>]>([
    ["networks", { network: "192.0.2.1" }, { network: "192.0.2.2" }],
    ["API keys", { apiKeyId: "key_1", network: "192.0.2.1" }, { apiKeyId: "key_2", network: "192.0.2.1" }],
    ["end users", { endUser: "ann", apiKeyId: "key_1" }, { endUser: "ben", apiKeyId: "key_1" }],
  ])("distinguishes callers of one project by their %s", async (_what, ann, ben) => {
    const editOf = (caller: Partial<Caller>) => editTurnOf({ projectId: "proj_public", ...caller });
    const done = await queue.enter(editOf(ann), HEAVY_MS);
    const waiting = [
      enter("ann 1", editOf(ann), HEAVY_MS),
      enter("ann 2", editOf(ann), HEAVY_MS),
      enter("ben", editOf(ben), HEAVY_MS),
    ];
    done();
    await Promise.all(waiting);

    expect(order).toEqual(["ann 1", "ben", "ann 2"]);
  });

  test.each([
    ["light", 80, LIGHT_MS * 10],
    ["heavy", 8, HEAVY_MS],
  ])("refuses a caller with too many waiting %s images, and no other caller", async (_lane, most, workMs) => {
    const done = await queue.enter(view("a"), workMs);
    const waiting = Array.from({ length: most }, () => enter("a", view("a"), workMs));

    await expect(queue.enter(view("a"), workMs)).rejects.toMatchObject({
      code: "OVERLOADED",
      message: "too many images wait to be rendered; load this one again later",
      details: { retryAfterSeconds: 5 },
    });
    waiting.push(enter("b", edit("b"), workMs), enter("paid", PAID, workMs));
    done();
    await Promise.all(waiting);
    expect(order.slice(0, 3)).toEqual(["a", "b", "paid"]);
    await queue.onIdle();
  });

  test("refuses everyone if too much waits, except paid images", async () => {
    const done = await queue.enter(view("a"), HEAVY_MS);
    const waiting = ["a", "b", "c"].flatMap((project) =>
      Array.from({ length: 8 }, () => enter(project, view(project), HEAVY_MS)),
    );

    await expect(queue.enter(edit("d"), HEAVY_MS)).rejects.toMatchObject({
      code: "OVERLOADED",
      message: "too many images wait to be checked; send the edit again later",
    });
    waiting.push(...Array.from({ length: 100 }, () => enter("paid", PAID, HEAVY_MS)));
    done();
    await Promise.all(waiting);
    expect(order).toHaveLength(124);
  });

  test("never refuses an image while nothing waits, however large, and frees a place only once", async () => {
    const done = await queue.enter(view("a"), 1_000_000);
    done();
    done();
    const again = await queue.enter(view("a"), 1_000_000);
    const waiting = enter("b", view("b"), HEAVY_MS);
    await setImmediate();

    expect(order).toEqual([]);
    again();
    await waiting;
    await queue.onIdle();
  });
});
