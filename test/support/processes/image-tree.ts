import { execFile } from "node:child_process";
import { chmod, chown, copyFile, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const ASSEMBLE = fileURLToPath(new URL("../../../deploy/image/assemble.sh", import.meta.url));
/** The user of the image. */
const USER = 65532;
/** The flags of the image's entry point. */
const FLAGS = ["--max-semi-space-size=8", "--heap-growing-percent=60", "--no-maglev-destroy-on-background"];
/** Makes the tree read-only for this process only, and switches to the image's user. */
const ENTER = `mount --bind "$TREE" "$TREE" && mount -o remount,bind,ro "$TREE" && cd "$TREE/app" &&
  exec setpriv --reuid=${USER} --regid=${USER} --clear-groups "$TREE/nodejs/bin/node" ${FLAGS.join(" ")} dist/main.js`;

const run = promisify(execFile);

/** Whether this process may run {@link imageCommand}: it is root, and `unshare` and `setpriv` exist. */
export async function canEnterImageTree(): Promise<boolean> {
  if (process.getuid?.() !== 0) return false;
  return run("unshare", ["-m", "setpriv", `--reuid=${USER}`, "--clear-groups", "true"]).then(
    () => true,
    () => false,
  );
}

/**
 * Assembles the image's files with the image's own script, with Node in the base image's place. @param tree is an empty
 * directory
 */
export async function assembleImageTree(tree: string): Promise<void> {
  await chmod(tree, 0o755);
  await run(ASSEMBLE, [tree]);
  await mkdir(join(tree, "nodejs/bin"), { recursive: true });
  await copyFile(process.execPath, join(tree, "nodejs/bin/node"));
}

/**
 * Returns the command that starts the gateway from a read-only tree as the image's user. The process id does not change
 * until the gateway exits.
 */
export interface ImageCommand {
  readonly command: string;
  readonly parameters: readonly string[];
  /** The image's environment, with the data in a directory of this machine. */
  readonly env: Readonly<Record<string, string>>;
}

/** @param dataDirectory is given to the image's user */
export async function imageCommand(tree: string, dataDirectory: string): Promise<ImageCommand> {
  await chown(dataDirectory, USER, USER);
  const { PATH = "" } = process.env;
  return {
    command: "unshare",
    parameters: ["-m", "sh", "-c", ENTER],
    env: {
      PATH,
      MALLOC_ARENA_MAX: "1",
      TREE: tree,
      NODE_ENV: "production",
      PICTOGRAPH_DATA_DIR: dataDirectory,
      TMPDIR: dataDirectory,
      HOME: dataDirectory,
    },
  };
}
