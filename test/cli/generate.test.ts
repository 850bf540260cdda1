import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import sharp from "sharp";
import { GatewayError } from "../../src/errors.ts";
import { ANY_SIZE_MODEL, type ScriptedGateway, startScriptedGateway } from "../support/gateways/scripted-gateway.ts";
import { makeImages, plainImage } from "../support/gateways/scripted-provider.ts";
import { runCommand } from "../support/processes/run-command.ts";
import { temporaryDirectories } from "../support/temporary-directory.ts";

const newDirectory = temporaryDirectories();
const edits = { maxInputImages: 16, maxInputBytes: 49_999_999, inputFormats: ["PNG"], hasMask: true } as const;

let gateway: ScriptedGateway;
let cwd: string;
beforeAll(async () => {
  gateway = await startScriptedGateway({}, [{ ...ANY_SIZE_MODEL, operations: ["GENERATE", "EDIT"], edits }]);
});
beforeEach(async () => {
  cwd = await newDirectory();
  gateway.provider.script = makeImages;
  gateway.provider.requests.length = 0;
});
afterAll(() => gateway.close());

const run = (parameters: readonly string[], options = {}) =>
  runCommand(parameters, { cwd, env: { PICTOGRAPH_URL: gateway.url }, ...options });

describe("generate", () => {
  test("saves the images and prints only their paths", async () => {
    const result = await run(["generate", "a red fox", "-n", "2", "--size", "192x128", "-o", "fox.png"]);

    expect(result).toMatchObject({ code: 0, stdout: "fox-1.png\nfox-2.png\n", stderr: "" });
    expect((await readdir(cwd)).sort()).toEqual(["fox-1.png", "fox-2.png"]);
    const { format, width, height } = await sharp(join(cwd, "fox-2.png")).metadata();
    expect({ format, width, height }).toEqual({ format: "png", width: 192, height: 128 });
  });

  test("names the files after their images, in the format of the flag", async () => {
    const { lines } = await run(["generate", "a fox", "--size", "64x64", "--format", "webp"]);

    expect(lines).toEqual([expect.stringMatching(/^img_\w+\.webp$/)]);
    expect((await sharp(join(cwd, lines[0] ?? "")).metadata()).format).toBe("webp");
  });

  test("writes into a directory, and takes the format from a file name", async () => {
    await mkdir(join(cwd, "pictures"));
    const directory = await run(["generate", "a fox", "--size", "64x64", "-o", "pictures"]);
    const file = await run(["generate", "a fox", "--size", "64x64", "-o", "pictures/fox.JPG"]);

    expect(directory.stdout).toMatch(/^pictures\/img_\w+\.png\n$/);
    expect(file.stdout).toBe("pictures/fox.JPG\n");
    expect((await sharp(join(cwd, "pictures/fox.JPG")).metadata()).format).toBe("jpeg");
  });

  test("sends every flag to the gateway", async () => {
    const flags = ["--quality", "high", "--background", "opaque", "--metadata", "order=42", "--end-user", "ann"];
    const { lines } = await run(["generate", "a fox", "--size", "64x64", "--model", "any-size-1", ...flags, "--json"]);
    const { id, files, images, prompt } = JSON.parse(lines[0] ?? "");
    const query = "query ($id: ID!) { generation(id: $id) { endUser metadata { key value } } }";
    const { body } = await gateway.graphql(query, { id });

    expect(lines).toHaveLength(1);
    expect({ files, prompt }).toEqual({ files: [`${images[0].id}.png`], prompt: "a fox" });
    expect(gateway.provider.requests).toMatchObject([{ quality: "HIGH", background: "OPAQUE", model: "any-size-1" }]);
    expect(body.data.generation).toEqual({ endUser: "ann", metadata: [{ key: "order", value: "42" }] });
    const bytes = await readFile(join(cwd, files[0]));
    expect(createHash("sha256").update(bytes).digest("hex")).toBe(images[0].sha256);
  });

  test("reads the prompt from stdin", async () => {
    const { code } = await run(["generate", "-", "--size", "64x64"], { input: "a fox\nin the snow\n" });

    expect(code).toBe(0);
    expect(gateway.provider.requests).toMatchObject([{ prompt: "a fox\nin the snow" }]);
  });

  test("pays once if an idempotency key is repeated", async () => {
    const flags = ["--size", "64x64", "--idempotency-key", "order-42"];
    const first = await run(["generate", "a fox", ...flags, "-o", "one.png"]);
    const second = await run(["generate", "a fox", ...flags, "-o", "two.png"]);

    expect([first.code, second.code]).toEqual([0, 0]);
    expect(gateway.provider.requests).toHaveLength(1);
    expect((await readdir(cwd)).sort()).toEqual(["one.png", "two.png"]);
  });

  test("replaces files only with --force, and otherwise requests nothing", async () => {
    await writeFile(join(cwd, "fox-2.png"), "mine");
    const flags = ["generate", "a fox", "-n", "2", "--size", "64x64", "-o", "fox.png"];
    const refused = await run(flags);

    expect(refused).toMatchObject({ code: 2, stdout: "" });
    expect(refused.stderr).toContain("fox-2.png exists; choose another name, or replace it with --force");
    expect(gateway.provider.requests).toHaveLength(0);
    expect(await readdir(cwd)).toEqual(["fox-2.png"]);
    expect(await run([...flags, "--force"])).toMatchObject({ code: 0, stdout: "fox-1.png\nfox-2.png\n" });
    expect((await sharp(join(cwd, "fox-2.png")).metadata()).width).toBe(64);
  });

  test("does not replace a file that appears meanwhile, and says how to get the image", async () => {
    gateway.provider.script = async function* (request) {
      await writeFile(join(cwd, "fox.png"), "mine");
      yield* makeImages(request);
    };
    const { code, stderr } = await run(["generate", "a fox", "--size", "64x64", "-o", "fox.png"]);
    const id = /gen_\w+/.exec(stderr)?.[0] ?? "";

    expect({ code, stderr }).toMatchObject({ code: 1, stderr: expect.stringMatching(/fox\.png exists meanwhile/) });
    expect(await readFile(join(cwd, "fox.png"), "utf8")).toBe("mine");
    expect(await readdir(cwd)).toEqual(["fox.png"]);
    expect(await run(["show", id, "-o", "other.png"])).toMatchObject({ code: 0, stdout: "other.png\n" });
  });

  test.each([
    ["CONTENT_REJECTED", 3],
    ["BUDGET_EXCEEDED", 5],
    ["UPSTREAM_FAILED", 1],
  ] as const)("has its own exit code for %s: %i", async (errorCode, exitCode) => {
    gateway.provider.script = async function* (request) {
      yield* makeImages({ ...request, n: 0 });
      throw new GatewayError(errorCode, "the provider says no", { billed: "NO" });
    };
    const { code, stdout, stderr } = await run(["generate", "a fox", "--size", "64x64"]);

    expect({ code, stdout }).toEqual({ code: exitCode, stdout: "" });
    expect(stderr).toMatch(new RegExp(`^✗ the provider says no \\(${errorCode}, gen_\\w+\\)\\.\\n$`));
    expect(await readdir(cwd)).toEqual([]);
  });

  test("saves the images of a failed generation", async () => {
    gateway.provider.script = async function* (request) {
      yield* makeImages({ ...request, n: 1 });
      throw new GatewayError("UPSTREAM_FAILED", "the provider broke", { billed: "YES" });
    };
    const { code, stdout } = await run(["generate", "a fox", "-n", "2", "--size", "64x64", "-o", "fox.png"]);

    expect({ code, stdout }).toEqual({ code: 1, stdout: "fox-1.png\n" });
  });

  test("continues if nobody reads its output", async () => {
    const options = { readsOnce: true };
    const { code, stderr } = await run(["generate", "a fox", "-n", "3", "--size", "64x64", "-o", "fox.png"], options);

    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect((await readdir(cwd)).sort()).toEqual(["fox-1.png", "fox-2.png", "fox-3.png"]);
  });
});

