import { expect, test } from "@jest/globals";
import { MAX_ADDRESSES, MinuteCounts, OpenCounts } from "../../../../src/api/http/access/address-counts.ts";
import { GatewayError } from "../../../../src/errors.ts";

test("the table of a minute is bounded: addresses beyond the bound share one count", () => {
  let now = new Date("2026-12-01T12:00:00Z");
  const counts = new MinuteCounts(2, () => now);
  for (let index = 0; index < MAX_ADDRESSES; index++) counts.add(`known ${index}`);
  counts.add("known 1");
  counts.add("one more");
  counts.add("another");

  expect(() => counts.add("yet another")).toThrow(GatewayError);
  expect(() => counts.add("known 2")).not.toThrow();
  now = new Date("2026-12-01T12:01:00Z");
  expect(() => counts.add("yet another")).not.toThrow();
});

test("a count of open items drops once, however often the item is ended", () => {
  const counts = new OpenCounts(2, "things");
  const leave = counts.enter("192.0.2.1");
  counts.enter("192.0.2.1");
  expect(() => counts.enter("192.0.2.1")).toThrow("this address may have 2 things at once; end one first");
  leave();
  leave();
  counts.enter("192.0.2.1");

  expect(() => counts.enter("192.0.2.1")).toThrow(GatewayError);
});
