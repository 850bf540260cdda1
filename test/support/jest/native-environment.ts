import type { JestEnvironmentConfig } from "@jest/environment";
import { ModernFakeTimers } from "@jest/fake-timers";
import { ModuleMocker } from "jest-mock";

/** Runs test files in the global object of their worker, so that a class is the same class everywhere. */
export default class NativeEnvironment {
  readonly global = globalThis;
  readonly moduleMocker = new ModuleMocker(globalThis);
  readonly fakeTimers = null;
  readonly fakeTimersModern: ModernFakeTimers;
  readonly #leaks: Error[] = [];

  constructor({ projectConfig }: JestEnvironmentConfig) {
    this.fakeTimersModern = new ModernFakeTimers({ config: projectConfig, global: globalThis });
    process.on("warning", this.#notice);
  }

  /** What test files import as `jest`: only the parts that they use. */
  get jest(): object {
    const { moduleMocker: mocks, fakeTimersModern: timers } = this;
    return {
      fn: mocks.fn.bind(mocks),
      spyOn: mocks.spyOn.bind(mocks),
      restoreAllMocks: mocks.restoreAllMocks.bind(mocks),
      useFakeTimers: timers.useFakeTimers.bind(timers),
      useRealTimers: timers.useRealTimers.bind(timers),
      advanceTimersByTime: timers.advanceTimersByTime.bind(timers),
      advanceTimersByTimeAsync: timers.advanceTimersByTimeAsync.bind(timers),
    };
  }

  async setup(): Promise<void> {}

  /** @throws Node's warning that an emitter gained too many listeners, if there was one */
  async teardown(): Promise<void> {
    process.off("warning", this.#notice);
    this.fakeTimersModern.dispose();
    const [leak] = this.#leaks;
    if (leak) throw leak;
  }

  getVmContext(): null {
    return null;
  }

  exportConditions(): string[] {
    return ["node", "node-addons"];
  }

  readonly #notice = (warning: Error) => {
    if (warning.name === "MaxListenersExceededWarning") this.#leaks.push(warning);
  };
}
