import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect } from "@jest/globals";
import { type ScriptedGateway, startScriptedGateway } from "../support/gateways/scripted-gateway.ts";
import { MAIN } from "../support/processes/run-command.ts";
import { temporaryDirectories } from "../support/temporary-directory.ts";
import { runsHere, testWhere } from "./when-present.ts";

/** `script` of util-linux runs a command in a pseudo-terminal; the one of macOS has other flags. */
const hasScript = await runsHere("script", "--quiet", "--command", "true", "/dev/null");
const newDirectory = temporaryDirectories();

let gateway: ScriptedGateway;
beforeAll(async () => {
  gateway = await startScriptedGateway({ defaultModel: "illustrator-1" });
});
afterAll(() => gateway.close());

/** Runs a command in a terminal and returns everything it prints. */
async function runInTerminal(command: string, env: Readonly<Record<string, string>> = {}): Promise<string> {
  const line = `"${process.execPath}" "${MAIN}" ${command}`;
  const { stdout } = await promisify(execFile)("script", ["--quiet", "--return", "--command", line, "/dev/null"], {
    cwd: await newDirectory(),
    env: { PATH: process.env.PATH ?? "", TERM: "xterm-256color", PICTOGRAPH_URL: gateway.url, ...env },
  });
  return stdout;
}

const CLEAR_LINE = "\u001b[2K";
const COLOR = "\u001b[3";
const GENERATE = 'generate "a fox" --size 512x512 -n 2 -o fox.png';

describe("in a terminal", () => {
  testWhere(
    hasScript,
    "script of util-linux",
    "progress shows each preview as a stage, and is removed at the end",
    async () => {
      const printed = await runInTerminal(GENERATE);

      expect(printed).toContain("Drawing with illustrator-1 · image 1 of 2 · preview 1 of 3");
      expect(printed).toContain("fox-1.png\r\n");
      expect(printed).toContain("fox-2.png\r\n");
      expect(printed).toMatch(/2 images of 512x512 by illustrator-1 in \d+\.\d s · \$0/);
      expect(printed.slice(printed.lastIndexOf(CLEAR_LINE))).not.toContain("Saving");
    },
  );

  testWhere(hasScript, "script of util-linux", "NO_COLOR removes the colours of the progress", async () => {
    const [colored, plain] = await Promise.all([runInTerminal(GENERATE), runInTerminal(GENERATE, { NO_COLOR: "1" })]);

    expect(colored).toContain(COLOR);
    expect(plain).toContain(CLEAR_LINE);
    expect(plain).not.toContain(COLOR);
  });

  testWhere(hasScript, "script of util-linux", "a terminal that cannot move its cursor shows no progress", async () => {
    const printed = await runInTerminal(GENERATE, { TERM: "dumb" });

    expect(printed).not.toContain("\u001b");
    expect(printed.split("\r\n").slice(0, 2)).toEqual(["fox-1.png", "fox-2.png"]);
  });

  testWhere(hasScript, "script of util-linux", "tables have a header and fit the terminal", async () => {
    const prompt = "a fox 狐狸 ".repeat(60);
    await gateway.graphql("mutation ($prompt: String!) { generateImages(input: { prompt: $prompt }) { id } }", {
      prompt,
    });
    const printed = await runInTerminal("list -n 1", { NO_COLOR: "1" });
    const [head = "", row = ""] = printed.split("\r\n");

    expect(head).toMatch(/^ID +STATUS +CREATED +IMAGES +MODEL +PROMPT$/);
    expect(row).toMatch(/^gen_\w+ +SUCCEEDED .*…$/);
    expect(row.length).toBeLessThanOrEqual(110);
  });
});
