import { afterEach, beforeEach, expect, jest, test } from "@jest/globals";
import { ImageRate } from "../../../../src/service/generations/running/image-rate.ts";
import { seededRandom } from "../../../support/random.ts";

const MINUTE_MS = 60_000;
const NEVER = new AbortController().signal;

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

test("no minute has more images than allowed, and waiting calls proceed in order of arrival", async () => {
  const random = seededRandom(7);
  const rate = new ImageRate(10);
  const submitted: { readonly atMs: number; readonly order: number; readonly imageCount: number }[] = [];
  const takes: Promise<void>[] = [];
  for (let order = 0; order < 40; order++) {
    const imageCount = random.whole(1, 10);
    takes.push(
      rate.take(imageCount, NEVER).then((isCounted) => {
        expect(isCounted).toBe(true);
        submitted.push({ atMs: performance.now(), order, imageCount });
      }),
    );
    await jest.advanceTimersByTimeAsync(random.whole(0, MINUTE_MS / 4));
  }
  await jest.advanceTimersByTimeAsync(40 * MINUTE_MS);
  await Promise.all(takes);

  expect(submitted.map(({ order }) => order)).toEqual(Array.from({ length: 40 }, (_, i) => i));
  for (const { atMs } of submitted) {
    const within = submitted.filter((other) => other.atMs >= atMs && other.atMs < atMs + MINUTE_MS);
    expect(within.reduce((sum, { imageCount }) => sum + imageCount, 0)).toBeLessThanOrEqual(10);
  }
});

test("a call that gives up is not counted and does not delay those behind it", async () => {
  const rate = new ImageRate(10);
  expect(await rate.take(4, NEVER)).toBe(true);
  const giveUp = new AbortController();
  const first = rate.take(10, giveUp.signal);
  const second = rate.take(6, NEVER);
  giveUp.abort();

  expect([await first, await second]).toEqual([false, true]);
  expect(await rate.take(1, giveUp.signal)).toBe(false);
});

test("images that were counted but not submitted are given back", async () => {
  const rate = new ImageRate(10);
  await rate.take(10, NEVER);
  const next = rate.take(3, NEVER);
  rate.giveBack(10);

  expect(await next).toBe(true);
});

test("images submitted without waiting count too", async () => {
  const rate = new ImageRate(10);
  for (let i = 0; i < 3; i++) rate.note(10);
  let isCounted = false;
  const taking = rate.take(1, NEVER).then((answer) => {
    isCounted = answer;
  });
  await jest.advanceTimersByTimeAsync(MINUTE_MS - 1);
  expect(isCounted).toBe(false);
  await jest.advanceTimersByTimeAsync(1);
  await taking;

  expect(isCounted).toBe(true);
});
