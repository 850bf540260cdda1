/** What `@jest/globals` exports while a test file runs. */
type Globals = Readonly<Record<string, (...parameters: unknown[]) => unknown>>;

let current: Globals = {};

/** Sets the functions of the test file that runs next. */
export function useGlobals(globals: object): void {
  current = globals as Globals;
}

/**
 * Returns a function that calls the function of this name in the test file that is running. Modules imported by several
 * test files keep it.
 */
function delegate(name: string): unknown {
  return new Proxy(() => {}, {
    apply: (_target, _self, parameters) => current[name]?.(...parameters),
    get: (_target, property) => Reflect.get(current[name] ?? {}, property),
  });
}

export const afterAll = delegate("afterAll");
export const afterEach = delegate("afterEach");
export const beforeAll = delegate("beforeAll");
export const beforeEach = delegate("beforeEach");
export const describe = delegate("describe");
export const expect = delegate("expect");
export const jest = delegate("jest");
export const test = delegate("test");
