#!/usr/bin/env node
import { StartError } from "./errors.ts";
import { refuseOldNode } from "./node-version.ts";

try {
  refuseOldNode();
  const { runCommandLine } = await import("./cli/command-line.ts");
  await runCommandLine(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof StartError)) throw error;
  process.stderr.write(`Pictograph cannot start:\n${error.message.replaceAll(/^/gm, "  ")}\n`);
  process.exit(1);
}
