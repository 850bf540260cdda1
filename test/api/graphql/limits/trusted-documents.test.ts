import { createHash } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { ExecutionResult, RequestParams } from "graphql-sse";
import { StartError } from "../../../../src/errors.ts";
import { createGateway } from "../../../../src/gateway.ts";
import { httpRequest } from "../../../support/clients/http-request.ts";
import { type Follow, overSocket, overStream } from "../../../support/clients/live-clients.ts";
import { type ScriptedGateway, startScriptedGateway } from "../../../support/gateways/scripted-gateway.ts";
import { temporaryDirectories } from "../../../support/temporary-directory.ts";

const MODELS = "query Models {\n  models {\n    id\n  }\n}";
const GENERATE = "mutation Generate($input: GenerateImagesInput!) { generateImages(input: $input) { status } }";
const GENERATE_ID = "mutation GenerateId($input: GenerateImagesInput!) { generateImages(input: $input) { id } }";
const FOLLOW = `subscription Follow($id: ID!) { generationEvents(id: $id) { ... on GenerationStatusChanged { generation { ...Seen } } } }
fragment Seen on Generation { status }`;
const SCHEMA = "query { __schema { queryType { name } } }";
const DOCUMENTS = [MODELS, GENERATE, GENERATE_ID, FOLLOW, SCHEMA];

const FORBIDDEN = {
  message: "only documents that the operator trusts may run here, and this is not one of them",
  extensions: { code: "FORBIDDEN" },
};
const NOT_FOUND = { message: "PersistedQueryNotFound", extensions: { code: "PERSISTED_QUERY_NOT_FOUND" } };

const hashOf = (text: string) => createHash("sha256").update(text).digest("hex");

const byId = (text: string) => ({ extensions: { persistedQuery: { version: 1, sha256Hash: hashOf(text) } } });

const FORMATS: readonly [string, object][] = [
  [
    "a manifest of Apollo's",
    {
      format: "apollo-persisted-query-manifest",
      version: 1,
      operations: DOCUMENTS.map((body) => ({
        id: hashOf(body),
        body,
        name: "Any",
        type: "query",
      })),
    },
  ],
  ["an object from ids to documents", Object.fromEntries(DOCUMENTS.map((text) => [hashOf(text), text]))],
];

const newDirectory = temporaryDirectories();

async function writeList(content: unknown): Promise<string> {
  const path = join(await newDirectory(), "operations.json");
  await writeFile(path, typeof content === "string" ? content : JSON.stringify(content));
  return path;
}

