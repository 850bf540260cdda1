import { execFile } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { promisify } from "node:util";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import sharp from "sharp";
import { GatewayError } from "../../src/errors.ts";
import type { ScriptedGateway } from "../support/gateways/scripted-gateway.ts";
import { makeImages } from "../support/gateways/scripted-provider.ts";
import { expectEveryRoute, SAMPLES, startSampleGateway } from "../support/samples/samples.ts";
import { temporaryDirectories } from "../support/temporary-directory.ts";

const newDirectory = temporaryDirectories();
let gateway: ScriptedGateway;

beforeAll(async () => {
  gateway = await startSampleGateway();
});
afterAll(() => gateway.close());
beforeEach(() => {
  gateway.provider.script = makeImages;
  gateway.provider.requests.length = 0;
});

test("each of the eight languages has one sample", async () => {
  const entries = await readdir(SAMPLES, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const known = [
    "README.md",
    "go/pictograph.go",
    "http/pictograph.http",
    "java/Pictograph.java",
    "javascript/pictograph.mjs",
    "php/pictograph.php",
    "python/pictograph.py",
    "ruby/pictograph.rb",
    "shell/pictograph.sh",
  ];

  expect(files.sort()).toEqual(known.map((file) => join(SAMPLES, file)));
});

describe("the sample in JavaScript", () => {
  const start = (directory: string) => {
    const env = { ...process.env, PICTOGRAPH_URL: gateway.url };
    return promisify(execFile)(process.execPath, [join(SAMPLES, "javascript/pictograph.mjs")], { cwd: directory, env });
  };

  test("calls every REST route", async () => {
    const directory = await newDirectory();
    const { stdout } = await start(directory);
    const picture = await sharp(join(directory, "fox.png")).metadata();

    expectEveryRoute(gateway, stdout.trim().split("\n"));
    expect(picture).toMatchObject({ format: "png", width: 512, height: 512 });
  });

  test("reports an error and exits", async () => {
    gateway.provider.script = async function* refusing() {
      yield* [];
      throw new GatewayError("CONTENT_REJECTED", "refused; change the prompt", { billed: "NO" });
    };
    const failed = await start(await newDirectory()).catch((error) => error);

    expect(failed.code).toBeGreaterThan(0);
    expect(failed.stderr + failed.stdout).toContain("refused; change the prompt");
    expect(gateway.provider.requests).toHaveLength(1);
  });
});

test("the sample of HTTP requests calls every REST route", async () => {
  const requests = (await readFile(join(SAMPLES, "http/pictograph.http"), "utf8")).split(/^###.*\n/m).slice(1);
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
  expectEveryRoute(gateway, lines);
});

/** Sends a request unchanged, except for its length and the header that closes the connection. */
async function sendAsItStands(request: string): Promise<string> {
  const [head = "", body = ""] = request.split("\n\n");
  const length = body === "" ? "" : `\r\nContent-Length: ${Buffer.byteLength(body)}`;
  const socket = connect(Number(new URL(gateway.url).port), "127.0.0.1");
  socket.write(`${head.replaceAll("\n", "\r\n")}${length}\r\nConnection: close\r\n\r\n${body}`);
  return text(socket);
}
