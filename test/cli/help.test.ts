import { spawn } from "node:child_process";
import { once } from "node:events";
import { open, readdir } from "node:fs/promises";
import { createRequire } from "node:module";
import { text } from "node:stream/consumers";
import { describe, expect, test } from "@jest/globals";
import { MAIN, runCommand } from "../support/processes/run-command.ts";

const { version } = createRequire(import.meta.url)("../../package.json");
const overview = await runCommand(["--help"]);
const names = [...overview.stdout.matchAll(/^ {2}([a-z]+) {2,}[A-Z]/gm)].map(([, name]) => name ?? "");

test("the help lists the commands", () => {
  expect(overview).toMatchObject({ code: 0, stderr: "" });
  expect(names).toEqual(
    ["serve", "generate", "edit", "watch", "list", "show", "cancel", "delete", "quote", "models", "usage"].concat([
      "projects",
      "keys",
      "webhooks",
      "backup",
      "restore",
      "verify",
      "doctor",
    ]),
  );
});

test("every file of src/cli/commands/ is a command", async () => {
  const files = await readdir(new URL("../../src/cli/commands/", import.meta.url));

  expect(["serve", ...files.map((file) => file.replace(/\.ts$/, ""))].sort()).toEqual([...names].sort());
});

describe("the help of each command", () => {
  test.each(names)("%s has an example and no colours, and fits 100 columns", async (name) => {
    const { code, stdout, stderr } = await runCommand([name, "--help"]);

    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toMatch(new RegExp(`\\nExamples?\\n  .*pictograph ${name}`));
    expect(stdout).not.toContain("\u001b");
    expect(Math.max(...stdout.split("\n").map((line) => line.length))).toBeLessThanOrEqual(100);
    expect(await runCommand([name, "-h"])).toMatchObject({ code: 0, stdout });
  });
});

test("the version is the package's", async () => {
  expect(await runCommand(["--version"])).toMatchObject({ code: 0, stdout: `${version}\n` });
});

test.each([
  ["there is no command lst; did you mean `pictograph list`?", ["lst"]],
  ["there is no command \ufffd[31m; `pictograph --help` lists them", ["\u001b[31m"]],
  ["there is no command toString", ["toString"]],
  ["pictograph serve takes no flags and no arguments", ["serve", "--port", "9000"]],
])("a wrong command is refused: %s", async (message, parameters) => {
  const { code, stdout, stderr } = await runCommand(parameters);

  expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
  expect(stderr).toContain(message);
});

test("output that cannot be written is a failure", async () => {
  // Writing to it fails, as it does on a full disk.
  await using readOnly = await open(MAIN, "r");
  const command = spawn(process.execPath, [MAIN, "--help"], { stdio: ["ignore", readOnly.fd, "pipe"] });
  const [stderr, [code]] = await Promise.all([text(command.stderr!), once(command, "exit")]);

  expect({ code, stderr }).toEqual({ code: 1, stderr: "✗ stdout cannot be written (EBADF); data is missing\n" });
});
