import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { brokenPromises } from "../chaos/chaos.ts";
import { OutageRun } from "./outage.ts";

/** Longer than any step takes on a slow machine; a run that hangs fails at this time. */
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
    // Checks that there was something to lose.
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
    // If a generation's start was recorded but the answer was lost, it was never submitted. It says so and may be
    // repeated.
    expect(["SUCCEEDED", "FAILED INTERRUPTED"]).toEqual(expect.arrayContaining([...verdict.finished.keys()]));
    expect(verdict.accepted).toBe([...verdict.finished.values()].reduce((sum, count) => sum + count, 0));
    expect(verdict.imagesLoaded).toBeGreaterThan(0);
    expect(verdict.acceptedEdits).toBeGreaterThan(0);
  },
  TIMEOUT_MS,
);
