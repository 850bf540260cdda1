import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, expect, test } from "@jest/globals";
import { StartError } from "../../src/errors.ts";
import { createGateway } from "../../src/gateway.ts";
import { readModelsFile } from "../../src/wiring/models-file.ts";
import { startGateway } from "../support/gateways/gateway.ts";
import { temporaryDirectories } from "../support/temporary-directory.ts";

const newDirectory = temporaryDirectories();
let directory: string;

beforeAll(async () => {
  directory = await newDirectory();
});

async function write(content: unknown): Promise<string> {
  const path = join(directory, "models.json");
  await writeFile(path, typeof content === "string" ? content : JSON.stringify(content));
  return path;
}

async function problemsOf(path: string): Promise<string> {
  const error = await readModelsFile(path).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(StartError);
  return (error as StartError).message;
}

test("the example in the documents works", async () => {
  const [, example = ""] = /```json\n(.*?)```/s.exec(await readFile("docs/models.md", "utf8")) ?? [];
  const gateway = await startGateway({
    modelsFile: await write(example),
    openai: { apiKey: "sk-none", baseUrl: "http://127.0.0.1:1/v1" },
    defaultModel: "sturdy",
    now: () => new Date("2026-12-02T00:00:00Z"),
  });
  try {
    const { body } = await gateway.graphql("{ models { id isDefault maxImages operations } }");
    const both = ["GENERATE", "EDIT"];
    expect(body.data.models).toContainEqual({
      id: "gpt-image-2.6-sunburst",
      isDefault: true,
      maxImages: 10,
      operations: both,
    });
    expect(body.data.models).toContainEqual({
      id: "local-sdxl",
      isDefault: false,
      maxImages: 4,
      operations: ["GENERATE"],
    });
    expect(body.data.models).toContainEqual({ id: "flux", isDefault: false, maxImages: 1, operations: ["GENERATE"] });
    const quote = async (model: string) => {
      const query = "query ($input: GenerateImagesInput!) { quote(input: $input) { model { id } maxCost } }";
      return (await gateway.graphql(query, { input: { prompt: "a fox", model } })).body.data?.quote;
    };
    expect(await quote("flux")).toEqual({ model: { id: "flux" }, maxCost: "0.025000" });
    expect(await quote("cheap")).toMatchObject({ model: { id: "gpt-image-2.6-flare" } });
    expect(await quote("gpt-image-1-mini")).toBeUndefined();
    expect(await quote("local-sdxl")).toEqual({ model: { id: "local-sdxl" }, maxCost: "0.000000" });
  } finally {
    await gateway.close();
  }
});

test("every block in the documents is valid", async () => {
  const blocks = [...(await readFile("docs/models.md", "utf8")).matchAll(/```json\n(.*?)```/gs)];
  const read = [];
  for (const [, block = ""] of blocks) read.push(await readModelsFile(await write(block)));
  expect(read.flatMap(({ providers }) => providers)).toMatchObject([
    { name: "studio-gpu", concurrency: 1, timeoutMs: 120_000 },
    { name: "team-b", keyVariable: "OPENAI_API_KEY_OF_TEAM_B" },
  ]);
});

