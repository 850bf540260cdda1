import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { AuditEntry, Projects } from "../../src/ports/projects/projects.ts";
import type { WebhookDelivery, WebhookEndpoint, Webhooks } from "../../src/ports/webhooks.ts";
import {
  ACCEPTED_AT,
  accept,
  type BookedRecords,
  begin,
  DAY_MS,
  END_OF_TIME,
  FAILURE,
  FINISHED_AT,
  INTERRUPTED,
  imageOf,
  NO_LIMITS,
  OTHER_WORKER,
  orderOf,
  SIZE,
  STARTED_AT,
  WORKER,
} from "./record-samples.ts";

/**
 * An adapter on its own empty storage, twice: as two processes have it, or the same one where only one process is
 * allowed.
 */
export interface OpenedWebhooks {
  readonly records: BookedRecords & { readonly webhooks: Webhooks; readonly projects: Projects };
  readonly others: Webhooks;
  close(): Promise<void>;
}

const ALL = { from: "newest", limit: 100 } as const;
const AT = FINISHED_AT;
const UNTIL = new Date(AT.getTime() + 20_000);

const endpointOf = (id: string, changes: Partial<WebhookEndpoint> = {}): WebhookEndpoint => ({
  id,
  projectId: "proj_public",
  url: "https://receiver.example/",
  rootUrl: "https://pictures.example",
  secrets: [{ sealed: "sealed" }],
  isDisabled: false,
  createdAt: ACCEPTED_AT,
  ...changes,
});
const entryOf = (id: string): AuditEntry => ({
  id,
  actor: "anyone",
  action: "createWebhookEndpoint",
  webhookEndpointId: "wh_1",
  changes: ["url"],
  createdAt: ACCEPTED_AT,
});

