import { access, readFile } from "node:fs/promises";
import { expect, test } from "@jest/globals";

const ROOT = new URL("../../", import.meta.url);
const document = await readFile(new URL("docs/compatibility.md", ROOT), "utf8");

test("every version in docs/compatibility.md is the installed one", async () => {
  const { dependencies, devDependencies } = JSON.parse(await readFile(new URL("package.json", ROOT), "utf8"));
  const installed: Readonly<Record<string, string>> = { ...dependencies, ...devDependencies };
  const named = [...document.matchAll(/`([@a-z0-9/._-]+)` (\d[\w.-]*)/g)].map(([, name = "", version]) => [
    name,
    version,
  ]);
  const expected = named.map(([name = ""]) => [name, installed[name]?.replace(/^npm:.*@/, "")]);

  expect(named.length).toBeGreaterThan(20);
  expect(named).toEqual(expected);
});

test("every test that docs/compatibility.md names exists", async () => {
  const files = [...document.matchAll(/`(test\/[^`]+\.ts)`/g)].map(([, file = ""]) => file);

  await Promise.all(files.map((file) => access(new URL(file, ROOT))));
  expect(files.length).toBeGreaterThan(20);
});
