import { createHash } from "node:crypto";
import { link, open, rename, unlink } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { CommandFailure, EXIT } from "../command-failure.ts";
import type { CliGeneration, CliImage } from "../generation.ts";
import { printable } from "../printable.ts";
import { Silence } from "../silence.ts";
import { OutputFiles } from "./output-files.ts";

/** How often a download is tried, and the pause before each further attempt in milliseconds. */
const ATTEMPTS = 3;
const RETRY_MS = 500;
/** What file systems without hard links answer. */
const NO_HARD_LINKS: ReadonlySet<string> = new Set(["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS"]);

/**
 * Downloads the images of a generation. Each file appears as a whole, after its size and SHA-256 were found right.
 *
 * @param onSaved is called with each path
 * @throws CommandFailure when a file cannot be downloaded or written. Nothing of it is left behind
 */
export async function saveImages(
  { images, n, id }: CliGeneration,
  files: OutputFiles,
  signal: AbortSignal,
  onSaved: (path: string, image: CliImage) => void,
): Promise<void> {
  for (const image of images) {
    const path = files.pathOf(image, n);
    try {
      await save(image, path, files.isReplacing, signal);
    } catch (error) {
      if (!(error instanceof CommandFailure)) throw error;
      throw new CommandFailure(
        `${error.message}. The image is kept by the gateway: pictograph show ${printable(id)} -o another-name`,
        error.exitCode,
        { cause: error },
      );
    }
    onSaved(path, image);
  }
}

async function save(image: CliImage, path: string, isReplacing: boolean, signal: AbortSignal): Promise<void> {
  const temporary = OutputFiles.temporaryPathOf(path);
  try {
    await downloadWithRetries(image, temporary, signal);
    if (isReplacing) await rename(temporary, path);
    else await publish(temporary, path);
  } catch (error) {
    const { code, syscall } = error as NodeJS.ErrnoException;
    if (syscall === undefined || error instanceof CommandFailure) throw error;
    const reason = code === "EEXIST" ? "exists meanwhile" : `cannot be written (${code})`;
    throw new CommandFailure(`${printable(path)} ${reason}`, EXIT.failure, { cause: error });
  } finally {
    await unlink(temporary).catch(() => {});
  }
}

/** Gives a complete file its name. A hard link fails if the name is taken, where a rename would replace the file. */
async function publish(temporary: string, path: string): Promise<void> {
  try {
    await link(temporary, path);
  } catch (error) {
    const { code = "" } = error as NodeJS.ErrnoException;
    if (!NO_HARD_LINKS.has(code)) throw error;
    await (await open(path, "wx")).close();
    await rename(temporary, path);
  }
}

async function downloadWithRetries(image: CliImage, path: string, signal: AbortSignal): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await download(image, path, signal);
      return;
    } catch (error) {
      const isOfDisk = (error as NodeJS.ErrnoException).syscall !== undefined;
      if (signal.aborted || isOfDisk || attempt === ATTEMPTS) throw error;
      await delay(RETRY_MS * attempt, undefined, { signal });
    }
  }
}

/** Writes an image to a file and syncs it. */
async function download({ url, byteSize, sha256 }: CliImage, path: string, signal: AbortSignal): Promise<void> {
  using silence = new Silence();
  const file = await open(path, "w");
  try {
    const response = await fetch(url, { signal: AbortSignal.any([signal, silence.signal]) });
    if (!response.ok) throw new CommandFailure(`the gateway refuses an image (status ${response.status})`);
    const hash = createHash("sha256");
    let received = 0;
    for await (const chunk of response.body ?? []) {
      silence.break();
      received += chunk.byteLength;
      if (received > byteSize) break;
      hash.update(chunk);
      await file.writeFile(chunk);
    }
    if (received !== byteSize || hash.digest("hex") !== sha256) {
      throw new CommandFailure(
        "an image arrived damaged: its size or SHA-256 is not the one that the gateway recorded",
      );
    }
    await file.sync();
  } catch (error) {
    const { code, syscall } = error as NodeJS.ErrnoException;
    const isOfDisk = syscall !== undefined && syscall !== "connect" && syscall !== "read";
    if (signal.aborted || error instanceof CommandFailure || isOfDisk) throw error;
    const reason = code ?? ((error as Error).cause as NodeJS.ErrnoException | undefined)?.code ?? "connection failed";
    throw new CommandFailure(`an image could not be downloaded (${reason})`, EXIT.failure, { cause: error });
  } finally {
    await file.close();
  }
}
