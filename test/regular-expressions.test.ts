import { readdir, readFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "@jest/globals";
import { parse } from "@swc/core";
import { checkSync } from "recheck";

const SOURCE = fileURLToPath(new URL("../src", import.meta.url));

/** Of one expression. Most take a few milliseconds. */
const CHECK_TIMEOUT_MS = 20_000;

/** Patterns that take more than one pass over a text, where no caller decides how long the text is. */
const BOUNDED: ReadonlyMap<string, string> = new Map([
  ["0+$", "of twelve digits"],
  [String.raw`"(?:[^"\\]|\\.)*"(\s*:)?|[{}]`, "of a file that the operator wrote"],
  [String.raw`"(?:[^"\\]|\\.)*"|[{}[\]]`, "of a file that the operator wrote"],
  [
    String.raw`_SERVICE_(HOST|PORT(_[A-Z0-9_]+)?)$|_PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?$`,
    "the name of a variable of the environment",
  ],
]);

interface Expression {
  readonly file: string;
  readonly pattern: string;
  readonly flags: string;
}

test("no regular expression takes more than linear time", async () => {
  const expressions = await expressionsIn(SOURCE);
  const slow = expressions
    .filter(({ pattern }) => !BOUNDED.has(pattern))
    .map(({ file, pattern, flags }) => {
      const result = checkSync(...withoutSets(pattern, flags), { timeout: CHECK_TIMEOUT_MS });
      return { file, pattern, verdict: result.status === "vulnerable" ? result.complexity.summary : result.status };
    })
    .filter(({ verdict }) => verdict !== "safe");

  expect(expressions.length).toBeGreaterThan(50);
  expect(slow).toEqual([]);
});

/** `recheck` does not know the flag `v`: what is taken out of a set stays in, which can only make an expression slower. */
function withoutSets(pattern: string, flags: string): [pattern: string, flags: string] {
  if (!flags.includes("v")) return [pattern, flags];
  const plain = pattern
    .replaceAll(/\[\[([^\]]*)\]--\[[^\]]*\]\]/g, "[$1]")
    .replaceAll(/&&\[[^\]]*\]/g, "")
    .replaceAll("\\p{RGI_Emoji}", "\\p{Emoji}");
  return [plain, flags.replace("v", "u")];
}

async function expressionsIn(directory: string): Promise<readonly Expression[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const paths = entries
    .filter(({ name }) => /\.[jt]s$/.test(name))
    .map(({ parentPath, name }) => join(parentPath, name));
  const found = await Promise.all(
    paths.map(async (path) => {
      const program = await parse(await readFile(path, "utf8"), { syntax: "typescript", decorators: true });
      return [...literalsIn(program)].map((literal) => ({ file: relative(directory, path), ...literal }));
    }),
  );
  return found.flat();
}

function* literalsIn(node: unknown): Generator<Pick<Expression, "pattern" | "flags">> {
  if (typeof node !== "object" || node === null) return;
  const { type, pattern, flags } = node as { type?: string; pattern?: string; flags?: string };
  if (type === "RegExpLiteral") yield { pattern: pattern ?? "", flags: flags ?? "" };
  for (const child of Object.values(node)) yield* literalsIn(child);
}
