import { cp, symlink } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
/** The files that `npm start` reads. `dist` is included so that little must be compiled. */
const PARTS = [
  "package.json",
  "package-lock.json",
  "tsconfig.json",
  "tsconfig.build.json",
  "src",
  "scripts",
  "schema",
  "studio",
  "dist",
];

/** Copies the project into an empty directory, where `npm start` can compile it while other tests run it here. */
export async function copyProject(directory: string): Promise<void> {
  for (const part of PARTS) await cp(join(ROOT, part), join(directory, part), { recursive: true });
  await symlink(join(ROOT, "node_modules"), join(directory, "node_modules"));
}