describe.each(FORMATS)("with a list in the format %s", (_format, list) => {
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

  test("a trusted document runs by its id, over GET and POST, and by its text", async () => {
    const answer = { status: 200, body: { data: { models: [{ id: "any-size-1" }, { id: "illustrator-1" }] } } };
    expect(await post({ query: MODELS })).toEqual(answer);
    expect(await post(byId(MODELS))).toEqual(answer);

    const search = new URLSearchParams({ extensions: JSON.stringify(byId(MODELS).extensions) });
    const { body } = await httpRequest(`${gateway.url}/graphql?${search}`, {
      headers: { "Apollo-Require-Preflight": "1" },
    });
    expect(JSON.parse(body.toString())).toEqual(answer.body);
  });

  test.each<[string, object]>([
    ["formatted otherwise", { query: "# of ours\n query Models{models,{id}}" }],
    [
      "with its id and a text of another's making",
      { query: "query Models { models { id __typename } }", ...byId(MODELS) },
    ],
    ["with its id and a text that is not a document", { query: "\u0000", ...byId(MODELS) }],
    ["with its id and an empty text", { query: "", ...byId(MODELS) }],
  ])("a trusted document runs %s, over every transport", async (_case, body) => {
    const data = { models: [{ id: "any-size-1" }, { id: "illustrator-1" }] };

    expect((await post(body)).body).toEqual({ data });
    for (const transport of [overSocket, overStream]) {
      expect(await resultsOf(transport(gateway.url, body as RequestParams))).toEqual([{ data }]);
    }
  });

  test("a trusted document runs as the minified text that GraphQL prints", async () => {
    for (const query of [SCHEMA, "{__schema{queryType{name}}}"]) {
      expect((await post({ query })).body).toEqual({ data: { __schema: { queryType: { name: "Query" } } } });
    }
  });

  test("a trusted mutation accepts variables", async () => {
    const { body } = await post({ ...byId(GENERATE), variables: { input: { prompt: "a fox", size: "64x64" } } });

    expect(body).toEqual({ data: { generateImages: { status: "SUCCEEDED" } } });
  });

  test("introspection runs if it is on the list", async () => {
    expect((await post(byId(SCHEMA))).body).toEqual({ data: { __schema: { queryType: { name: "Query" } } } });
  });

  test.each<[string, object]>([
    ["another document", { query: "{ __typename }" }],
    ["a trusted one that was changed", { query: MODELS.replace("id", "id provider") }],
    ["a trusted one in a text", { query: `{ node(id: ${JSON.stringify(MODELS)}) { id } }` }],
    ["a trusted one behind more words than any may have", { query: `${"{ ".repeat(2001)}${MODELS}` }],
    ["another one with its own hash", { query: "{ __typename }", ...byId("{ __typename }") }],
    ["one that does not fit the graph, of which it learns nothing", { query: "{ nonsense }" }],
    ["one that cannot be parsed", { query: "{" }],
    ["other introspection", { query: "{ __schema { types { name } } }" }],
  ])("%s does not run", async (_case, body) => {
    for (let attempt = 0; attempt < 2; attempt++) {
      expect(await post(body)).toEqual({ status: 403, body: { errors: [FORBIDDEN] } });
      expect(await errorsOf(overSocket, body)).toEqual([FORBIDDEN]);
      expect(await errorsOf(overStream, body)).toEqual([FORBIDDEN]);
    }
  });

  test("an unknown id is not found", async () => {
    const body = byId("{ __typename }");
    expect((await post(body)).body.errors).toEqual([NOT_FOUND]);
    for (const transport of [overSocket, overStream]) {
      expect(await errorsOf(transport, { query: "", ...body })).toEqual([NOT_FOUND]);
    }
  });

  test("a subscription runs by the id of the text that its client prints", async () => {
    const { body } = await post({ ...byId(GENERATE_ID), variables: { input: { prompt: "a fox", size: "64x64" } } });
    const { id } = body.data.generateImages;
    const printed = FOLLOW.replace(
      "subscription Follow",
      "fragment Seen on Generation { status }\nsubscription Follow",
    );
    for (const transport of [overSocket, overStream]) {
      const results = await resultsOf(transport(gateway.url, { query: printed, variables: { id }, ...byId(FOLLOW) }));
      expect(results[0]).toEqual({ data: { generationEvents: { generation: { status: "SUCCEEDED" } } } });
    }
  });

  /** The errors of an operation that does not begin. */
  async function errorsOf(transport: Follow, body: object): Promise<unknown> {
    try {
      const [result] = await resultsOf(transport(gateway.url, body as RequestParams));
      return result?.errors;
    } catch (errors) {
      // The library of graphql-transport-ws throws them.
      return errors;
    }
  }
});

describe("an invalid list keeps the gateway from starting, with an error that says why:", () => {
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

/** The error that keeps a gateway from starting. */
async function startWith(trustedDocuments: string): Promise<unknown> {
  try {
    const gateway = await createGateway({ dataDir: await newDirectory(), trustedDocuments });
    await gateway.close();
    return undefined;
  } catch (error) {
    return error;
  }
}

async function resultsOf(results: AsyncIterable<ExecutionResult>): Promise<readonly ExecutionResult[]> {
  const all: ExecutionResult[] = [];
  for await (const result of results) all.push(result);
  return all;
}
