import { expect, test } from "@jest/globals";
import { UsualDurations } from "../../../src/service/generations/usual-durations.ts";

test("a model's usual duration is one minute until it is known, and then the median of its last calls", () => {
  const durations = new UsualDurations();
  expect(durations.of("a")).toBe(60_000);
  durations.learn("a", 5_000);
  expect(durations.of("a")).toBe(5_000);
  for (const durationMs of [1, 9_000, 7_000]) durations.learn("a", durationMs);

  expect(durations.of("a")).toBe(7_000);
  expect(durations.of("b")).toBe(60_000);
  for (let i = 0; i < 100; i++) durations.learn("a", 20_000);
  for (let i = 0; i < 7; i++) durations.learn("a", 1);
  expect(durations.of("a")).toBe(20_000);
  durations.learn("a", 1);
  expect(durations.of("a")).toBe(1);
});
