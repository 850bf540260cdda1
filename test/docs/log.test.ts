import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, test } from "@jest/globals";
import { type LogMessages, readLogMessages, readTexts } from "../support/log-messages.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const SRC = join(ROOT, "src");
const ROW = /^\| (info|warn|error) \| `(.+?)` \| (.+) \|$/;

/** Messages whose text is computed: the file of the call, the file of the texts, and the texts. */
const TAKEN: readonly (readonly [call: string, source: string, level: string, texts: readonly string[]])[] = [
  ["lifecycle.ts", "lifecycle.ts", "info", ["accepting", "draining", "released", "closed"]],
  [
    "serve.ts",
    "config.ts",
    "warn",
    [
      "PICTOGRAPH_OPEN=true: anyone who can reach this gateway may use it and spend its operator's money",
      "PICTOGRAPH_OPEN=true has no effect, because PICTOGRAPH_ADMIN_KEY is set: callers need keys",
    ],
  ],
  ["serve.ts", "settings/variable-names.ts", "warn", ["… is set, but there is no such setting: it has no effect"]],
  [
    "service/generations/acceptance.ts",
    "service/models/model-catalogue.ts",
    "warn",
    ["… is of another price class than …: … instead of …"],
  ],
  [
    "service/models/model-watch.ts",
    "service/models/model-catalogue.ts",
    "warn",
    [
      "no provider of … is configured; … was used instead",
      "the model … is retired; … was used instead",
      "the model … shuts down on …; …",
    ],
  ],
];
/** Forwards the messages of graphile-worker, which publishes no list of them. */
const FOREIGN = "adapters/graphile/engine-logger.ts";

let found: LogMessages;
let rows: readonly { readonly line: string; readonly meaning: string }[];

beforeAll(async () => {
  found = await readLogMessages(SRC);
  const text = await readFile(join(ROOT, "docs/log.md"), "utf8");
  rows = text.split("\n").flatMap((row) => {
    const [, level, message, meaning = ""] = ROW.exec(row) ?? [];
    return level === undefined ? [] : [{ line: `${level} ${message}`, meaning }];
  });
});

describe("docs/log.md", () => {
  test("explains every message above debug in the sources, and no other", () => {
    const written = found.messages.filter(({ level }) => level !== "debug");
    const lines = new Set(written.map(({ level, message }) => `${level} ${message}`));
    for (const [, , level, texts] of TAKEN) for (const text of texts) lines.add(`${level} ${text}`);

    expect(rows.map(({ line }) => line).sort()).toEqual([...lines].sort());
    expect(rows.length).toBeGreaterThan(60);
  });

  test("explains each message in a sentence", () => {
    for (const { meaning } of rows) expect(meaning).toMatch(/^[A-Z`[].*\.$/);
  });
});

describe("a log message with a computed text", () => {
  test("occurs only in the files that this test lists", () => {
    const files = new Set(found.computed.map(({ file }) => file));

    expect([...files].sort()).toEqual([...new Set([FOREIGN, ...TAKEN.map(([call]) => call)])].sort());
  });

  test.each(TAKEN)("of %s is one of the texts in %s", async (_call, source, _level, texts) => {
    const all = await readTexts(join(SRC, source));

    expect([...all]).toEqual(expect.arrayContaining([...texts]));
  });
});
