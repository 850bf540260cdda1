import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { test } from "@jest/globals";

/** Whether a command runs here and ends well. */
export function runsHere(command: string, ...args: readonly string[]): Promise<boolean> {
  return promisify(execFile)(command, args, { timeout: 60_000 }).then(
    () => true,
    () => false,
  );
}

/**
 * A test that needs something of the machine. Where that is missing the test is reported as skipped, under a name that
 * says so, and a line of the output says it too: it never passes unseen.
 */
export function testWhere(isHere: boolean, what: string, name: string, run: () => Promise<void>, timeoutMs?: number) {
  if (isHere) return test(name, run, timeoutMs);
  process.stderr.write(`not run: ${name} (no ${what} on this machine)\n`);
  return test.skip(`not run, no ${what} on this machine: ${name}`, run);
}
