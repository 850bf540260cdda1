import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { cp, mkdtemp, readdir, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect } from "@jest/globals";
import { graphql } from "../support/clients/graphql-client.ts";
import { runsHere, testWhere } from "./when-present.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
/** The tested versions. They are large, so only this test installs them. */
const PACKAGES = [
  ["next@16.4.6", "react@19.2.0", "react-dom@19.2.0", "express@5.3.0"],
  ["@nestjs/core@12.5.1", "@nestjs/common@12.5.1", "@nestjs/platform-express@12.5.1", "rxjs@7.8.2"],
].flat();

const hasRegistry = await runsHere("npm", "view", "next@16.4.6", "version");
let project: string;
let host: ChildProcess | undefined;

function npm(parameters: readonly string[], cwd: string) {
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("npm_")));
  return promisify(execFile)("npm", parameters, { cwd, env, maxBuffer: 16 * 1024 * 1024 });
}

beforeAll(async () => {
  if (!hasRegistry) return;
  project = await realpath(await mkdtemp(join(tmpdir(), "pictograph-hosts-")));
  await npm(["pack", "--silent", "--pack-destination", project], ROOT);
  const [tarball = ""] = (await readdir(project)).filter((name) => name.endsWith(".tgz"));
  await writeFile(join(project, "package.json"), JSON.stringify({ private: true, type: "module" }));
  await npm(["install", "--no-audit", "--no-fund", `./${tarball}`, ...PACKAGES], project);
  await cp(join(ROOT, "examples/next-app"), project, { recursive: true });
  await cp(join(ROOT, "examples/nest-app.mjs"), join(project, "nest-app.mjs"));
}, 600_000);
afterAll(async () => {
  await stop();
  if (project) await rm(project, { recursive: true, force: true });
});

/** Starts a host and returns the first URL that it prints. */
async function start(...parameters: readonly string[]): Promise<string> {
  const child = spawn(process.execPath, parameters, {
    cwd: project,
    env: { PATH: process.env.PATH, HOME: process.env.HOME, PORT: "0", NEXT_TELEMETRY_DISABLED: "1" },
    stdio: ["ignore", "pipe", "inherit"],
    detached: true,
  });
  host = child;
  for await (const line of createInterface({ input: child.stdout })) {
    const [address] = /http:\/\/localhost:\d+\S*/.exec(line) ?? [];
    if (address) return address;
  }
  throw new Error(`${parameters.join(" ")} ended before it was ready`);
}

async function stop(): Promise<void> {
  const child = host;
  host = undefined;
  if (child?.pid === undefined || child.exitCode !== null) return;
  process.kill(-child.pid, "SIGKILL");
  await once(child, "exit");
}

async function expectImages(gatewayUrl: string): Promise<void> {
  const { data, errors } = await graphql(
    gatewayUrl,
    `mutation { generateImages(input: { prompt: "a fox", size: "64x64" }) { images { url } } }`,
  );
  expect(errors).toBeUndefined();
  const [{ url }] = data.generateImages.images;
  expect(url).toContain(`${gatewayUrl}/images/img_`);
  expect((await fetch(url)).headers.get("content-type")).toBe("image/png");
}

describe("a gateway mounted in", () => {
  testWhere(hasRegistry, "package registry", "a Next.js app makes images", async () => {
    const address = await start("node_modules/next/dist/bin/next", "dev", "--port", "0");
    await expectImages(`${address}/api/pictures`);
    await stop();
  });

  testWhere(hasRegistry, "package registry", "a Nest app makes images", async () => {
    const address = await start("nest-app.mjs");
    await expectImages(address.replace(/\/graphql$/, ""));
    await stop();
  });
});
