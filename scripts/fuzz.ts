import { parseArgs } from "node:util";
import fc from "fast-check";
import { FUZZERS } from "../test/fuzz/fuzzers.ts";

/**
 * `npm run fuzz` gives 100,000 random inputs to each parser of callers' bytes. `npm run fuzz -- --runs 1000000 map`
 * gives more to those whose names contain the word. It prints the seed and the smallest input that breaks a parser, and
 * then exits with 1.
 */
const { values, positionals: words } = parseArgs({
  options: { runs: { type: "string", default: "100000" }, seed: { type: "string" } },
  allowPositionals: true,
});
const numRuns = Number(values.runs);
if (!Number.isInteger(numRuns) || numRuns < 1) throw new Error("--runs is a whole number above 0");
const seed = values.seed === undefined ? Date.now() | 0 : Number(values.seed);
const chosen = FUZZERS.filter(({ name }) => words.length === 0 || words.some((word) => name.includes(word)));

for (const { name, property } of chosen) {
  const details = await fc.check(property, { numRuns, seed });
  console.log(`${details.failed ? "BROKEN" : "sound "} ${details.numRuns} runs: ${name}`);
  if (!details.failed) continue;
  console.log(await fc.asyncDefaultReportMessage(details));
  process.exitCode = 1;
}
