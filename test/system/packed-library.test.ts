import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readdir, readFile, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const PROGRAMS = join(ROOT, "test/system/packed");
const TYPESCRIPT = join(ROOT, "node_modules/typescript/bin/tsc");
/** npm downloads what is not in its cache. */
const INSTALL_TIMEOUT_MS = 180_000;

/** The project of a user who installs the package. */
let project: string;
let workspace: string;
/** npm's output during the installation. */
let installation: { readonly stderr: string };

const run = (command: string, parameters: readonly string[], cwd = project) =>
  promisify(execFile)(command, parameters, { cwd, env: { PATH: process.env.PATH, HOME: process.env.HOME } });

/** Runs npm as the user configured it, without the settings that the npm running these tests passes on. */
function npm(parameters: readonly string[], cwd: string) {
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("npm_")));
  return promisify(execFile)("npm", parameters, { cwd, env });
}

interface Lock {
  readonly packages: Readonly<Record<string, { readonly dev?: boolean }>>;
}

/**
 * A project that depends only on the tarball. Its lockfile has the versions tested here: they are in npm's cache, so
 * npm asks the registry for nothing. An undeclared dependency would be missing.
 */
async function writeProject(tarball: string): Promise<void> {
  const manifest = {
    name: "project",
    version: "1.0.0",
    dependencies: { pictograph: `file:${tarball}` },
    // docs/embedding.md: without this, npm warns about the script.
    allowScripts: { "@apollo/protobufjs": false },
  };
  const { version, dependencies, bin } = JSON.parse(await readFile(join(ROOT, "package.json"), "utf8"));
  const { packages }: Lock = JSON.parse(await readFile(join(ROOT, "package-lock.json"), "utf8"));
  const needed = Object.entries(packages).filter(([path, { dev }]) => path && !dev);
  const own = { version, resolved: `file:${tarball}`, dependencies, bin };
  const lock = {
    lockfileVersion: 3,
    packages: { "": manifest, "node_modules/pictograph": own, ...Object.fromEntries(needed) },
  };
  await writeFile(join(project, "package.json"), JSON.stringify({ ...manifest, type: "module" }));
  await writeFile(join(project, "package-lock.json"), JSON.stringify(lock));
}

async function runProgram(name: string, ...options: string[]) {
  const { stdout } = await run(process.execPath, [...options, join(project, name)]);
  return JSON.parse(stdout);
}

beforeAll(async () => {
  workspace = await realpath(await mkdtemp(join(tmpdir(), "pictograph-packed-")));
  project = join(workspace, "project");
  await mkdir(project);
  await npm(["pack", "--silent", "--pack-destination", workspace], ROOT);
  const [tarball = ""] = (await readdir(workspace)).filter((name) => name.endsWith(".tgz"));
  await writeProject(join("..", tarball));
  installation = await npm(["ci", "--prefer-offline", "--no-audit", "--no-fund"], project);
  await cp(PROGRAMS, project, { recursive: true });
}, INSTALL_TIMEOUT_MS);

afterAll(() => rm(workspace, { recursive: true, force: true }));

describe("the packed package in an empty project", () => {
  test("installs without a warning if npm skips one script of an Apollo Server dependency", () => {
    expect(installation.stderr.split("\n").filter((line) => /warn/i.test(line))).toEqual([]);
  });

  test("contains what is used, and no sources", async () => {
    const installed = join(project, "node_modules/pictograph");
    expect((await readdir(installed)).sort()).toEqual(
      ["CHANGELOG.md", "LICENSE", "README.md", "README.zh-CN.md", "dist", "package.json", "schema"].sort(),
    );
    expect((await readdir(join(installed, "schema"))).sort()).toEqual([
      "openapi.yaml",
      "schema.graphql",
      "subgraph.graphql",
    ]);
  });

  test.each([
    // The first case checks every reachable declaration. That takes seconds and would give the same result again.
    ["nodenext", "nodenext", "false"],
    ["esnext", "bundler", "true"],
  ])("has complete types of its own, with module %s and resolution %s", async (module, resolution, skipsChecks) => {
    const options = ["--noEmit", "--strict", "--target", "es2024", "--skipLibCheck", skipsChecks];
    const resolving = ["--module", module, "--moduleResolution", resolution];
    const compiled = run(process.execPath, [TYPESCRIPT, ...options, ...resolving, "typescript.ts"]);

    await expect(compiled).resolves.toMatchObject({ stdout: "", stderr: "" });
  });

  test("can be used from TypeScript", async () => {
    expect(await runProgram("typescript.ts")).toEqual({
      status: "SUCCEEDED",
      width: 96,
      isLink: true,
      field: "size",
      query: "Query",
    });
  });

  test("can be used from JavaScript, as ESM and as CommonJS", async () => {
    expect(await runProgram("javascript.js")).toEqual({ errorMessage: "OK", type: "image/png" });
    expect(await runProgram("commonjs.cjs")).toEqual(["function", "function"]);
  });

  test("reads no environment variable and opens only its own code when it is imported", async () => {
    const readable = [
      join(project, "import.js"),
      join(project, "package.json"),
      join(project, "node_modules/pictograph"),
    ];
    const permissions = ["--permission", ...readable.map((path) => `--allow-fs-read=${path}`)];

    expect(await runProgram("import.js", ...permissions)).toEqual({
      names: ["GatewayError", "StartError", "createGateway"],
      read: [],
    });
  });

  test("draws in an empty directory without a running gateway", async () => {
    const cwd = join(workspace, "empty");
    await mkdir(cwd);
    const parameters = ["generate", "a red fox", "-n", "2", "--size", "96x64", "-o", "fox.png"];
    const { stdout, stderr } = await run(join(project, "node_modules/.bin/pictograph"), parameters, cwd);

    expect({ stdout, stderr }).toEqual({ stdout: "fox-1.png\nfox-2.png\n", stderr: "" });
    expect((await readdir(cwd)).sort()).toEqual(["data", "fox-1.png", "fox-2.png"]);
  });

  test("also runs as a program", async () => {
    const { version } = JSON.parse(await readFile(join(ROOT, "package.json"), "utf8"));
    const { dependencies } = JSON.parse(await readFile(join(project, "package.json"), "utf8"));
    expect(dependencies.pictograph).toContain(`pictograph-${version}.tgz`);
    const started = promisify(execFile)(join(project, "node_modules/.bin/pictograph"), [], {
      cwd: project,
      env: { PATH: process.env.PATH, PORT: "none" },
    });
    await expect(started).rejects.toMatchObject({ code: 1, stderr: expect.stringMatching(/cannot start:\n {2}PORT /) });
  });
});
