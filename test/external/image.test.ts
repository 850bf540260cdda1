import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect } from "@jest/globals";
import { plainImage } from "../support/gateways/scripted-provider.ts";
import { assembleImageTree, canEnterImageTree, imageCommand } from "../support/processes/image-tree.ts";
import { type PostgresServer, startPostgresServer } from "../support/stores/postgres.ts";
import { temporaryDirectories } from "../support/temporary-directory.ts";
import { runsHere, testWhere } from "./when-present.ts";

const DOCKERFILE = fileURLToPath(new URL("../../Dockerfile", import.meta.url));
const isHere = await canEnterImageTree();
const hasLinter = await runsHere("hadolint", "--version");
const newDirectory = temporaryDirectories();

let tree: string;
let postgres: PostgresServer;
let gateway: ChildProcess | undefined;

testWhere(hasLinter, "hadolint", "the linter finds no problem in the Dockerfile", async () => {
  const lint = (file: string) => promisify(execFile)("hadolint", [file]);
  const wrong = join(await newDirectory(), "Dockerfile");
  await writeFile(wrong, "FROM debian\n");

  expect((await lint(DOCKERFILE)).stdout).toBe("");
  await expect(lint(wrong)).rejects.toMatchObject({ stdout: expect.stringContaining("DL3006") });
});

describe("the files of the image, read-only and as another user,", () => {
  beforeAll(async () => {
    if (!isHere) return;
    tree = await newDirectory();
    await assembleImageTree(tree);
    postgres = await startPostgresServer();
  });
  afterAll(() => postgres?.stop());

  async function start(env: Readonly<Record<string, string>>): Promise<string> {
    const image = await imageCommand(tree, await newDirectory());
    gateway = spawn(image.command, image.parameters, {
      env: { ...image.env, PORT: "0", ...env },
      stdio: ["ignore", "pipe", "inherit"],
    });
    for await (const line of createInterface({ input: gateway.stdout! })) {
      const { url } = JSON.parse(line) as { url?: string };
      if (url !== undefined) return url;
    }
    throw new Error("the gateway did not start");
  }

  async function stop(): Promise<number | null> {
    const exited = once(gateway!, "exit");
    gateway!.kill("SIGTERM");
    return (await exited)[0];
  }

  testWhere(isHere, "root with unshare and setpriv", "make, edit and deliver images", async () => {
    const url = await start({});
    const made = await fetch(`${url}/get-image`, {
      method: "POST",
      body: new URLSearchParams({ prompt: "a fox", n: "1", size: "256x256" }),
    });
    const { urlResponse } = (await made.json()) as { urlResponse: { urlList: string[] } };
    const form = new FormData();
    form.set("prompt", "at night");
    form.set("image", new Blob([new Uint8Array(await plainImage(64, 64, 1, "png"))], { type: "image/png" }), "a.png");
    form.set("response_format", "url");
    const edited = await fetch(`${url}/v1/images/edits`, { method: "POST", body: form });
    const { data } = (await edited.json()) as { data: { url: string }[] };
    const images = await Promise.all([...urlResponse.urlList, data[0]!.url].map((image) => fetch(image)));

    expect(images.map(({ status }) => status)).toEqual([200, 200]);
    expect(await stop()).toBe(0);
  });

  testWhere(isHere, "root with unshare and setpriv", "run with PostgreSQL", async () => {
    const url = await start({ DATABASE_URL: await postgres.createDatabase() });
    const made = await fetch(`${url}/get-image`, {
      method: "POST",
      body: new URLSearchParams({ prompt: "a fox", n: "1", size: "64x64" }),
    });

    expect(await made.json()).toMatchObject({ errorMessage: "OK" });
    expect(await stop()).toBe(0);
  });
});
