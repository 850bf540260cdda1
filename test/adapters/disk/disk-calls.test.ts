import { execFileSync, spawn } from "node:child_process";
import { closeSync, constants, openSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { DiskCalls } from "../../../src/adapters/disk/disk-calls.ts";
import { temporaryDirectories } from "../../support/temporary-directory.ts";

const newDirectory = temporaryDirectories();
/** What a pipe holds before a write to it has to wait. */
const PIPE_BYTES = 64 * 1024;

test("files are created, written, renamed and read", async () => {
  const path = join(await newDirectory(), "file");
  const calls = new DiskCalls();
  const file = await calls.create(path);
  for (const letter of "abc") await calls.append(file, Buffer.alloc(100_000, letter));
  closeSync(file);

  await calls.rename(path, `${path}.png`);
  expect(await readFile(`${path}.png`, "latin1")).toBe("a".repeat(100_000) + "b".repeat(100_000) + "c".repeat(100_000));
  const memory = Buffer.alloc(4);
  const opened = await calls.open(`${path}.png`);
  expect([calls.read(opened, memory, 99_998), memory.toString()]).toEqual([4, "aabb"]);
  expect([calls.read(opened, memory, 299_999), calls.read(opened, memory, 300_000)]).toEqual([1, 0]);
  closeSync(opened);
});

test("after a call that had to wait, the next ones wait in threads, and nothing is lost", async () => {
  const directory = await newDirectory();
  const [pipe, copy] = [join(directory, "pipe"), join(directory, "copy")];
  execFileSync("mkfifo", [pipe]);
  // Sleeps once the first write has begun, so that this write has to wait. Reads the rest only when it is told to.
  const reader = spawn(
    "sh",
    ["-c", `{ head -c 1; sleep 1; head -c ${2 * PIPE_BYTES - 1}; read _ <&3; cat; } 3<&0 < ${pipe} > ${copy}`],
    {
      stdio: ["pipe", "ignore", "inherit"],
    },
  );
  const exited = new Promise((resolve) => reader.once("exit", resolve));
  const file = openSync(pipe, constants.O_WRONLY);
  const calls = new DiskCalls();
  expect(calls.append(file, Buffer.alloc(2 * PIPE_BYTES, "a"))).toBeUndefined();

  const waiting = calls.append(file, Buffer.alloc(2 * PIPE_BYTES, "b"));
  expect(waiting).toBeInstanceOf(Promise);
  // The reader waits for this, so the write cannot have ended.
  reader.stdin.end("\n");
  await waiting;
  closeSync(file);
  await exited;
  const [made, moved] = [join(directory, "made"), join(directory, "moved")];
  const creating = calls.create(made);
  expect(creating).toBeInstanceOf(Promise);
  closeSync(await creating);
  await expect(calls.create(made)).rejects.toThrow("EEXIST");
  const moving = calls.rename(made, moved);
  expect(moving).toBeInstanceOf(Promise);
  await moving;
  expect(await readFile(moved)).toHaveLength(0);
  const memory = Buffer.alloc(2);
  const opening = calls.open(copy);
  expect(opening).toBeInstanceOf(Promise);
  const opened = await opening;
  const reading = calls.read(opened, memory, 2 * PIPE_BYTES - 1);
  expect(reading).toBeInstanceOf(Promise);
  expect([await reading, memory.toString()]).toEqual([2, "ab"]);
  closeSync(opened);
  expect(await readFile(copy, "latin1")).toBe("a".repeat(2 * PIPE_BYTES) + "b".repeat(2 * PIPE_BYTES));
});
