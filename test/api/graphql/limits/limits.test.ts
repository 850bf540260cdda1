import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { getNamedType, getNullableType, isListType, isObjectType, graphql as runGraphQL } from "graphql";
import { COSTS } from "../../../../src/api/graphql/limits/limits.ts";
import type { GraphQLBody } from "../../../support/gateways/gateway.ts";
import { type ScriptedGateway, startScriptedGateway } from "../../../support/gateways/scripted-gateway.ts";

let gateway: ScriptedGateway;

beforeAll(async () => {
  gateway = await startScriptedGateway();
});

afterAll(() => gateway.close());

beforeEach(() => {
  gateway.provider.requests.length = 0;
});

const times = (count: number, part: (index: number) => string) =>
  Array.from({ length: count }, (_, i) => part(i)).join(" ");

/** A query with this many levels of fields. */
function nested(levels: number): string {
  const fields = Array.from({ length: levels - 2 }, (_, index) => (index % 2 === 0 ? "images" : "generation"));
  return `{ generation(id: "gen_none") { ${fields.map((field) => `${field} {`).join(" ")} id ${"} ".repeat(levels - 1)} }`;
}

const make = (n: number | string, alias = "") =>
  `${alias && `${alias}: `}generateImages(input: { prompt: "a fox", n: ${n}, size: "64x64" }) { id }`;

async function refusal(query: string, variables: object = {}): Promise<NonNullable<GraphQLBody["errors"]>[number]> {
  const { status, body } = await gateway.graphql(query, variables);
  expect({ status, data: body.data }).toEqual({ status: 400, data: undefined });
  expect(body.errors).toHaveLength(1);
  return body.errors?.[0] as NonNullable<GraphQLBody["errors"]>[number];
}

async function expectAnswer(query: string, variables: object = {}): Promise<GraphQLBody["data"]> {
  const { status, body } = await gateway.graphql(query, variables);
  expect({ status, errors: body.errors }).toEqual({ status: 200, errors: undefined });
  return body.data;
}

describe("an operation at a limit is answered, and one above it is refused with the limit and the value:", () => {
  test("depth", async () => {
    await expectAnswer(nested(9));
    expect((await refusal(nested(12))).message).toBe("Query cost limit of 20000 exceeded, found 222222.");
    expect(await refusal(nested(13))).toMatchObject({
      message: "Query depth limit of 12 exceeded, found 13.",
      extensions: { code: "GRAPHQL_VALIDATION_FAILED" },
    });
  });

  test("depth hidden in fragments", async () => {
    const fragment = "fragment F on Image { generation { images { generation { images { generation { id } } } } } }";
    const query = (images: string) => `{ generation(id: "gen_none") { ... on Generation { ${images} } } } ${fragment}`;
    await expectAnswer(query("images { ... on Image { ...F } }"));

    const deep = "images { generation { images { generation { images { generation { images { ...F } } } } } } }";
    expect((await refusal(query(deep))).message).toBe("Query depth limit of 12 exceeded, found 14.");
  });

  test("aliases", async () => {
    await expectAnswer(
      `{ ${times(100, (index) => `a${index}: __typename`)} ${times(100, (index) => `b${index}: node(id: "") { id }`)} }`,
    );

    expect((await refusal(`{ ${times(101, (index) => `a${index}: node(id: "") { id }`)} }`)).message).toBe(
      "Aliases limit of 100 exceeded, found 101.",
    );
  });

  test("aliases repeated by fragments", async () => {
    const fragments = `fragment A on Query { ${times(60, (index) => `a${index}: node(id: "") { id }`)} }`;

    expect((await refusal(`{ ...A ... on Query { ...A } } ${fragments}`)).message).toBe(
      "Aliases limit of 100 exceeded, found 120.",
    );
  });

  test("directives", async () => {
    const query = (count: number) => `{ ${times(count, () => "__typename @include(if: true)")} }`;
    await expectAnswer(query(50));

    expect((await refusal(query(51))).message).toBe("Directives limit of 50 exceeded, found 51.");
  });

  test("tokens", async () => {
    const query = (tokens: number) => `{ ${times(tokens - 2, () => "__typename")} }`;
    await expectAnswer(query(500));
    expect((await refusal(query(2000))).message).toBe("Too many fields of the same name to compare with each other.");

    for (const count of [2001, 90_000]) {
      expect(await refusal(query(count))).toMatchObject({
        message: "Syntax Error: Token limit of 2000 exceeded.",
        extensions: { code: "GRAPHQL_PARSE_FAILED" },
      });
    }
  });

  test("cost, with the page size in a variable or by default", async () => {
    const images = "images { id url index width height format byteSize sha256 placeholder createdAt }";
    const query = (parts: string) =>
      `query ($first: Int = 100) { generations(first: $first) { edges { node { id ${parts} } } } }`;
    await expectAnswer(query(images));

    expect(await refusal(query(`${images} more: ${images}`))).toMatchObject({
      message: "Query cost limit of 20000 exceeded, found 20501.",
      extensions: { code: "GRAPHQL_VALIDATION_FAILED" },
    });
    await expectAnswer(query(`${images} more: ${images}`), { first: 97 });
    expect((await refusal(query(`${images} more: ${images}`), { first: 98 })).message).toBe(
      "Query cost limit of 20000 exceeded, found 20091.",
    );
  });

  test("cost, with as many sources of each image as an edit may have", async () => {
    const sources = (levels: number): string => (levels === 0 ? "id" : `derivedFrom { ${sources(levels - 1)} }`);
    expect(await expectAnswer(`{ image(id: "img_none") { ${sources(3)} } }`)).toEqual({ image: null });

    expect((await refusal(`{ image(id: "img_none") { ${sources(4)} } }`)).message).toBe(
      "Query cost limit of 20000 exceeded, found 69906.",
    );
    expect((await refusal(`{ generation(id: "gen_none") { ${sources(4)} } }`)).message).toBe(
      "Query cost limit of 20000 exceeded, found 69906.",
    );
  });

  test("fields after fragments are expanded", async () => {
    const fragments = times(
      14,
      (index) => `fragment F${index} on Query { ...F${index + 1} ... on Query { ...F${index + 1} } }`,
    );

    expect((await refusal(`{ ...F0 } ${fragments} fragment F14 on Query { __typename }`)).message).toBe(
      "Field limit of 10000 exceeded, counting the fields of every fragment where it is used.",
    );
  });
});

/** Short lists, whose objects lead nowhere. */
const CHEAP_LISTS = ["Generation.metadata", "Limits.budgets", "Model.warnings"];

test("every list of objects has a cost, except those that are short", () => {
  const lists = Object.values(gateway.gateway.schema.getTypeMap())
    // The field that leads to a connection has the cost of its lists.
    .filter((type) => isObjectType(type) && !type.name.startsWith("__") && !type.name.endsWith("Connection"))
    .flatMap((type) =>
      Object.values(isObjectType(type) ? type.getFields() : {})
        .filter(({ type: of }) => isListType(getNullableType(of)) && isObjectType(getNamedType(of)))
        .map(({ name }) => `${type.name}.${name}`),
    );

  expect(lists.length).toBeGreaterThan(10);
  expect(lists.filter((name) => !COSTS.has(name)).sort()).toEqual(CHEAP_LISTS);
});

describe("one operation makes at most ten images", () => {
  const tooMany = (asked: number) => ({
    message: `one operation may generate at most 10 images; this one requests ${asked}`,
    extensions: { code: "BAD_USER_INPUT", field: "n" },
  });

  test.each<[string, string, object, number]>([
    ["by aliases", `mutation { ${make(6, "a")} ${make(5, "b")} }`, {}, 11],
    ["by many aliases", `mutation { ${times(11, (index) => make(1, `a${index}`))} }`, {}, 11],
    [
      "by the default of n",
      `mutation { ${make(10, "a")} b: generateImages(input: { prompt: "a fox" }) { id } }`,
      {},
      11,
    ],
    ["by n of null", `mutation { ${make(10, "a")} ${make("null", "b")} }`, {}, 11],
    ["by variables", `mutation ($n: Int = 4, $m: Int) { ${make("$n", "a")} ${make("$m", "b")} }`, { m: 7 }, 11],
    [
      "by an input",
      "mutation ($input: GenerateImagesInput!) { a: generateImages(input: $input) { id } b: generateImages(input: $input) { id } }",
      { input: { prompt: "a fox", size: "64x64", n: 6 } },
      12,
    ],
    [
      "by fragments",
      `mutation { ...A ... on Mutation { ...B } } fragment A on Mutation { ${make(6, "a")} } fragment B on Mutation { ${make(6, "b")} }`,
      {},
      12,
    ],
  ])("%s: no generation begins", async (_case, query, variables, asked) => {
    expect(await refusal(query, variables)).toMatchObject(tooMany(asked));
    expect(gateway.provider.requests).toEqual([]);
  });

  test.each<[string, string, object, readonly number[]]>([
    ["ten over two", `mutation { ${make(6, "a")} ${make(4, "b")} }`, {}, [6, 4]],
    [
      "what is left out",
      `mutation ($no: Boolean!) { ${make(6, "a")} ${make(6, "b")} @include(if: $no) }`.replace(
        "{ id } @include(if: $no)",
        "@include(if: $no) { id }",
      ),
      { no: false },
      [6],
    ],
    ["the same field twice", `mutation { ${make(6)} ...A } fragment A on Mutation { ${make(6)} }`, {}, [6]],
  ])("%s is allowed", async (_case, query, variables, made) => {
    await expectAnswer(query, variables);

    expect(gateway.provider.requests.map(({ n }) => n)).toEqual(made);
  });

  test("a number that is out of range is refused for that reason", async () => {
    const { body } = await gateway.graphql(`mutation { ${make(11, "a")} ${make(2, "b")} }`);

    expect(body.errors).toMatchObject([{ message: "n must be a whole number from 1 to 10", path: ["a"] }]);
    expect(gateway.provider.requests).toEqual([]);
  });

  test("in a host's own server too, where nothing is counted beforehand", async () => {
    const result = await runGraphQL({
      schema: gateway.gateway.schema,
      source: `mutation { ${make(6, "a")} ${make(4, "b")} ${make(1, "c")} }`,
    });

    expect(result.errors?.map((error) => ({ ...error.toJSON() }))).toMatchObject([{ ...tooMany(11), path: ["c"] }]);
    expect(gateway.provider.requests.map(({ n }) => n)).toEqual([6, 4]);
  });
});

describe("in production the schema stays hidden", () => {
  let production: ScriptedGateway;

  beforeAll(async () => {
    production = await startScriptedGateway({ isProduction: true });
  });

  afterAll(() => production.close());

  test.each<[string, string, object, string, string]>([
    [
      "a field",
      "{ model { id } }",
      {},
      'Cannot query field "model" on type "Query".',
      ' Did you mean "models" or "node"?',
    ],
    [
      "an argument",
      '{ node(id: "", ids: "") { id } }',
      {},
      'Unknown argument "ids" on field "Query.node".',
      ' Did you mean "id"?',
    ],
    [
      "a field of a variable",
      "mutation ($input: GenerateImagesInput!) { generateImages(input: $input) { id } }",
      { input: { prompt: "a fox", promt: "" } },
      'Variable "$input" got invalid value { prompt: "a fox", promt: "" }; Field "promt" is not defined by type "GenerateImagesInput".',
      ' Did you mean "prompt" or "format"?',
    ],
    [
      "an enum's value",
      "query ($status: GenerationStatus) { generations(status: $status) { edges { cursor } } }",
      { status: "QUEUD" },
      'Variable "$status" got invalid value "QUEUD"; Value "QUEUD" does not exist in "GenerationStatus" enum.',
      ' Did you mean the enum value "QUEUED"?',
    ],
  ])(
    "the error for %s that does not exist suggests none that does",
    async (_case, query, variables, message, suggestion) => {
      const hidden = (await production.graphql(query, variables)).body.errors;
      const shown = (await gateway.graphql(query, variables)).body.errors;

      expect(shown).toMatchObject([{ message: message + suggestion }]);
      expect(hidden?.[0]?.message).toBe(message);
      expect(JSON.stringify(hidden)).not.toContain("Did you mean");
    },
  );

  test("a router does not get the schema either", async () => {
    const { body } = await production.graphql("{ _service { sdl } }");

    expect(body.data).toBeUndefined();
    expect(body.errors).toMatchObject([{ message: expect.stringContaining("introspection is not allowed") }]);
  });
});

test("batches are refused", async () => {
  const response = await fetch(`${gateway.url}/graphql`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify([{ query: `mutation { ${make(1)} }` }, { query: `mutation { ${make(1)} }` }]),
  });

  expect({ status: response.status, body: await response.json() }).toEqual({
    status: 400,
    body: { errors: [{ message: "Operation batching disabled.", extensions: { code: "BAD_REQUEST" } }] },
  });
  expect(gateway.provider.requests).toEqual([]);
});
