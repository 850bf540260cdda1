import { mkdir, realpath, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { refuseSecondGraphQL } from "../src/single-graphql.ts";
import { temporaryDirectories } from "./support/temporary-directory.ts";

const newDirectory = temporaryDirectories();

test("a host with another copy of graphql gets an error with the paths of both", async () => {
  const host = await realpath(await newDirectory());
  const copy = join(host, "node_modules/graphql");
  await mkdir(copy, { recursive: true });
  await writeFile(join(copy, "package.json"), JSON.stringify({ name: "graphql", version: "16.0.0", main: "index.js" }));
  await writeFile(join(copy, "index.js"), "");

  expect(() => refuseSecondGraphQL(join(host, "program.js"))).toThrow(`${join(copy, "index.js")} and `);
});

test("a host with the same copy, or without one, gets no error", async () => {
  expect(() => refuseSecondGraphQL(import.meta.filename)).not.toThrow();
  expect(() => refuseSecondGraphQL(join("/", "nowhere", "program.js"))).not.toThrow();
});