test.each<[string, unknown, RegExp]>([
  ["text that is not JSON", "{", /is not JSON/],
  ["a list", [], /expected object/],
  ["an unknown part", { model: {} }, /Unrecognized key: "model"/],
  ["an unknown field", { models: { a: { maxImage: 1 } } }, /models\.a: Unrecognized key: "maxImage"/],
  ["a wrong name", { models: { "a b": {} } }, /models\.a b/],
  ["no images", { models: { a: { maxImages: 0 } } }, /models\.a\.maxImages/],
  ["an invalid size", { models: { a: { sizes: ["1024"] } } }, /models\.a\.sizes/],
  ["no size", { models: { a: { sizes: [] } } }, /models\.a\.sizes/],
  ["an unknown word", { models: { a: { qualities: ["BEST"] } } }, /models\.a\.qualities\[0\]/],
  ["an invalid day", { models: { a: { shutdownDate: "2026-02-30" } } }, /models\.a\.shutdownDate: must be a day/],
  [
    "a negative price",
    { models: { a: { prices: [{ from: "2026-01-01", source: "x", perImage: "-1" }] } } },
    /models\.a\.prices\[0\]\.perImage/,
  ],
  [
    "a price that is a number",
    { models: { a: { prices: [{ from: "2026-01-01", source: "x", perImage: 0.1 }] } } },
    /perImage/,
  ],
  ["a price of nothing", { models: { a: { prices: [{ from: "2026-01-01", source: "x" }] } } }, /needs perImage or/],
  [
    "a package that is a path",
    { models: { a: { provider: "ai-sdk", package: "../x", model: "m" } } },
    /models\.a\.package/,
  ],
  ["a model of the SDK without a package", { models: { a: { provider: "ai-sdk", model: "m" } } }, /models\.a\.package/],
  ["an alias of nothing", { aliases: { a: [] } }, /aliases\.a/],
  ["an unknown operation", { models: { a: { operations: ["PAINT"] } } }, /models\.a\.operations\[0\]/],
  ["an edit of 17 images", { models: { a: { edits: { maxInputImages: 17 } } } }, /models\.a\.edits\.maxInputImages/],
  ["an edit of AVIF", { models: { a: { edits: { inputFormats: ["AVIF"] } } } }, /models\.a\.edits\.inputFormats/],
  [
    "previews by the SDK",
    { models: { a: { provider: "ai-sdk", package: "x", model: "m", previews: {} } } },
    /models\.a: .*"previews"/,
  ],
  ["four previews", { models: { a: { previews: { maxPartialImages: 4, maxImages: 1 } } } }, /models\.a\.previews/],
  ["an unknown kind", { providers: { a: { kind: "soap" } } }, /providers\.a\.kind/],
  ["a reserved name", { providers: { openai: { kind: "openai", baseUrl: "http://a/v1" } } }, /providers\.openai/],
  ["a server without an address", { providers: { a: { kind: "openai" } } }, /providers\.a\.baseUrl/],
  [
    "a password in an address",
    { providers: { a: { kind: "openai", baseUrl: "http://me:secret@a/v1" } } },
    /providers\.a\.baseUrl: must have no credentials/,
  ],
  [
    "a key in clear",
    { providers: { a: { kind: "openai", baseUrl: "http://a/v1", apiKey: "sk-1" } } },
    /providers\.a: Unrecognized key: "apiKey"/,
  ],
  ...Object.entries({
    "settings.apiKey": { settings: { apiKey: "the-secret" } },
    "settings.headers.X-API-Key": { settings: { headers: { "X-API-Key": "the-secret" } } },
    "settings.headers.authorization": { settings: { headers: { authorization: "Bearer the-secret" } } },
    "settings.secretAccessKey": { settings: { secretAccessKey: "the-secret", accessKeyId: "id" } },
    "settings.baseURL": { settings: { baseURL: "https://me:the-secret@a/v1" } },
    "providerOptions.fal.access_token": { providerOptions: { fal: { access_token: "the-secret" } } },
    "qualityOptions.LOW.fal.password": { qualityOptions: { LOW: { fal: { password: "the-secret" } } } },
  }).map(([place, part]): [string, unknown, RegExp] => [
    `a secret in ${place}`,
    { models: { a: { provider: "ai-sdk", package: "x", model: "m", ...part } } },
    new RegExp(`models\\.a\\.${place}: is a secret, .* name it in keyVariable`),
  ]),
  [
    "a secret in settings of a provider",
    {
      providers: { a: { kind: "ai-sdk", package: "x", settings: { apiKey: "the-secret" } } },
      models: { b: { provider: "a", model: "m" } },
    },
    /providers\.a\.settings\.apiKey: is a secret/,
  ],
  ["a secret in send", { models: { a: { send: { api_key: "the-secret" } } } }, /models\.a\.send\.api_key: is a secret/],
  [
    "a name that is ignored",
    '{ "models": { "a": { "send": { "__proto__": 1 } } } }',
    /models\.a\.send\.__proto__ cannot be/,
  ],
  ["33 lists in a list", `{ "models": { "a": ${"[".repeat(32)}${"]".repeat(32)} } }`, /is nested deeper than 32/],
  [
    "a key of the gateway itself",
    { providers: { a: { kind: "openai", baseUrl: "http://a/v1", keyVariable: "PICTOGRAPH_ADMIN_KEY" } } },
    /providers\.a\.keyVariable: is a secret of the gateway itself/,
  ],
  [
    "no calls at once",
    { providers: { a: { kind: "openai", baseUrl: "http://a/v1", concurrency: 0 } } },
    /providers\.a\.concurrency/,
  ],
  [
    "a provider without a model",
    { providers: { a: { kind: "openai", baseUrl: "http://a/v1" } } },
    /providers\.a: no model of the file has this provider/,
  ],
  [
    "a package in a model whose provider has one",
    {
      providers: { a: { kind: "ai-sdk", package: "@ai-sdk/fal" } },
      models: { b: { provider: "a", package: "@ai-sdk/xai", model: "m" } },
    },
    /models\.b: Unrecognized key: "package"/,
  ],
  ["an unknown parameter in omit", { models: { a: { omit: ["prompt"] } } }, /models\.a\.omit\[0\]/],
  ["n in omit", { models: { a: { omit: ["n"] } } }, /models\.a\.omit: n can be omitted only with "maxImages": 1/],
  ...["model", "prompt", "n", "image", "stream", "partial_images"].map((name): [string, unknown, RegExp] => [
    `${name} in send`,
    { models: { a: { send: { [name]: "x" } } } },
    /models\.a\.send.*is what callers ask for/,
  ]),
  ["an object in send", { models: { a: { send: { extra: {} } } } }, /models\.a\.send\.extra/],
  ["a long text in send", { models: { a: { send: { extra: "x".repeat(1001) } } } }, /models\.a\.send\.extra/],
  [
    "too much in send",
    { models: { a: { send: Object.fromEntries(Array.from({ length: 21 }, (_, i) => [`p${i}`, 1])) } } },
    /models\.a\.send: at most 20 parameters/,
  ],
  [
    "a parameter in omit and in send",
    { models: { a: { omit: ["size"], send: { size: "1K" } } } },
    /models\.a\.send: a parameter of omit cannot be sent/,
  ],
  [
    "send for a provider of a host program",
    { models: { a: { provider: "acme", send: { extra: 1 } } } },
    /models\.a: only models of OpenAI-compatible servers have send/,
  ],
  [
    "a quality that nothing asks for",
    { models: { a: { provider: "ai-sdk", package: "x", model: "m", qualities: ["LOW"] } } },
    /models\.a\.qualities: qualityOptions must say/,
  ],
  [
    "sizes beside tiers",
    {
      models: {
        a: {
          provider: "ai-sdk",
          package: "x",
          model: "m",
          sizes: ["1024x1024"],
          tiers: [{ sizes: ["1024x1024"], providerOptions: {} }],
        },
      },
    },
    /models\.a\.tiers: list the sizes in sizes or in tiers/,
  ],
  [
    "an invalid ratio",
    { models: { a: { provider: "ai-sdk", package: "x", model: "m", asksFor: ["wide"] } } },
    /models\.a\.asksFor/,
  ],
  [
    "two prices from one day",
    { models: { a: { prices: ["1", "2"].map((perImage) => ({ from: "2026-01-01", source: "x", perImage })) } } },
    /models\.a\.prices: two begin on the same day/,
  ],
  [
    "a name that is given twice",
    '{ "models": { "a": { "maxImages": 1, "hasSeed": true, "maxImages": 2 }, "{\\"a\\":": {}, "b": {}, "\\u0062": {} }, "models": {} }',
    /: models\.a\.maxImages is given twice; remove one\n.*: models\.b is given twice; remove one\n.*: models is given twice; remove one$/,
  ],
])("%s is refused with its place", async (_what, content, message) => {
  const problems = await problemsOf(await write(content));
  expect(problems).toMatch(message);
  expect(problems).not.toContain("the-secret");
});

