import { describe, test } from "@jest/globals";
import fc from "fast-check";
import { FUZZERS } from "./fuzzers.ts";

/** Enough to find a parser that breaks easily. `npm run fuzz` searches longer. */
const RUNS = 300;

describe("with random bytes", () => {
  test.each(FUZZERS.map((fuzzer) => [fuzzer.name, fuzzer] as const))("%s", async (_name, { property }) => {
    // A failure prints the seed and the smallest bytes that show it.
    await fc.assert(property, { numRuns: RUNS });
  });
});