describe("edit", () => {
  test("uploads files and accepts ids of images", async () => {
    await writeFile(join(cwd, "photo"), await plainImage(96, 64, 1, "PNG"));
    await writeFile(
      join(cwd, "mask.png"),
      await sharp({ create: { width: 96, height: 64, channels: 4, background: "#0000" } })
        .png()
        .toBuffer(),
    );
    const first = await run(["generate", "a fox", "--size", "96x64", "--json"]);
    const { images } = JSON.parse(first.stdout);
    const sources = ["-i", "photo", "-i", images[0].id, "--mask", "mask.png"];
    const { code, stdout, stderr } = await run(["edit", "a hat", ...sources, "-o", "hat.png"]);

    expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: "hat.png\n", stderr: "" });
    expect(gateway.provider.requests[1]?.edit?.images).toHaveLength(2);
    expect(gateway.provider.requests[1]?.edit?.mask).toBeDefined();
    expect((await sharp(join(cwd, "hat.png")).metadata()).width).toBe(96);
  });

  test.each([
    ["there is no file photo.png", ["-i", "photo.png"]],
    ["notes.txt is not a PNG, JPEG or WebP image", ["-i", "notes.txt"]],
    ["empty.png is not a PNG, JPEG or WebP image", ["-i", "empty.png"]],
    [". is not a file", ["-i", "."]],
    ["--image is missing", []],
    ["notes.txt is not a PNG", ["-i", "img_01h455vb4pex5vsknk084sn02q", "--mask", "notes.txt"]],
  ])("refuses: %s", async (message, sources) => {
    await writeFile(join(cwd, "notes.txt"), "these are notes");
    await writeFile(join(cwd, "empty.png"), "");
    const { code, stdout, stderr } = await run(["edit", "a hat", ...sources]);

    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain(message);
    expect(gateway.provider.requests).toHaveLength(0);
  });
});

