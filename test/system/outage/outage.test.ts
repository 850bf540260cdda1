import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { brokenPromises } from "../chaos/chaos.ts";
import { OutageRun } from "./outage.ts";

/** More than any step takes on a slow machine; a run that stands still fails by it. */
const TIMEOUT_MS = 120_000;

let run: OutageRun;

beforeAll(async () => {
  run = await OutageRun.start({ seed: 20_261_122, clients: 16, leaseSeconds: 15 });
}, TIMEOUT_MS);

afterAll(() => run?.[Symbol.asyncDispose](), TIMEOUT_MS);

test.each([
  ["database", ["store"]],
  ["storage", ["storage"]],
  ["both", ["store", "storage"]],
] as const)(
  "%s down under load: the gateways stay up and say what fails, and requests wait or are answered",
  async (outage, failedChecks) => {
    const { before, health, answersMeanwhile, paidMeanwhile } = await run.suffer(outage);

    expect(health).toEqual(Array(2).fill({ healthz: 200, readyz: 503, failedChecks }));
    expect(answersMeanwhile.size).toBeGreaterThan(0);
    // There was something to lose.
    expect(before.queued).toBeGreaterThan(0);
    expect(before.inProvidersHands).toBeGreaterThan(0);
    expect(paidMeanwhile.length).toBeGreaterThan(0);
  },
  TIMEOUT_MS,
);

test(
  "after the outage every accepted generation has ended, with its images, paid for once",
  async () => {
    const verdict = await run.settle();

    expect(Object.fromEntries(brokenPromises(verdict))).toEqual({});
    expect(verdict.misshapen).toEqual([]);
    expect(verdict.paidAndLost).toEqual([]);
    // A generation whose start was recorded while the answer got lost was never submitted: it says so and can be repeated.
    expect(["SUCCEEDED", "FAILED INTERRUPTED"]).toEqual(expect.arrayContaining([...verdict.finished.keys()]));
    expect(verdict.accepted).toBe([...verdict.finished.values()].reduce((sum, count) => sum + count, 0));
    expect(verdict.imagesLoaded).toBeGreaterThan(0);
    expect(verdict.acceptedEdits).toBeGreaterThan(0);
  },
  TIMEOUT_MS,
);
