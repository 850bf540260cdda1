import { readdir, readFile } from "node:fs/promises";
import { expect, test } from "@jest/globals";

const ROOT = new URL("../../", import.meta.url);
const GUIDE = await readFile(new URL("CONTRIBUTING.md", ROOT), "utf8");

/** What `npm run build` makes. */
const BUILT = ["studio/generated/graphql.ts"];

/** The paths below these folders, of files and of folders. */
async function pathsBelow(...folders: readonly string[]): Promise<string[]> {
  const found = await Promise.all(
    folders.map(async (folder) => {
      const names = await readdir(new URL(`${folder}/`, ROOT), { recursive: true });
      return names.map((name) => `${folder}/${name}`);
    }),
  );
  return found.flat();
}

const paths = await pathsBelow("bench", "deploy", "docs", "examples", "schema", "scripts", "src", "studio", "test");

/** The paths that end with this one. The guide leaves out folders that are named before. */
function pathsOf(name: string): string[] {
  return [...paths, ...BUILT].filter((path) => path === name || path.endsWith(`/${name}`));
}

test("every file and folder that CONTRIBUTING.md names exists", () => {
  const named = [...GUIDE.matchAll(/`([\w./-]+)`/g)]
    .map(([, name = ""]) => name.replace(/\/$/, ""))
    .filter((name) => /^(bench|deploy|docs|examples|schema|scripts|src|studio|test)\/|\.(tsx?|json|yml)$/.test(name));

  expect(named.length).toBeGreaterThan(80);
  expect([...new Set(named)].filter((name) => pathsOf(name).length === 0)).toEqual([]);
});

test("every name that it places in a file is in that file", async () => {
  const placed = [...GUIDE.matchAll(/`#?(\w+)`(?: and `\w+`)?,? (?:of|in) `([\w./-]+\.tsx?)`/g)];
  const missing: string[] = [];
  for (const [, name = "", file = ""] of placed) {
    const texts = await Promise.all(pathsOf(file).map((path) => readFile(new URL(path, ROOT), "utf8")));
    if (!texts.some((text) => new RegExp(`\\b${name}\\b`).test(text))) missing.push(`${name} in ${file}`);
  }

  expect(placed.length).toBeGreaterThan(25);
  expect(missing).toEqual([]);
});

test("every section that it links to exists", () => {
  const anchors = [...GUIDE.matchAll(/^## (.+)$/gm)].map(([, title = ""]) =>
    title
      .toLowerCase()
      .replaceAll(/[^\w -]/g, "")
      .replaceAll(" ", "-"),
  );
  const links = [...GUIDE.matchAll(/\]\(#([^)]+)\)/g)].map(([, anchor = ""]) => anchor);

  expect(links.length).toBeGreaterThan(2);
  expect(links.filter((link) => !anchors.includes(link))).toEqual([]);
});