describe("generate refuses wrong flags before it requests anything:", () => {
  test.each([
    ["an argument is missing", []],
    ["is one argument too many", ["a", "fox"]],
    ["-n must be a whole number from 1 to 10", ["a fox", "-n", "11"]],
    ["--size must be width and height", ["a fox", "--size", "large"]],
    ["--quality must be one of auto, low", ["a fox", "--quality", "best"]],
    ["there is no flag --sise; did you mean --size?", ["a fox", "--sise", "64x64"]],
    ["--model needs a value", ["a fox", "--model"]],
    ["--model must not be empty", ["a fox", "--model", ""]],
    ["--force takes no value", ["a fox", "--force=yes"]],
    ["--metadata must be KEY=VALUE", ["a fox", "--metadata", "order"]],
    ["put -- before a text that begins with a hyphen", ["-a fox"]],
    [".gif is not possible; use .png", ["a fox", "-o", "fox.gif"]],
    ["the name fox.png is not of a WEBP file", ["a fox", "-o", "fox.png", "--format", "webp"]],
    ["the directory none does not exist", ["a fox", "-o", "none/fox.png"]],
    ["the paths of the images go to stdout", ["a fox", "-o", "-"]],
  ])("%s", async (message, parameters) => {
    const { code, stdout, stderr } = await run(["generate", ...parameters]);

    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain(message);
    expect(gateway.provider.requests).toHaveLength(0);
  });

  test("input that only the gateway can refuse also has the exit code of a wrong flag", async () => {
    const { code, stderr } = await run(["generate", "a fox", "--size", "9999x10"]);

    expect(code).toBe(2);
    expect(stderr).toContain("size");
    expect(stderr.split("\n")).toHaveLength(2);
  });
});
