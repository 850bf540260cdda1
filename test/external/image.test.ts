import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, chown, copyFile, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect } from "@jest/globals";
import { plainImage } from "../support/scripted-provider.ts";
import { type PostgresServer, startPostgresServer } from "../support/stores/postgres.ts";
import { temporaryDirectories } from "../support/temporary-directory.ts";
import { runsHere, testWhere } from "./when-present.ts";

const PROJECT = fileURLToPath(new URL("../..", import.meta.url));
/** The user of the image. */
const USER = 65532;
const FLAGS = ["--max-semi-space-size=4", "--heap-growing-percent=30"];
/** Makes the tree read-only where only this process sees it, and becomes the image's user. */
const ENTER = `mount --bind "$TREE" "$TREE" && mount -o remount,bind,ro "$TREE" && cd "$TREE/app" &&
  exec setpriv --reuid=${USER} --regid=${USER} --clear-groups "$TREE/nodejs/bin/node" ${FLAGS.join(" ")} dist/main.js`;

const isRoot = process.getuid?.() === 0;
const isHere = isRoot && (await runsHere("unshare", "-m", "setpriv", `--reuid=${USER}`, "--clear-groups", "true"));
const newDirectory = temporaryDirectories();

/** The files of the image, assembled by the same script and with Node where the base image has it. */
let tree: string;
let postgres: PostgresServer;
let gateway: ChildProcess | undefined;

describe("the files of the image, read-only and as another user,", () => {
  beforeAll(async () => {
    if (!isHere) return;
    tree = await newDirectory();
    await chmod(tree, 0o755);
    await promisify(execFile)(join(PROJECT, "deploy/image/assemble.sh"), [tree]);
    await mkdir(join(tree, "nodejs/bin"), { recursive: true });
    await copyFile(process.execPath, join(tree, "nodejs/bin/node"));
    postgres = await startPostgresServer();
  });
  afterAll(() => postgres?.stop());

  async function start(env: Readonly<Record<string, string>>): Promise<string> {
    const data = await newDirectory();
    await chown(data, USER, USER);
    gateway = spawn("unshare", ["-m", "sh", "-c", ENTER], {
      env: {
        PATH: process.env.PATH,
        TREE: tree,
        PORT: "0",
        PICTOGRAPH_DATA_DIR: data,
        TMPDIR: data,
        HOME: data,
        ...env,
      },
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
