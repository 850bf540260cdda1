import { execFile } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import sharp from "sharp";
import { GatewayError } from "../../src/errors.ts";
import { ANY_SIZE_MODEL, type ScriptedGateway, startScriptedGateway } from "../support/scripted-gateway.ts";
import { makeImages } from "../support/scripted-provider.ts";
import { temporaryDirectories } from "../support/temporary-directory.ts";
import { runsHere, testWhere } from "../support/when-present.ts";

const CLIENTS = fileURLToPath(new URL("../../docs/clients/", import.meta.url));

/** How each sample is run; what has to be on the machine stands first. */
const LANGUAGES = [
  ["Shell", "shell/pictograph.sh", ["sh"], ["curl", "--version"]],
  ["JavaScript", "javascript/pictograph.mjs", [process.execPath], [process.execPath, "--version"]],
  ["Ruby", "ruby/pictograph.rb", ["ruby"], ["ruby", "--version"]],
  ["Python", "python/pictograph.py", ["python3"], ["python3", "--version"]],
  ["PHP", "php/pictograph.php", ["php"], ["php", "--version"]],
  ["Java", "java/Pictograph.java", ["java"], ["java", "--version"]],
  ["Go", "go/pictograph.go", ["go", "run"], ["go", "version"]],
] as const;

const areHere = await Promise.all(LANGUAGES.map(([, , , [command, ...args]]) => runsHere(command, ...args)));

const newDirectory = temporaryDirectories();
let gateway: ScriptedGateway;

beforeAll(async () => {
  const edits = { maxInputImages: 16, maxInputBytes: 49_999_999, inputFormats: ["PNG"], hasMask: true } as const;
  gateway = await startScriptedGateway({}, [{ ...ANY_SIZE_MODEL, operations: ["GENERATE", "EDIT"], edits }]);
});
afterAll(() => gateway.close());
beforeEach(() => {
  gateway.provider.script = makeImages;
  gateway.provider.requests.length = 0;
});

test("there is a sample in each of the eight languages, and none besides", async () => {
  const entries = await readdir(CLIENTS, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const known = [...LANGUAGES.map(([, file]) => file), "http/pictograph.http", "README.md"];

  expect(files.sort()).toEqual(known.map((file) => join(CLIENTS, file)).sort());
});

describe("the sample", () => {
  for (const [index, [language, file, command]] of LANGUAGES.entries()) {
    const start = (directory: string) => {
      const [program, ...args] = [...command, join(CLIENTS, file)];
      const env = { ...process.env, PICTOGRAPH_URL: gateway.url };
      return promisify(execFile)(program ?? "", args, { cwd: directory, env });
    };
    const run = async () => {
      const directory = await newDirectory();
      const { stdout } = await start(directory);
      expectEveryEntryPoint(stdout.trim().split("\n"));
      expect(await sharp(join(directory, "fox.png")).metadata()).toMatchObject({
        format: "png",
        width: 512,
        height: 512,
      });
    };
    // Go compiles its library first, once a machine.
    testWhere(areHere[index] ?? false, command[0], `in ${language} calls every REST door`, run, 180_000);

    const fail = async () => {
      gateway.provider.script = async function* refusing() {
        yield* [];
        throw new GatewayError("CONTENT_REJECTED", "refused; change the prompt", { billed: "NO" });
      };
      const failed = await start(await newDirectory()).catch((error) => error);

      expect(failed.code).toBeGreaterThan(0);
      expect(failed.stderr + failed.stdout).toContain("refused; change the prompt");
      expect(gateway.provider.requests).toHaveLength(1);
    };
    testWhere(areHere[index] ?? false, command[0], `in ${language} says what is wrong, and ends`, fail, 180_000);
  }

  test("in HTTP calls every REST door", async () => {
    const requests = (await readFile(join(CLIENTS, "http/pictograph.http"), "utf8")).split(/^###.*\n/m).slice(1);
    const { host } = new URL(gateway.url);
    const lines: string[] = [];
    let url = gateway.url;
    for (const request of requests) {
      const { pathname, search } = new URL(url);
      const filled = request
        .replaceAll("{{host}}", host)
        .replaceAll("{{path}}", pathname + search)
        .replaceAll("{{url}}", url);
      const answer = await sendAsItStands(filled.trim());
      expect(answer).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
      const found = answer.match(/http:[^"]*(?=")|(?<="id":")[^"]*/g) ?? [];
      if (lines.length === 0) url = found[0] ?? "";
      lines.push(...found);
    }
    expectEveryEntryPoint(lines);
  });
});

/** Two URLs, one that is generated, one that is edited, and the names of the models. */
function expectEveryEntryPoint(lines: readonly string[]): void {
  expect(lines).toHaveLength(6);
  for (const url of lines.slice(0, 4)) expect(url).toMatch(`${gateway.url}/images/img_`);
  expect(lines.slice(4)).toEqual(["any-size-1", "illustrator-1"]);
  expect(gateway.provider.requests.map(({ prompt, n, edit }) => [prompt, n, edit?.images.length])).toEqual([
    ["a red fox in the snow", 2, undefined],
    ["a blue bird on a branch", 1, undefined],
    ["the fox wears a hat", 1, 1],
  ]);
}

/** A request with nothing added but what ends it: its length, and that the connection may close. */
async function sendAsItStands(request: string): Promise<string> {
  const [head = "", body = ""] = request.split("\n\n");
  const length = body === "" ? "" : `\r\nContent-Length: ${Buffer.byteLength(body)}`;
  const socket = connect(Number(new URL(gateway.url).port), "127.0.0.1");
  socket.write(`${head.replaceAll("\n", "\r\n")}${length}\r\nConnection: close\r\n\r\n${body}`);
  return text(socket);
}
