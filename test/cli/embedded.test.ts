import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import sharp from "sharp";
import { startGatewayProcess } from "../support/processes/gateway-process.ts";
import { runCommand } from "../support/processes/run-command.ts";
import { temporaryDirectories } from "../support/temporary-directory.ts";
import { type StrictImageApi, startStrictImageApi } from "../support/vendors/strict-image-api.ts";

const newDirectory = temporaryDirectories();

let api: StrictImageApi;
let cwd: string;
beforeAll(async () => {
  const answers = await fetch("http://localhost:8080/readyz").then(
    () => true,
    () => false,
  );
  if (answers) throw new Error("a program listens on port 8080: these tests need the default address to be free");
  api = await startStrictImageApi();
});
beforeEach(async () => {
  cwd = await newDirectory();
});
afterAll(() => api.close());

const listOf = async (dataDirectory: string) => {
  await using gateway = await startGatewayProcess({ env: { PICTOGRAPH_DATA_DIR: dataDirectory } });
  const { lines } = await runCommand(["list", "--json"], { env: { PICTOGRAPH_URL: gateway.url } });
  return lines.map((line) => JSON.parse(line));
};

describe("without a running gateway", () => {
  test("generate and edit draw images themselves and keep the records", async () => {
    const made = await runCommand(["generate", "a red fox", "-n", "2", "--size", "192x128", "-o", "fox.png"], { cwd });
    const edited = await runCommand(["edit", "add snow", "-i", "fox-1.png", "-o", "snow.png"], { cwd });

    expect(made).toMatchObject({ code: 0, stdout: "fox-1.png\nfox-2.png\n", stderr: "" });
    expect(edited).toMatchObject({ code: 0, stdout: "snow.png\n" });
    expect((await readdir(cwd)).sort()).toEqual(["data", "fox-1.png", "fox-2.png", "snow.png"]);
    expect((await sharp(join(cwd, "snow.png")).metadata()).width).toBe(192);
    expect((await listOf(join(cwd, "data"))).map(({ prompt }) => prompt)).toEqual(["add snow", "a red fox"]);
  });

  test("a keyed configuration works with its admin key", async () => {
    const env = {
      PICTOGRAPH_ADMIN_KEY: "an-admin-key-of-32-characters-or-more",
      PICTOGRAPH_DATA_DIR: join(cwd, "kept"),
    };
    const result = await runCommand(["generate", "a fox", "--size", "64x64", "-o", "fox.png"], { cwd, env });

    expect(result).toMatchObject({ code: 0, stdout: "fox.png\n", stderr: "" });
    expect((await readdir(cwd)).sort()).toEqual(["fox.png", "kept"]);
  });

  test("Ctrl-C lets a paid call finish, and saves its image", async () => {
    const hold = api.holdNext();
    const env = { OPENAI_API_KEY: api.apiKey, OPENAI_BASE_URL: api.baseUrl };
    const result = await runCommand(["generate", "a fox", "-o", "fox.png"], {
      cwd,
      env,
      async meanwhile(command) {
        await hold.arrived;
        command.signal("SIGINT");
        hold.release();
      },
    });

    expect(result).toMatchObject({ code: 130, stdout: "fox.png\n" });
    expect(result.stderr).toContain("Interrupted. What runs may finish");
    expect((await sharp(join(cwd, "fox.png")).metadata()).width).toBe(1024);
    expect(await listOf(join(cwd, "data"))).toMatchObject([{ status: "SUCCEEDED" }]);
  });

  test("the other commands say how to start a gateway", async () => {
    const { code, stdout, stderr } = await runCommand(["list"], { cwd });

    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toContain("no gateway answers at http://localhost:8080 (ECONNREFUSED); start one with `pictograph`");
    expect(await readdir(cwd)).toEqual([]);
  });

  test.each([
    ["a setting is wrong", { PICTOGRAPH_MAX_CONCURRENCY: "none" }, "PICTOGRAPH_MAX_CONCURRENCY must be"],
    [
      "the data directory cannot be used",
      { PICTOGRAPH_DATA_DIR: "/dev/null/data" },
      "PICTOGRAPH_DATA_DIR /dev/null/data",
    ],
  ])("generate fails if %s, and the error says so", async (_name, env, message) => {
    const { code, stdout, stderr } = await runCommand(["generate", "a fox"], { cwd, env });

    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toContain(message);
    expect(await readdir(cwd)).toEqual([]);
  });

  test("generate says which process has the data directory if a gateway uses it", async () => {
    await using gateway = await startGatewayProcess();
    const env = { PICTOGRAPH_DATA_DIR: gateway.dataDirectory };
    const { code, stderr } = await runCommand(["generate", "a fox"], { cwd, env });

    expect(code).toBe(1);
    expect(stderr).toContain("is locked by another process");
  });
});
