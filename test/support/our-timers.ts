import type { jest } from "@jest/globals";

/** For `jest.useFakeTimers`: the timers that the gateway sets are moved by hand, and sockets go on as ever. */
export const OUR_TIMERS: Parameters<typeof jest.useFakeTimers>[0] = {
  doNotFake: ["nextTick", "setImmediate", "queueMicrotask", "performance"],
};
