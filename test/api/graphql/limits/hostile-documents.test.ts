import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { getIntrospectionQuery } from "graphql";
import { type Message, RawSocket, socketUrl } from "../../../support/clients/live-clients.ts";
import { holdCalls, type ScriptedGateway, startScriptedGateway } from "../../../support/gateways/scripted-gateway.ts";

/** The longest text that fits into a body of one megabyte if every character is escaped. */
const MANY = 240_000;

/** Selects as much of a type as GraphQL's own introspection rule allows. */
const DEEP = `fragment Deep on __Type { fields { description args { description type { name } } type { name ...Fields
  ofType { name ...Fields ofType { ofType { name ...Fields } } } } } }
  fragment Fields on __Type { fields { name description args { name } } }`;

interface Answer {
  readonly data?: unknown;
  readonly errors?: readonly { message: string; extensions: Record<string, unknown> }[];
}

let open: ScriptedGateway;
let production: ScriptedGateway;

beforeAll(async () => {
  open = await startScriptedGateway();
  production = await startScriptedGateway({ isProduction: true });
});

afterAll(async () => {
  await open.close();
  await production.close();
});

/** @param variables as JSON text, because an object nested so deeply cannot be serialized */
type Ask = (gatewayUrl: string, query: string, variables: string) => Promise<Answer>;

const byPost: Ask = async (url, query, variables) => {
  const response = await fetch(`${url}/graphql`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: `{"query":${JSON.stringify(query)},"variables":${variables}}`,
  });
  return (await response.json()) as Answer;
};

const bySocket: Ask = async (url, query, variables) => {
  const socket = await RawSocket.introduced(socketUrl(url));
  socket.send(`{"type":"subscribe","id":"1","payload":{"query":${JSON.stringify(query)},"variables":${variables}}}`);
  const { type, payload }: Message = await socket.message((message) => message.id === "1");
  socket.socket.terminate();
  return type === "error" ? { errors: payload } : payload;
};

const byStream: Ask = async (url, query, variables) => {
  const response = await fetch(`${url}/graphql/stream`, {
    method: "POST",
    headers: { "Content-Type": "application/json", Accept: "text/event-stream" },
    body: `{"query":${JSON.stringify(query)},"variables":${variables}}`,
  });
  const [, data = ""] = (await response.text()).split("event: next\ndata: ");
  return JSON.parse(data.slice(0, data.indexOf("\n"))) as Answer;
};

