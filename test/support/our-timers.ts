import type { jest } from "@jest/globals";

/** For `jest.useFakeTimers`: a test controls the timers that the gateway sets, and sockets work as usual. */
export const OUR_TIMERS: Parameters<typeof jest.useFakeTimers>[0] = {
  doNotFake: ["nextTick", "setImmediate", "queueMicrotask", "performance"],
};
