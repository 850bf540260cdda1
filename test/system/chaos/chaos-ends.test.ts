import { describe, expect, test } from "@jest/globals";
import { ChaosBooks, type Order, type ToldGeneration } from "./chaos-books.ts";
import { changesOf, compareEnds, type EndRecords, readRecordedEnds } from "./chaos-ends.ts";
import type { LedgerRow } from "./chaos-ledger.ts";

const ID = "gen_1";

function endOf(status: ToldGeneration["status"], code?: string, billed = "UNKNOWN"): ToldGeneration {
  return { id: ID, status, failure: code === undefined ? null : { code, billed }, images: [] };
}

/**
 * The log line of an end: with a duration if the process ran the generation, without one if it took the generation
 * over.
 */
function lineOf(status: string, code?: string, providerMs?: number): string {
  return JSON.stringify({ level: "info", generationId: ID, status, code, providerMs, msg: "generation ended" });
}

function rowOf(state: string): LedgerRow {
  const others = { projectId: "proj_public", apiKeyId: undefined, settled: 1n, images: 1, isEstimated: false };
  return { generationId: ID, state, ...others };
}

function recordsOf(lines: readonly string[], states: readonly string[] = ["SETTLED"]): EndRecords {
  return { recorded: readRecordedEnds(1, lines), ledgerRows: states.map(rowOf) };
}

const INTERRUPTED = endOf("FAILED", "INTERRUPTED");
const SUCCEEDED = endOf("SUCCEEDED");
const FINISHED = recordsOf(['{"msg":"ready"}', lineOf("FAILED", "INTERRUPTED"), lineOf("SUCCEEDED", undefined, 12)]);

describe("an end that is reported twice", () => {
  test("is not a change", () => {
    expect(compareEnds(SUCCEEDED, endOf("SUCCEEDED"), FINISHED)).toBe("none");
    expect(compareEnds(INTERRUPTED, endOf("FAILED", "INTERRUPTED"), recordsOf([]))).toBe("none");
  });
});

describe("an end after a takeover", () => {
  test("may be replaced by the end that the original process recorded", () => {
    expect(compareEnds(INTERRUPTED, SUCCEEDED, FINISHED)).toBe("finished after a takeover");
    const rejected = endOf("FAILED", "CONTENT_REJECTED", "NO");
    const records = recordsOf([lineOf("FAILED", "CONTENT_REJECTED", 12)]);
    expect(compareEnds(INTERRUPTED, rejected, records)).toBe("finished after a takeover");
    expect([...changesOf([INTERRUPTED, SUCCEEDED, SUCCEEDED, INTERRUPTED], FINISHED)]).toEqual([
      { kind: "finished after a takeover", inWords: "FAILED INTERRUPTED became SUCCEEDED" },
      { kind: "contradiction", inWords: "SUCCEEDED became FAILED INTERRUPTED" },
    ]);
  });
});

describe("every other change of an end is a contradiction:", () => {
  test.each<[string, ToldGeneration, ToldGeneration, EndRecords]>([
    ["a success that fails", SUCCEEDED, INTERRUPTED, FINISHED],
    ["a success that is canceled", SUCCEEDED, endOf("CANCELED"), FINISHED],
    ["a cancelation that succeeds", endOf("CANCELED", "INTERRUPTED"), SUCCEEDED, FINISHED],
    [
      "an interruption that is canceled",
      INTERRUPTED,
      endOf("CANCELED"),
      recordsOf([lineOf("CANCELED", undefined, 12)]),
    ],
    ["another failure that succeeds", endOf("FAILED", "UPSTREAM_FAILED"), SUCCEEDED, FINISHED],
    [
      "a failure for another reason",
      endOf("FAILED", "UPSTREAM_FAILED"),
      endOf("FAILED", "CONTENT_REJECTED"),
      recordsOf([lineOf("FAILED", "CONTENT_REJECTED", 12)]),
    ],
    [
      "an interruption that cost nothing: it was no takeover",
      endOf("FAILED", "INTERRUPTED", "NO"),
      SUCCEEDED,
      FINISHED,
    ],
    [
      "an interruption that the process itself recorded",
      INTERRUPTED,
      SUCCEEDED,
      recordsOf([lineOf("FAILED", "INTERRUPTED", 12), lineOf("SUCCEEDED", undefined, 12)]),
    ],
    ["a success that no process recorded", INTERRUPTED, SUCCEEDED, recordsOf([])],
    ["a success of which only others know", INTERRUPTED, SUCCEEDED, recordsOf([lineOf("SUCCEEDED")])],
    [
      "a success that was recorded twice",
      INTERRUPTED,
      SUCCEEDED,
      recordsOf([lineOf("SUCCEEDED", undefined, 12), lineOf("SUCCEEDED", undefined, 12)]),
    ],
    [
      "a success that was not settled",
      INTERRUPTED,
      SUCCEEDED,
      recordsOf([lineOf("SUCCEEDED", undefined, 12)], ["HELD"]),
    ],
    [
      "a success without a row in the ledger",
      INTERRUPTED,
      SUCCEEDED,
      recordsOf([lineOf("SUCCEEDED", undefined, 12)], []),
    ],
    [
      "a success that was settled twice",
      INTERRUPTED,
      SUCCEEDED,
      recordsOf([lineOf("SUCCEEDED", undefined, 12)], ["SETTLED", "SETTLED"]),
    ],
  ])("%s", (_what, before, after, records) => {
    expect(compareEnds(before, after, records)).toBe("contradiction");
  });
});

describe("the ends that clients saw", () => {
  const newOrder = () => ({ marker: "chaos-1-1", ids: new Set(), ends: [] as ToldGeneration[] }) as unknown as Order;

  test("are counted once each", () => {
    const [books, order] = [new ChaosBooks(), newOrder()];
    for (const told of [endOf("RUNNING"), INTERRUPTED, INTERRUPTED, SUCCEEDED, SUCCEEDED]) books.note(order, told);

    expect(order.ends).toEqual([INTERRUPTED, SUCCEEDED]);
    expect(books.contradictions).toEqual([]);
  });

  test("are contradicted by a generation that runs afterwards", () => {
    const books = new ChaosBooks();
    const order = newOrder();
    for (const told of [SUCCEEDED, endOf("RUNNING")]) books.note(order, told);

    expect(books.contradictions).toEqual(["chaos-1-1: was told SUCCEEDED and then RUNNING"]);
  });
});
