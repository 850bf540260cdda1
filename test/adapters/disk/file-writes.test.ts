import { execFileSync, spawn } from "node:child_process";
import { closeSync, constants, openSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { FileWrites } from "../../../src/adapters/disk/file-writes.ts";
import { temporaryDirectories } from "../../support/temporary-directory.ts";

const newDirectory = temporaryDirectories();
/** What a pipe holds before a write to it has to wait. */
const PIPE_BYTES = 64 * 1024;

test("a write to a fast disk is complete at once", async () => {
  const path = join(await newDirectory(), "file");
  const file = openSync(path, "wx");
  const writes = new FileWrites();
  for (const letter of "abc") expect(writes.append(file, Buffer.alloc(100_000, letter))).toBeUndefined();
  closeSync(file);

  expect(await readFile(path, "latin1")).toBe("a".repeat(100_000) + "b".repeat(100_000) + "c".repeat(100_000));
});

test("after a write that had to wait, the next one waits in a thread, and nothing is lost", async () => {
  const directory = await newDirectory();
  const [pipe, copy] = [join(directory, "pipe"), join(directory, "copy")];
  execFileSync("mkfifo", [pipe]);
  // Reads the first block only after a second, so that the first write has to wait, and the rest when it is told to.
  const reader = spawn(
    "sh",
    ["-c", `{ sleep 1; head -c ${2 * PIPE_BYTES}; read _ <&3; cat; } 3<&0 < ${pipe} > ${copy}`],
    {
      stdio: ["pipe", "ignore", "inherit"],
    },
  );
  const exited = new Promise((resolve) => reader.once("exit", resolve));
  const file = openSync(pipe, constants.O_WRONLY);
  const writes = new FileWrites();
  expect(writes.append(file, Buffer.alloc(2 * PIPE_BYTES, "a"))).toBeUndefined();

  const waiting = writes.append(file, Buffer.alloc(2 * PIPE_BYTES, "b"));
  expect(waiting).toBeInstanceOf(Promise);
  // The reader waits for this, so the write cannot have ended.
  reader.stdin.end("\n");
  await waiting;
  closeSync(file);
  await exited;
  expect(await readFile(copy, "latin1")).toBe("a".repeat(2 * PIPE_BYTES) + "b".repeat(2 * PIPE_BYTES));
});