/** What every {@link Webhooks} promises, beside the records that store its events. */
export function webhooksContract(name: string, open: () => Promise<OpenedWebhooks>): void {
  describe(`${name} as webhooks`, () => {
    let opened: OpenedWebhooks;
    let records: OpenedWebhooks["records"];
    let webhooks: Webhooks;
    let entries = 0;

    beforeEach(async () => {
      opened = await open();
      ({ records } = opened);
      ({ webhooks } = records);
    });

    afterEach(() => opened.close());

    const create = (id = "wh_1", changes: Partial<WebhookEndpoint> = {}, maxCount = 20) =>
      webhooks.create(endpointOf(id, changes), maxCount, entryOf(`log_${++entries}`));
    const deliveries = async (id = "wh_1") => webhooks.listDeliveries(id, ALL);
    const told = async (id = "wh_1") => (await deliveries(id)).map(({ event }) => event.type).toReversed();

    async function storeOne(): Promise<WebhookDelivery> {
      await create();
      await begin(records, orderOf("gen_1"));
      await records.finish("gen_1", WORKER, { status: "SUCCEEDED" }, AT);
      const [delivery] = await deliveries();
      if (!delivery) throw new Error("nothing was stored");
      return delivery;
    }

    test("keeps endpoints, and records each change in the audit log", async () => {
      const endpoint = endpointOf("wh_1", { events: ["image.ready"], description: "the shop" });
      expect(await create("wh_1", endpoint)).toBe(true);
      expect(await webhooks.find("wh_1")).toEqual(endpoint);
      const changed = await webhooks.update(
        "wh_1",
        () => ({ events: undefined, url: "https://b.example" }),
        entryOf("log_b"),
      );
      const { events: _, ...rest } = endpoint;
      expect(changed).toEqual({ ...rest, url: "https://b.example" });
      expect(await webhooks.listOf("proj_public")).toEqual([changed]);
      expect(await webhooks.listOf("proj_other")).toEqual([]);
      expect(await create("wh_2", {}, 1)).toBe(false);
      expect(await webhooks.listAfter("wh_0", 10)).toEqual([changed]);
      expect(await webhooks.remove("wh_1", entryOf("log_c"))).toBe(true);
      expect(await webhooks.remove("wh_1", entryOf("log_d"))).toBe(false);
      expect(await webhooks.update("wh_1", () => ({}), entryOf("log_e"))).toBeUndefined();

      const logged = await records.projects.listEntries({ from: "oldest", limit: 10 });
      expect(logged.map(({ id }) => id).sort()).toEqual([`log_${entries - 1}`, "log_b", "log_c"].sort());
      expect(logged[0]).toMatchObject({ webhookEndpointId: "wh_1", actor: "anyone" });
    });

    test("has one delivery of each end and image for each endpoint of the project that wants it", async () => {
      await create();
      await create("wh_2", { events: ["generation.failed"] });
      await create("wh_3", { isDisabled: true });
      await create("wh_4", { projectId: "proj_other" });
      let stored = 0;
      const stop = webhooks.onStored(() => stored++);
      await begin(records, orderOf("gen_1"));
      expect(stored).toBe(0);
      for (let count = 0; count < 2; count++) await records.addImage(imageOf("gen_1", 0), SIZE, WORKER);
      await records.finish("gen_1", OTHER_WORKER, { status: "SUCCEEDED" }, AT);
      await records.finish("gen_1", WORKER, { status: "SUCCEEDED" }, AT);
      await begin(records, orderOf("gen_2"));
      await records.finish("gen_2", WORKER, { status: "FAILED", failure: FAILURE }, AT);
      await begin(records, orderOf("gen_3"));
      expect(await records.interruptExpired(INTERRUPTED, END_OF_TIME)).toEqual(["gen_3"]);
      await records.finish("gen_3", WORKER, { status: "SUCCEEDED" }, AT);
      await accept(records, orderOf("gen_4"));
      await records.cancel("gen_4", INTERRUPTED, AT);
      await records.cancel("gen_4", INTERRUPTED, AT);
      stop();

      const id = { id: expect.stringMatching(/^msg_/), status: "PENDING", attemptCount: 0, attempts: [] };
      const finishedAt = AT.toISOString();
      const found = await deliveries();
      expect(found.map(({ event }) => event)).toEqual(
        expect.arrayContaining([
          { type: "image.ready", generationId: "gen_1", imageId: imageOf("gen_1", 0).id },
          { type: "generation.succeeded", generationId: "gen_1", finishedAt },
          { type: "generation.failed", generationId: "gen_2", finishedAt, failure: FAILURE },
          {
            type: "generation.failed",
            generationId: "gen_3",
            finishedAt: END_OF_TIME.toISOString(),
            failure: INTERRUPTED,
          },
          { type: "generation.succeeded", generationId: "gen_3", finishedAt },
          { type: "generation.canceled", generationId: "gen_4", finishedAt },
        ]),
      );
      expect(found).toHaveLength(6);
      expect(found.find(({ event }) => event.type === "generation.canceled")).toMatchObject({
        ...id,
        nextAttemptAt: AT,
        createdAt: AT,
      });
      expect(await told("wh_2")).toEqual(["generation.failed", "generation.failed"]);
      expect(await told("wh_3")).toEqual([]);
      expect(await told("wh_4")).toEqual([]);
      expect(stored).toBe(6);
    });

    test("reports once per window that a budget reached 50 %, reached 80 %, and refused", async () => {
      await create();
      const terms = { ...NO_LIMITS, dailyBudget: "1" };
      const order = (id: string, at = ACCEPTED_AT) => ({ ...orderOf(id, at), maxCost: "0.25" });
      for (let count = 1; count <= 6; count++) await records.accept(order(`gen_${count}`), terms);
      await records.cancel("gen_1", INTERRUPTED, AT);
      for (let count = 7; count <= 9; count++) await records.accept(order(`gen_${count}`), terms);

      const ofBudgets = (await deliveries()).filter(({ event }) => event.type.startsWith("budget."));
      const facts = ofBudgets.map(({ event }) => [event.type, "thresholdPercent" in event && event.thresholdPercent]);
      expect(facts).toHaveLength(3);
      expect(facts).toEqual(
        expect.arrayContaining([
          ["budget.threshold", 50],
          ["budget.threshold", 80],
          ["budget.exhausted", false],
        ]),
      );
      expect(
        ofBudgets.find(({ event }) => "thresholdPercent" in event && event.thresholdPercent === 50)?.event,
      ).toMatchObject({
        budget: { scope: "PROJECT", window: "DAY", limitUsd: "1", heldUsd: "0.500000", spentUsd: "0.000000" },
      });
    });

    test("lets one process claim due deliveries until the claim expires", async () => {
      const { id } = await storeOne();
      expect(await webhooks.findDue(new Date(AT.getTime() - 1))).toEqual([]);
      expect((await webhooks.findDue(AT)).map((endpoint) => endpoint.id)).toEqual(["wh_1"]);
      const claim = { at: AT, until: UNTIL, limit: 10 };
      const claims = await Promise.all([webhooks, opened.others].map((each) => each.claim("wh_1", claim)));
      expect(claims.flat().map((delivery) => delivery.id)).toEqual([id]);
      const [claimed] = claims.flat();
      expect(await opened.others.claim("wh_1", claim)).toEqual([]);
      expect(await opened.others.findDue(AT)).toEqual([]);

      const next = { at: UNTIL, until: new Date(UNTIL.getTime() + 20_000), limit: 10 };
      const [taken] = await opened.others.claim("wh_1", next);
      const result = { status: "DELIVERED", attempts: [], attemptCount: 1, nextAttemptAt: undefined } as const;
      expect(claimed && (await webhooks.record(claimed, result))).toBe(false);
      expect(taken && (await opened.others.record(taken, result))).toBe(true);
      const { nextAttemptAt: _, ...ended } = { ...taken, ...result };
      expect(await webhooks.findDelivery(id)).toEqual(ended);
    });

    test("divides many due deliveries among processes", async () => {
      await create();
      for (let count = 0; count < 40; count++) {
        await accept(records, orderOf(`gen_${count}`));
        await records.cancel(`gen_${count}`, INTERRUPTED, AT);
      }
      const claim = { at: AT, until: UNTIL, limit: 4 };
      const claims = await Promise.all(
        Array.from({ length: 10 }, (_, index) => (index % 2 ? webhooks : opened.others).claim("wh_1", claim)),
      );
      const ids = claims.flat().map(({ id }) => id);

      expect(new Set(ids).size).toBe(ids.length);
      expect(ids.length).toBeGreaterThan(0);
    });

    test("gives up a claim, and starts a schedule anew", async () => {
      const { id } = await storeOne();
      const [claimed] = await webhooks.claim("wh_1", { at: AT, until: UNTIL, limit: 1 });
      if (claimed) await webhooks.release(claimed, AT);
      expect(await webhooks.findDue(AT)).toHaveLength(1);
      const [again] = await webhooks.claim("wh_1", { at: AT, until: UNTIL, limit: 1 });
      const attempts = [{ at: AT.toISOString(), statusCode: 500, error: "failed" }];
      const failed = { status: "FAILED", attempts, attemptCount: 10, nextAttemptAt: undefined } as const;
      if (again) await webhooks.record(again, { ...failed, endpoint: { failingSince: AT } });
      expect(await webhooks.find("wh_1")).toMatchObject({ failingSince: AT });

      const restarted = await webhooks.restart(id, UNTIL);
      expect(restarted).toMatchObject({ status: "PENDING", attempts, attemptCount: 0, nextAttemptAt: UNTIL });
      expect(await webhooks.restart("msg_none", UNTIL)).toBeUndefined();
    });

    test("counts waiting deliveries, claimed or not, and returns the time of the oldest", async () => {
      expect(await webhooks.backlog()).toEqual({ waiting: 0, oldestAt: undefined });
      const { createdAt } = await storeOne();
      await accept(records, orderOf("gen_2"));
      await records.cancel("gen_2", INTERRUPTED, UNTIL);
      expect(await webhooks.backlog()).toEqual({ waiting: 2, oldestAt: createdAt });

      const [claimed] = await webhooks.claim("wh_1", { at: AT, until: UNTIL, limit: 1 });
      expect(await opened.others.backlog()).toEqual({ waiting: 2, oldestAt: createdAt });
      const delivered = { status: "DELIVERED", attempts: [], attemptCount: 1, nextAttemptAt: undefined } as const;
      if (claimed) await webhooks.record(claimed, delivered);
      expect(await webhooks.backlog()).toEqual({ waiting: 1, oldestAt: UNTIL });
    });

    test("fails waiting deliveries of a disabled endpoint", async () => {
      const { id } = await storeOne();
      const [claimed] = await webhooks.claim("wh_1", { at: AT, until: UNTIL, limit: 1 });
      await webhooks.update("wh_1", () => ({ isDisabled: true, disabledReason: "by hand" }), entryOf("log_b"));

      expect((await webhooks.findDelivery(id))?.status).toBe("FAILED");
      expect((await webhooks.findDelivery(id))?.nextAttemptAt).toBeUndefined();
      const delivered = { status: "DELIVERED", attempts: [], attemptCount: 1, nextAttemptAt: undefined } as const;
      expect(claimed && (await webhooks.record(claimed, delivered))).toBe(false);
    });

    test("removes deliveries that ended long ago, and no waiting ones", async () => {
      const { id } = await storeOne();
      const old = new Date(STARTED_AT.getTime() - DAY_MS);
      const add = (id: string, status: WebhookDelivery["status"], createdAt: Date, nextAttemptAt?: Date) =>
        webhooks.addDelivery({
          id,
          endpointId: "wh_1",
          event: { type: "webhook.test" },
          status,
          attemptCount: 1,
          attempts: [],
          nextAttemptAt,
          createdAt,
        });
      await add("msg_a", "DELIVERED", old);
      await add("msg_b", "FAILED", old);
      await add("msg_c", "PENDING", old, AT);
      await add("msg_d", "DELIVERED", AT);
      await webhooks.forget({ deliveredBefore: STARTED_AT, failedBefore: old, at: AT });
      expect((await deliveries()).map((delivery) => delivery.id).sort()).toEqual(
        [id, "msg_b", "msg_c", "msg_d"].sort(),
      );
      await webhooks.forget({ deliveredBefore: STARTED_AT, failedBefore: STARTED_AT, at: AT });
      expect((await deliveries()).map((delivery) => delivery.id).sort()).toEqual([id, "msg_c", "msg_d"].sort());
    });
  });
}
