import { expect, test } from "@jest/globals";
import { brokenPromises, runChaos } from "./chaos.ts";

/** Longer than a run takes on a slow machine; a run that hangs fails at this time. */
const TIMEOUT_MS = 240_000;
/** Enough of the first clients request edits. */
const SEED = 20_261_114;

test.each([
  ["embedded", 8],
  ["distributed", 4],
] as const)(
  "%s gateways lose nothing accepted and pay for nothing twice in %i rounds of SIGKILL, SIGTERM and Ctrl-C",
  async (topology, rounds) => {
    const report = await runChaos({ topology, rounds, seed: SEED, clients: 8 });

    expect(Object.fromEntries(brokenPromises(report))).toEqual({});
    const finished = [...report.finished.values()].reduce((sum, count) => sum + count, 0);
    expect(report.accepted).toBe(finished);
    // Checks that the run was worth something: gateways had work when they were ended.
    expect(report.finished.get("SUCCEEDED")).toBeGreaterThan(0);
    expect(report.imagesLoaded).toBeGreaterThan(0);
    expect(report.acceptedEdits).toBeGreaterThan(0);
    expect(report.webhooks).toBeGreaterThan(report.finished.get("SUCCEEDED") ?? 0);
    expect(report.refused).toBeGreaterThan(0);
    expect([report.kills.all, report.stops.all]).toEqual([rounds / 2, rounds / 2]);
    expect(report.kills.idle + report.stops.idle).toBeLessThan(rounds);
    expect(report.repeats + report.throughStops).toBeGreaterThan(0);
  },
  TIMEOUT_MS,
);
