import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "@jest/globals";
import { parse } from "yaml";
import { SECRETS } from "../../src/settings/secret-files.ts";

const PROJECT = fileURLToPath(new URL("../..", import.meta.url));
const read = (path: string) => readFile(join(PROJECT, path), "utf8");

async function deploymentFiles(): Promise<string[]> {
  const files = await readdir(join(PROJECT, "deploy"), { recursive: true, withFileTypes: true });
  const deployed = files.filter((file) => file.isFile()).map(({ parentPath, name }) => join(parentPath, name));
  return ["Dockerfile", "docker-compose.yml", ...deployed.map((path) => path.slice(PROJECT.length))];
}

test("the deployment files name only settings that exist", async () => {
  const documented = new Set((await read("docs/configuration.md")).match(/PICTOGRAPH_[A-Z0-9_]+/g));
  const named = await Promise.all(
    (await deploymentFiles()).map(async (path) => {
      const names = (await read(path)).match(/PICTOGRAPH_[A-Z0-9_]+/g) ?? [];
      return names.map((name) => `${path}: ${name}`);
    }),
  );
  const unknown = named.flat().filter((place) => !documented.has(place.split(": ")[1]!));

  expect(named.flat().length).toBeGreaterThan(20);
  // Kubernetes would set this for a service of that name; the chart prevents it.
  expect(unknown).toEqual(["deploy/helm/pictograph/templates/deployments.yaml: PICTOGRAPH_PORT"]);
});

test("the chart takes no secret as a plain setting", async () => {
  const { properties } = JSON.parse(await read("deploy/helm/pictograph/values.schema.json"));
  const refused: readonly string[] = properties.config.propertyNames.not.enum;

  expect(refused).toEqual(expect.arrayContaining([...SECRETS]));
});

test("the image and the chart have the project's versions", async () => {
  const { version, devDependencies } = JSON.parse(await read("package.json"));
  const chart = parse(await read("deploy/helm/pictograph/Chart.yaml"));

  expect({ version: chart.version, appVersion: chart.appVersion }).toEqual({ version, appVersion: version });
  expect(await read("Dockerfile")).toContain(`FROM node:${devDependencies.node}-`);
});

test.each(["Dockerfile", "deploy/systemd/pictograph.service"])(
  "%s starts Node with the memory settings of npm start",
  async (path) => {
    const { scripts } = JSON.parse(await read("package.json"));
    const text = await read(path);
    const [, command = ""] = scripts.start.split("exec env MALLOC_ARENA_MAX=1 node ");
    const flags = command.match(/--\S+/g);

    expect(flags).toEqual([
      "--max-semi-space-size=8",
      "--heap-growing-percent=60",
      "--no-maglev-destroy-on-background",
    ]);
    expect(text).toMatch(new RegExp(flags.join('"?,? "?')));
    expect(text).toContain("MALLOC_ARENA_MAX=1 ");
  },
);
