import { createHash } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { StartError } from "../../../src/errors.ts";
import { createGateway } from "../../../src/gateway.ts";
import { httpRequest } from "../../support/http-request.ts";
import { type ScriptedGateway, startScriptedGateway } from "../../support/scripted-gateway.ts";
import { temporaryDirectories } from "../../support/temporary-directory.ts";

const MODELS = "query Models {\n  models {\n    id\n  }\n}";
const GENERATE = "mutation Generate($input: GenerateImagesInput!) { generateImages(input: $input) { status } }";
const SCHEMA = "{ __schema { queryType { name } } }";

const hashOf = (text: string) => createHash("sha256").update(text).digest("hex");

const byId = (text: string) => ({ extensions: { persistedQuery: { version: 1, sha256Hash: hashOf(text) } } });

const FORMATS: readonly [string, object][] = [
  [
    "a manifest of Apollo's",
    {
      format: "apollo-persisted-query-manifest",
      version: 1,
      operations: [MODELS, GENERATE, SCHEMA].map((body) => ({
        id: hashOf(body),
        body,
        name: "Any",
        type: "query",
      })),
    },
  ],
  [
    "an object from ids to documents",
    { [hashOf(MODELS)]: MODELS, [hashOf(GENERATE)]: GENERATE, [hashOf(SCHEMA)]: SCHEMA },
  ],
];

const newDirectory = temporaryDirectories();

async function writeList(content: unknown): Promise<string> {
  const path = join(await newDirectory(), "operations.json");
  await writeFile(path, typeof content === "string" ? content : JSON.stringify(content));
  return path;
}

describe.each(FORMATS)("with %s", (_format, list) => {
  let gateway: ScriptedGateway;

  beforeAll(async () => {
    gateway = await startScriptedGateway({ trustedDocuments: await writeList(list) });
  });

  afterAll(() => gateway.close());

  async function post(body: object) {
    const answer = await httpRequest(`${gateway.url}/graphql`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
    return { status: answer.status, body: JSON.parse(answer.body.toString()) };
  }

  test("a trusted document runs by its id, by GET and by POST, and to the letter", async () => {
    const answer = { status: 200, body: { data: { models: [{ id: "any-size-1" }, { id: "illustrator-1" }] } } };
    expect(await post({ query: MODELS })).toEqual(answer);
    expect(await post(byId(MODELS))).toEqual(answer);

    const search = new URLSearchParams({ extensions: JSON.stringify(byId(MODELS).extensions) });
    const { body } = await httpRequest(`${gateway.url}/graphql?${search}`, {
      headers: { "Apollo-Require-Preflight": "1" },
    });
    expect(JSON.parse(body.toString())).toEqual(answer.body);
  });

  test("a trusted mutation takes its variables", async () => {
    const { body } = await post({ ...byId(GENERATE), variables: { input: { prompt: "a fox", size: "64x64" } } });

    expect(body).toEqual({ data: { generateImages: { status: "SUCCEEDED" } } });
  });

  test("introspection runs, being on the list", async () => {
    expect((await post(byId(SCHEMA))).body).toEqual({ data: { __schema: { queryType: { name: "Query" } } } });
  });

  test.each<[string, object]>([
    ["another document", { query: "{ __typename }" }],
    ["a trusted one that was changed", { query: `${MODELS} ` }],
    ["another one with its own hash", { query: "{ __typename }", ...byId("{ __typename }") }],
    ["one that does not fit the graph, of which it learns nothing", { query: "{ nonsense }" }],
    ["one that cannot be parsed", { query: "{" }],
    ["other introspection", { query: "{ __schema { types { name } } }" }],
  ])("%s does not run", async (_case, body) => {
    for (let attempt = 0; attempt < 2; attempt++) {
      const answer = await post(body);

      expect(answer).toEqual({
        status: 403,
        body: {
          errors: [
            {
              message: "only documents that the operator trusts run here; this one is not among them",
              extensions: { code: "FORBIDDEN" },
            },
          ],
        },
      });
    }
  });

  test("another id is not found", async () => {
    expect((await post(byId("{ __typename }"))).body.errors).toMatchObject([{ message: "PersistedQueryNotFound" }]);
  });
});

describe("a list that cannot be used keeps the gateway from starting, and says why", () => {
  const FORMAT =
    'must be a persisted query manifest, {"format": "apollo-persisted-query-manifest", "version": 1, "operations": [{"id", "body"}]}, or a JSON object from ids to documents, with at least one document';

  test.each<[string, unknown, readonly string[]]>([
    ["no JSON", "{", [FORMAT]],
    ["a list", [MODELS], [FORMAT]],
    ["nothing", {}, [FORMAT]],
    ["no documents", { a: 1 }, [FORMAT]],
    ["a manifest of another version", { ...FORMATS[0]?.[1], version: 2 }, [FORMAT]],
    ["a manifest without ids", { ...FORMATS[0]?.[1], operations: [{ body: MODELS }] }, [FORMAT]],
    [
      "documents that this graph cannot run",
      { a: "{ nonsense }", b: MODELS, c: "{", d: "{ models { id } } fragment F on Model { id }" },
      [
        ': document a: Cannot query field "nonsense" on type "Query".',
        ": document c: Syntax Error: Expected Name, found <EOF>.",
        ': document d: Fragment "F" is never used.',
      ],
    ],
    [
      "a document beyond the limits",
      { a: `{ ${Array.from({ length: 101 }, (_, index) => `a${index}: models { id }`).join(" ")} }` },
      [": document a: Aliases limit of 100 exceeded, found 101."],
    ],
    [
      "many wrong documents",
      Object.fromEntries(Array.from({ length: 23 }, (_, index) => [`d${index}`, "{"])),
      [
        ...Array.from({ length: 20 }, (_, index) => `: document d${index}: Syntax Error: Expected Name, found <EOF>.`),
        ": … and 3 more",
      ],
    ],
  ])("%s", async (_case, content, problems) => {
    const path = await writeList(content);
    const error = await startWith(path);

    expect(error).toBeInstanceOf(StartError);
    const prefix = `PICTOGRAPH_TRUSTED_DOCUMENTS ${path}`;
    expect((error as StartError).message.split("\n")).toEqual(
      problems.map((problem) => (problem.startsWith(":") ? `${prefix}${problem}` : `${prefix} ${problem}`)),
    );
  });

  test("a file that is not there", async () => {
    const path = join(await newDirectory(), "none.json");

    expect(((await startWith(path)) as StartError).message).toBe(
      `PICTOGRAPH_TRUSTED_DOCUMENTS ${path} cannot be read (ENOENT)`,
    );
  });
});

/** What keeps a gateway from starting. */
async function startWith(trustedDocuments: string): Promise<unknown> {
  try {
    const gateway = await createGateway({ dataDir: await newDirectory(), trustedDocuments });
    await gateway.close();
    return undefined;
  } catch (error) {
    return error;
  }
}
