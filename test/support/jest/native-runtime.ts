import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { useGlobals } from "./globals.ts";
import type NativeEnvironment from "./native-environment.ts";

const require = createRequire(import.meta.url);
/** The property of the global object in which Jest keeps the listeners of a test file. */
const EVENT_HANDLERS = Symbol.for("EVENT_HANDLERS");

/**
 * Loads test files as Node loads modules, so that the files in one worker share the modules of `src/` and
 * `node_modules/`. Jest's own runtime evaluates and keeps every module for each test file: a whole run took half as
 * long again, and gigabytes of memory.
 *
 * @see https://jestjs.io/docs/configuration#runtime-string
 */
export default class NativeRuntime {
  readonly #environment: NativeEnvironment;
  #globals: object = {};

  constructor(_config: unknown, environment: NativeEnvironment) {
    this.#environment = environment;
  }

  /** Receives `test`, `expect` and the rest as Jest made them for this test file. */
  setGlobalsForRuntime(globals: object): void {
    this.#globals = globals;
  }

  unstable_shouldLoadAsEsm(): boolean {
    return true;
  }

  async unstable_importModule(path: string): Promise<void> {
    useGlobals({ ...this.#globals, jest: this.#environment.jest });
    await import(pathToFileURL(path).href);
  }

  requireModule(path: string): unknown {
    return require(path);
  }

  /** Loads the part of Jest that runs tests. That part has state, so each test file gets its own. */
  requireInternalModule(path: string): unknown {
    delete (globalThis as Record<symbol, unknown>)[EVENT_HANDLERS];
    delete require.cache[path];
    return require(path);
  }

  getSourceMaps(): Map<string, string> {
    return new Map();
  }

  getAllCoverageInfoCopy(): undefined {}

  enterTestCode(): void {}

  leaveTestCode(): void {}

  teardown(): void {
    this.#environment.moduleMocker.restoreAllMocks();
  }
}