describe.each([
  ["by POST", byPost],
  ["over WebSockets", bySocket],
  ["over event streams", byStream],
])("%s", (_transport, send) => {
  const ask = (url: string, query: string, variables: object = {}) => send(url, query, JSON.stringify(variables));
  const refusalOf = async (url: string, query: string, variables?: object) => {
    const { data, errors = [] } = await ask(url, query, variables);
    expect({ data, count: errors.length }).toEqual({ data: undefined, count: 1 });
    return errors[0] as { message: string; extensions: Record<string, unknown> };
  };

  // On a message of this length, a bad regular expression backtracks for minutes.
  test.each<[string, string]>([
    ["a text of escaped quotes", `"""${'\\"'.repeat(MANY)}x\\\n"""`],
    ["a text of proposals", `"${"Did you mean ".repeat(MANY / 13)}"`],
    ["a text of proposals without an end", `"${"Did you mean ?".repeat(MANY / 14)}"`],
    ["a text of places", `"${' at \\"a.a.a'.repeat(MANY / 12)}"`],
    ["a text of fields", `"${'; Field \\"a'.repeat(MANY / 12)}"`],
  ])("%s in place of a number is answered with a short message", async (_case, text) => {
    for (const { url } of [open, production]) {
      const { message } = await refusalOf(url, `{ generations(first: ${text}) { edges { cursor } } }`);
      expect(message).toMatch(/^Int cannot represent non-integer value: /);
      expect(message.length).toBeLessThan(600);
    }
  });

  test("an error about a variable of one megabyte is short and says what is wrong", async () => {
    const query = "mutation ($input: GenerateImagesInput!) { generateImages(input: $input) { id } }";
    const input = { prompt: "Did you mean ".repeat(MANY / 13), promt: "" };
    const { message, extensions } = await refusalOf(production.url, query, { input });

    expect(message).toMatch(
      /^Variable "\$input" got invalid value .*; Field "promt" is not defined by type "GenerateImagesInput"\.$/,
    );
    expect(message.length).toBeLessThan(600);
    expect(extensions).toEqual({ code: "BAD_USER_INPUT", field: "promt" });
  });

  test("a document of half a million lines is not parsed, because each of its errors would count the lines again", async () => {
    const lines = "\n".repeat(450_000);
    const fields = Array.from({ length: 99 }, (_, index) => `x: nonsense${index}`).join(" ");

    for (const query of [`{${lines}${fields}}`, `{ generations(first: """${lines}""") {${fields}} }`]) {
      expect(await refusalOf(open.url, query)).toMatchObject({
        message: "Syntax Error: Line limit of 4000 exceeded.",
        extensions: { code: "GRAPHQL_PARSE_FAILED" },
      });
    }
    expect(await ask(open.url, `{${"\n".repeat(3999)}__typename}`)).toEqual({ data: { __typename: "Query" } });
  });

  test("only the first twenty of many errors are returned", async () => {
    const { errors } = await ask(open.url, `{ ${Array.from({ length: 90 }, (_, index) => `a${index}`).join(" ")} }`);

    expect(errors).toHaveLength(21);
    expect(errors?.at(-1)?.message).toMatch(/^Too many validation errors/);
  });

  test("a reference nested 20,000 levels deep is reported as the client's mistake", async () => {
    const query = "query ($references: [_Any!]!) { _entities(representations: $references) { __typename } }";
    for (const [opening, closing] of [
      ["[", "]"],
      ['{"a":', "}"],
    ] as const) {
      const deep = `${opening.repeat(20_000)}1${closing.repeat(20_000)}`;
      for (const reference of [
        deep,
        `{"__typename":"Image","id":${deep}}`,
        `{"__typename":"Image","id":"img_1","more":${deep}}`,
      ]) {
        expect(await send(open.url, query, `{"references":[${reference}]}`)).toMatchObject({
          errors: [
            {
              message: "a variable may have at most 32 levels of objects and lists",
              extensions: { code: "BAD_USER_INPUT", field: "references" },
            },
          ],
        });
      }
    }
  });

  test("a request with too many values in its variables is refused before they are checked", async () => {
    const query = "mutation ($input: EditImagesInput!) { editImages(input: $input) { id } }";
    const images = Array.from({ length: 20_000 }, () => 1);
    const names = Object.fromEntries(images.map((one, index) => [`n${index}`, one]));
    for (const input of [{ prompt: "a fox", images }, { prompt: "a fox", images: [], ...names }, images]) {
      expect(await refusalOf(open.url, query, { input })).toEqual({
        message: "a variable may have at most 20000 values",
        extensions: { code: "BAD_USER_INPUT", field: "input" },
      });
    }
  });

  test("the first ten mistakes in a variable are returned, none as an internal error", async () => {
    const query = "mutation ($input: EditImagesInput!) { editImages(input: $input) { id } }";
    const names = Object.fromEntries(Array.from({ length: 10_000 }, (_, index) => [`n${index}`, index]));
    const { data, errors } = await ask(open.url, query, { input: { prompt: "a fox", images: [], ...names } });

    expect(data).toBeUndefined();
    expect(errors?.map(({ extensions }) => extensions.code)).toEqual(Array(11).fill("BAD_USER_INPUT"));
    expect(errors?.at(-1)?.message).toMatch(/^Too many errors processing variables/);
  });

  test.each<[string, string]>([
    [
      "texts",
      `{ __schema { ${aliases("types { description fields { description } inputFields { description } }", 90)} } }`,
    ],
    ["lists in lists", `{ __schema { ${aliases("types { fields { type { ofType { fields { name } } } } }", 90)} } }`],
    ["lists in fragments", `{ __schema { ${aliases("types { ...Deep }", 90)} } } ${DEEP}`],
    ["one type", `query ($name: String = "Image") { ${aliases("__type(name: $name) { ...Deep }", 95)} } ${DEEP}`],
  ])("an introspection query that returns megabytes of %s costs what it returns", async (_case, query) => {
    expect(await refusalOf(open.url, query)).toMatchObject({
      message: expect.stringMatching(/^Query cost limit of 20000 exceeded, found \d+\.$/),
      extensions: { code: "GRAPHQL_VALIDATION_FAILED" },
    });
  });

  test("an introspection query costs more with each alias", async () => {
    const query = `query ($name: String!) { ${aliases("__type(name: $name) { ...Deep }", 95)} } ${DEEP}`;
    expect(await ask(open.url, query, { name: "Boolean" })).toMatchObject({ data: { a0: { fields: null } } });

    expect((await refusalOf(open.url, query, { name: "Image" })).message).toMatch(/^Query cost limit/);
  });

  test("the introspection query of GraphQL tools is answered in full", async () => {
    const query = getIntrospectionQuery({
      descriptions: true,
      specifiedByUrl: true,
      directiveIsRepeatable: true,
      schemaDescription: true,
      inputValueDeprecation: true,
      oneOf: true,
    });

    expect(await ask(open.url, query)).toMatchObject({ data: { __schema: { queryType: { name: "Query" } } } });
  });
});

test("an operation returns prompts up to a page of the longest ones, however often it names them", async () => {
  const gateway = await startScriptedGateway({ maxConcurrency: 1 });
  try {
    holdCalls(gateway.provider);
    for (let index = 0; index < 100; index++) {
      await gateway.gateway.images.submit({ projectId: "proj_public" }, { prompt: "🦊".repeat(32_000), size: "64x64" });
    }
    const page = await gateway.graphql("{ generations(first: 100) { nodes { prompt } } }");
    expect(page.body.data.generations.nodes).toHaveLength(100);

    const tooMuch = { message: "the prompts of one answer may have at most 8000000 characters; request fewer at once" };
    const extensions = { code: "BAD_USER_INPUT", field: "prompt" };
    for (const query of [
      `{ generations(first: 100) { nodes { ${aliases("prompt", 90)} } } }`,
      "{ generations(first: 100) { nodes { prompt } edges { node { prompt } } } }",
      `{ ${aliases("generations(first: 100) { nodes { prompt } }", 20)} }`,
    ]) {
      expect((await gateway.graphql(query)).body).toMatchObject({ data: null, errors: [{ ...tooMuch, extensions }] });
    }
  } finally {
    await gateway.close();
  }
});

/** Repeats a field this often; a document may have a hundred aliases. */
function aliases(field: string, count: number): string {
  return Array.from({ length: count }, (_, index) => `a${index}: ${field}`).join(" ");
}
