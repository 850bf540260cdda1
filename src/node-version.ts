import { StartError } from "./errors.ts";

/** The oldest version that all dependencies support. graphile-worker needs the newest one. */
const OLDEST = { major: 22, minor: 18 } as const;

/**
 * Checks the version of Node. Call it before anything else is imported: older versions lack `node:sqlite`, and their
 * own error message does not say so.
 *
 * @throws StartError when this Node is too old
 */
export function refuseOldNode(): void {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  if (major > OLDEST.major || (major === OLDEST.major && minor >= OLDEST.minor)) return;
  throw new StartError([
    `Pictograph needs Node ${OLDEST.major}.${OLDEST.minor} or newer, and this is ${process.versions.node}`,
  ]);
}
