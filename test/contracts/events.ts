import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { Events, GenerationNotice } from "../../src/ports/events.ts";

/** An adapter that receives only what its own test publishes. */
export interface OpenedEvents {
  readonly events: Events;
  close(): Promise<void>;
}

/** What every {@link Events} promises, whether notices come directly or through another machine. */
export function eventsContract(name: string, open: () => Promise<OpenedEvents>): void {
  describe(`${name} as events`, () => {
    let opened: OpenedEvents;
    let events: Events;

    beforeEach(async () => {
      opened = await open();
      events = opened.events;
    });

    afterEach(() => opened.close());

    test("tell each subscriber of a generation that it changed", async () => {
      const ears = [new Ear(), new Ear(), new Ear()];
      for (const ear of ears) events.subscribe("gen_1", ear.listen);
      events.publish({ generationId: "gen_1" });
      for (const ear of ears) await ear.heard(1);
      events.publish({ generationId: "gen_1" });
      for (const ear of ears) await ear.heard(2);

      expect(ears.map((ear) => ear.ids)).toEqual(ears.map(() => ["gen_1", "gen_1"]));
    });

    test("do not reach subscribers of other generations", async () => {
      const one = new Ear();
      const other = new Ear();
      events.subscribe("gen_1", one.listen);
      events.subscribe("gen_10", other.listen);
      events.publish({ generationId: "gen_10" });
      events.publish({ generationId: "gen_" });
      events.publish({ generationId: "gen_1" });
      await one.heard(1);
      await other.heard(1);

      expect([one.ids, other.ids]).toEqual([["gen_1"], ["gen_10"]]);
    });

    test("tell one listener about both generations that it asked for", async () => {
      const ear = new Ear();
      events.subscribe("gen_1", ear.listen);
      events.subscribe("gen_2", ear.listen);
      events.publish({ generationId: "gen_2" });
      events.publish({ generationId: "gen_1" });
      await ear.heard(2);

      expect([...ear.ids].sort()).toEqual(["gen_1", "gen_2"]);
    });

    test("stop for a listener that unsubscribes, and continue for the others", async () => {
      const leaving = new Ear();
      const staying = new Ear();
      const leave = events.subscribe("gen_1", leaving.listen);
      events.subscribe("gen_1", staying.listen);
      events.publish({ generationId: "gen_1" });
      await leaving.heard(1);
      await staying.heard(1);

      leave();
      leave();
      events.publish({ generationId: "gen_1" });
      await staying.heard(2);

      expect(leaving.ids).toEqual(["gen_1"]);
    });

    test("let a listener unsubscribe while it is called", async () => {
      const staying = new Ear();
      let calls = 0;
      const leave = events.subscribe("gen_1", () => {
        calls++;
        leave();
      });
      events.subscribe("gen_1", staying.listen);
      events.publish({ generationId: "gen_1" });
      await staying.heard(1);
      events.publish({ generationId: "gen_1" });
      await staying.heard(2);

      expect(calls).toBe(1);
    });

    test("forget notices that have no subscriber", async () => {
      events.publish({ generationId: "gen_1" });
      const ear = new Ear();
      events.subscribe("gen_1", ear.listen);
      events.publish({ generationId: "gen_1" });
      await ear.heard(1);

      expect(ear.ids.length).toBeGreaterThan(0);
    });

    test("tell subscribers in the same process immediately if a change could not be recorded", () => {
      const heard: GenerationNotice[] = [];
      const leave = events.subscribe("gen_1", (notice) => heard.push(notice));
      events.publish({ generationId: "gen_1", isUnrecorded: true });
      leave();

      expect(heard).toEqual([{ generationId: "gen_1", isUnrecorded: true }]);
    });

    test("say in the same process which worker made a change", async () => {
      const ear = new Ear();
      const all = Array.from({ length: 60 }, (_, i) => ({
        generationId: `gen_${i}`,
        ...(i % 3 > 0 && { worker: `run_${i % 3}` }),
      }));
      for (const { generationId } of all) events.subscribe(generationId, ear.listen);
      for (const notice of all) events.publish(notice);
      await ear.heard(60);

      expect(Object.fromEntries(ear.ids.map((id, i) => [id, ear.workers[i]]))).toEqual(
        Object.fromEntries(all.map(({ generationId, worker }) => [generationId, worker])),
      );
    });

    test("report a new generation only to listeners of all generations", async () => {
      const all = new Ear();
      const one = new Ear();
      const leave = events.subscribeToAll((notice) => notice && all.listen(notice));
      events.subscribe("gen_1", one.listen);
      events.publish({ generationId: "gen_1", isNew: true });
      await all.heard(1);
      events.publish({ generationId: "gen_1", worker: "run_1" });
      events.publish({ generationId: "gen_2" });
      await all.heard(3);
      leave();
      events.publish({ generationId: "gen_1" });
      await one.heard(2);

      expect([...all.ids].sort()).toEqual(["gen_1", "gen_1", "gen_2"]);
      expect(one.ids).toEqual(["gen_1", "gen_1"]);
    });

    test("reach hundreds of subscribers", async () => {
      const ears = Array.from({ length: 300 }, () => new Ear());
      const leaves = ears.map((ear) => events.subscribe("gen_1", ear.listen));
      events.publish({ generationId: "gen_1" });
      await Promise.all(ears.map((ear) => ear.heard(1)));
      for (const leave of leaves) leave();
    });
  });
}

/** Subscribes, and waits for notices. */
export class Ear {
  readonly ids: string[] = [];
  /** The worker that made each change, if the notice names it. */
  readonly workers: (string | undefined)[] = [];
  #changed = Promise.withResolvers<void>();

  readonly listen = (notice: GenerationNotice): void => {
    this.ids.push(notice.generationId);
    this.workers.push(notice.worker);
    this.#changed.resolve();
    this.#changed = Promise.withResolvers<void>();
  };

  async heard(count: number): Promise<void> {
    while (this.ids.length < count) await this.#changed.promise;
  }
}
