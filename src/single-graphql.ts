import { realpathSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { StartError } from "./errors.ts";

/**
 * Call it before the host gets a schema. A schema of one copy of `graphql` does not work with another copy, and the
 * errors that follow do not name the cause.
 *
 * @param program path of the host program, as in `process.argv[1]`
 * @throws StartError naming both copies
 */
export function refuseSecondGraphQL(program = process.argv[1]): void {
  const own = resolveGraphQL(import.meta.url);
  const hosts = program === undefined ? undefined : resolveGraphQL(pathToFileURL(program).href);
  if (own === undefined || hosts === undefined || own === hosts) return;
  throw new StartError([
    `this program and pictograph use two copies of the package graphql, ${hosts} and ${own}; install one version for both`,
  ]);
}

/** The file that `graphql` means for a module; `undefined` if the module cannot import it. */
function resolveGraphQL(from: string): string | undefined {
  try {
    return realpathSync(createRequire(from).resolve("graphql"));
  } catch {
    return undefined;
  }
}
