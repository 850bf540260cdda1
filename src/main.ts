#!/usr/bin/env node
import { StartError } from "./errors.ts";
import { refuseOldNode } from "./node-version.ts";

try {
  refuseOldNode();
  const { serve } = await import("./serve.ts");
  await serve();
} catch (error) {
  if (!(error instanceof StartError)) throw error;
  process.stderr.write(`Pictograph cannot start:\n${error.message.replaceAll(/^/gm, "  ")}\n`);
  process.exit(1);
}
