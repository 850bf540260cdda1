import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { test } from "@jest/globals";

/** Whether a command exists on this machine and exits with 0. */
export function runsHere(command: string, ...args: readonly string[]): Promise<boolean> {
  return promisify(execFile)(command, args, { timeout: 60_000 }).then(
    () => true,
    () => false,
  );
}

/**
 * A test that needs something that npm does not install. If it is missing, the test is skipped, and its name and a line
 * on stderr say what is missing.
 */
export function testWhere(isHere: boolean, what: string, name: string, run: () => Promise<void>): void {
  if (isHere) {
    test(name, run);
    return;
  }
  process.stderr.write(`not run: ${name} (no ${what} on this machine)\n`);
  test.skip(`not run, no ${what} on this machine: ${name}`, run);
}
