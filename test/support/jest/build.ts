import { execFile } from "node:child_process";
import { promisify } from "node:util";

/** Compiles `dist/` once before all suites: the process tests run what users run. Incremental, so mostly a no-op. */
export default async function build(): Promise<void> {
  const tsc = new URL("../../../node_modules/typescript/bin/tsc", import.meta.url).pathname;
  try {
    await promisify(execFile)(process.execPath, [tsc, "--project", "tsconfig.build.json"]);
    await promisify(execFile)(process.execPath, ["scripts/pages.ts"]);
  } catch (error) {
    throw new Error(`the build failed:\n${(error as { stdout: string }).stdout}`);
  }
}
