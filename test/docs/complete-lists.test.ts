import { readdir, readFile } from "node:fs/promises";
import { describe, expect, test } from "@jest/globals";
import { HTTP_STATUS } from "../../src/api/http/answers/status.ts";
import { EXIT, exitCodeOf } from "../../src/cli/command-failure.ts";
import { COMMANDS } from "../../src/cli/commands.ts";
import { ERROR_CODES } from "../../src/errors.ts";
import { ENTRY_POINTS } from "../../src/ports/metrics.ts";
import { TEST_EVENT, WEBHOOK_EVENTS } from "../../src/ports/webhooks.ts";
import { CLIENT_SECRETS, SECRETS } from "../../src/settings/secret-files.ts";
import { VARIABLES } from "../../src/settings/variable-names.ts";

const DOCS = new URL("../../docs/", import.meta.url);
const read = (name: string) => readFile(new URL(name, DOCS), "utf8");

/** The words in backticks in this text. */
function codeIn(text: string): string[] {
  return [...text.matchAll(/`([^`\n]+)`/g)].map(([, code = ""]) => code);
}

/** The cells of the table whose head begins with these columns, without the head. */
async function rowsOf(document: string, head: string): Promise<string[][]> {
  const lines = (await read(document)).split("\n");
  const start = lines.findIndex((line) => line.startsWith(`| ${head} |`));
  expect({ document, hasTable: start >= 0 }).toEqual({ document, hasTable: true });
  const rows = lines.slice(start + 2);
  const end = rows.findIndex((line) => !line.startsWith("|"));
  return rows.slice(0, end).map((row) => row.slice(2, -2).split(" | "));
}

describe("the documents name every", () => {
  test("variable", async () => {
    const documents = await Promise.all(["configuration.md", "command-line.md", "traces.md"].map(read));
    const named = new Set(documents.flatMap(codeIn));
    const secretFiles = [...SECRETS, ...CLIENT_SECRETS].map((name) => `${name}_FILE`);

    expect([...VARIABLES, ...secretFiles].filter((name) => !named.has(name))).toEqual([]);
  });

  test("error code, with its status", async () => {
    const rows = await rowsOf("rest.md", "code | status");
    const documented = rows.flatMap(([codes = "", status = ""]) => codeIn(codes).map((code) => ({ code, status })));

    expect(documented.map(({ code }) => code).sort()).toEqual([...ERROR_CODES].sort());
    for (const code of ERROR_CODES) {
      const { status } = documented.find((each) => each.code === code) ?? {};
      expect({ code, status }).toEqual({ code, status: expect.stringContaining(String(HTTP_STATUS[code])) });
    }
  });

  test("command", async () => {
    const rows = await rowsOf("command-line.md", "command");
    const documented = rows.flatMap(([commands = ""]) => codeIn(commands));

    expect(documented.sort()).toEqual(["serve", ...Object.keys(COMMANDS)].sort());
  });

  test("exit code, with the error codes that lead to it", async () => {
    const rows = await rowsOf("command-line.md", "exit code");
    const documented = new Map(rows.map(([exitCode, meaning = ""]) => [Number(exitCode), codeIn(meaning)]));

    expect([...documented.keys()]).toEqual(Object.values(EXIT));
    for (const code of ERROR_CODES) {
      const exitCode = exitCodeOf(code);
      const named = [...documented].filter(([, codes]) => codes.includes(code)).map(([number]) => number);
      expect({ code, named }).toEqual({
        code,
        named: exitCode === EXIT.failure && named.length === 0 ? [] : [exitCode],
      });
    }
  });

  test("webhook event", async () => {
    const rows = await rowsOf("webhooks.md", "event");
    const documented = rows.flatMap(([events = ""]) => codeIn(events));

    expect(documented.sort()).toEqual([...WEBHOOK_EVENTS, TEST_EVENT].sort());
  });

  test("folder of the studio", async () => {
    const entries = await readdir(new URL("../studio/", DOCS), { withFileTypes: true });
    const folders = entries.filter((entry) => entry.isDirectory()).map(({ name }) => `${name}/`);
    const rows = await rowsOf("studio.md", "in `studio/`");
    const documented = rows.flatMap(([names = ""]) => codeIn(names)).filter((name) => name.endsWith("/"));

    // The build makes it.
    const generated = "generated/";
    expect([...new Set([...documented, generated])].sort()).toEqual([...new Set([...folders, generated])].sort());
  });

  test("entry point of requests that is counted", async () => {
    const rows = await rowsOf("metrics.md", "metric");
    const [, , meaning = ""] = rows.find(([metric]) => metric === "`pictograph_requests_total`") ?? [];
    const [, list = ""] = /`entry_point` is (.+?)\. /.exec(meaning) ?? [];

    expect(codeIn(list).sort()).toEqual([...ENTRY_POINTS].sort());
  });
});
