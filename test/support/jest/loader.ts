import { readFileSync } from "node:fs";
import { createRequire, registerHooks } from "node:module";
import { fileURLToPath } from "node:url";

const require = createRequire(import.meta.url);
const GLOBALS = new URL("./globals.ts", import.meta.url).href;
/** A decorator at the beginning of a line. */
const DECORATOR = /^\s*@\w/m;

/**
 * Gives test files their `@jest/globals`, and compiles modules with decorators. Node strips the types of all other
 * modules, which keeps lines and columns.
 */
registerHooks({
  resolve(specifier, context, nextResolve) {
    if (specifier === "@jest/globals") return { url: GLOBALS, shortCircuit: true };
    return nextResolve(specifier, context);
  },
  load(url, context, nextLoad) {
    if (!url.endsWith(".ts") || url.includes("/node_modules/")) return nextLoad(url, context);
    const source = readFileSync(fileURLToPath(url), "utf8");
    if (!DECORATOR.test(source)) return nextLoad(url, context);
    return { format: "module", source: compile(source, fileURLToPath(url)), shortCircuit: true };
  },
});

function compile(source: string, filename: string): string {
  // Loaded on demand, because every process forked by a test loads this file.
  const { transformSync } = require("@swc/core") as typeof import("@swc/core");
  return transformSync(source, {
    filename,
    sourceMaps: "inline",
    configFile: false,
    swcrc: false,
    jsc: {
      target: "es2024",
      parser: { syntax: "typescript", decorators: true },
      transform: { legacyDecorator: true, decoratorMetadata: true },
      experimental: { keepImportAttributes: true },
    },
    module: { type: "es6" },
  }).code;
}