test("names that only resemble those of secrets are accepted", async () => {
  const settings = { accessKeyId: "id", maxTokens: 5, keywords: "a", headers: { "X-Title": "Pictures" } };
  const a = { provider: "ai-sdk", package: "x", model: "m", settings };
  const { aiSdk } = await readModelsFile(await write({ models: { a } }));
  expect(aiSdk).toMatchObject([{ settings }]);
});

test("all problems are reported together", async () => {
  const path = await write({ models: { a: { maxImages: 0 }, b: { colour: 1 } }, aliases: { "": "x" } });
  expect((await problemsOf(path)).split("\n")).toHaveLength(3);
});

test("a file that is missing, not a file, or huge is refused with its name", async () => {
  expect(await problemsOf(join(directory, "nowhere"))).toMatch(/nowhere cannot be read \(ENOENT\)/);
  await mkdir(join(directory, "folder"));
  expect(await problemsOf(join(directory, "folder"))).toMatch(/folder is not a file|EISDIR/);
  expect(await problemsOf(await write(" ".repeat(1024 * 1024 + 1)))).toMatch(/is longer than/);
});

test.each<[string, object, RegExp]>([
  [
    "a missing package",
    { models: { a: { provider: "ai-sdk", package: "@ai-sdk/nothing-here", model: "m" } } },
    /npm install @ai-sdk\/nothing-here/,
  ],
  [
    "an unknown export",
    { models: { a: { provider: "ai-sdk", package: "@ai-sdk/fal", model: "m", factory: "createX" } } },
    /set factory to one of: createFal/,
  ],
  [
    "an alias that is a model",
    { aliases: { "illustrator-1": "illustrator-1" } },
    /aliases\.illustrator-1 is the name of a model/,
  ],
  ["an alias of itself", { aliases: { mine: "mine" } }, /aliases\.mine\[0\] is the alias mine; name a model/],
  [
    "a circle of aliases",
    { aliases: { a: "b", b: "a" } },
    /aliases\.a\[0\] is the alias b.*\n.*aliases\.b\[0\] is the alias a/,
  ],
  [
    "a model twice in an alias",
    { aliases: { a: ["illustrator-1", "illustrator-1"] } },
    /aliases\.a\[1\] is illustrator-1, which is listed before/,
  ],
  ["an unknown provider", { models: { a: { provider: "acme" } } }, /models\.a\.provider must be one of illustrator/],
])("%s prevents the start", async (_what, content, message) => {
  const modelsFile = await write(content);
  const dataDir = join(directory, "data");
  await expect(createGateway({ modelsFile, dataDir })).rejects.toThrow(message);
});
