import type { IncomingMessage } from "node:http";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import {
  ANY_SIZE_EDITOR,
  type ScriptedGateway,
  startScriptedGateway,
} from "../../../support/gateways/scripted-gateway.ts";
import { storedFiles } from "../../../support/stores/stored-files.ts";

let gateway: ScriptedGateway;
/** The ids of generations and of their images, by prompt. */
const made: Record<string, { readonly id: string; readonly images: readonly string[] }> = {};

beforeAll(async () => {
  gateway = await startScriptedGateway(
    {
      authenticate: async ({ headers }: IncomingMessage) => ({
        ...(headers["x-user"] !== undefined && { endUser: String(headers["x-user"]) }),
      }),
    },
    [ANY_SIZE_EDITOR],
  );
  await make("A red fox", { n: 2, metadata: [{ key: "album", value: "winter" }] });
  await make("Un renard, été", { endUser: "ann" });
  await make("红狐狸", { n: 3, endUser: "bob" });
});

afterAll(() => gateway.close());

async function make(prompt: string, input: object): Promise<void> {
  const { generateImages } = await run(
    "mutation ($input: GenerateImagesInput!) { generateImages(input: $input) { id images { id } } }",
    { input: { prompt, size: "64x64", ...input } },
  );
  made[prompt] = { id: generateImages.id, images: generateImages.images.map(({ id }: { id: string }) => id) };
}

// biome-ignore lint/suspicious/noExplicitAny: a test reads whatever it asked for
async function run(query: string, variables: object = {}, headers = {}): Promise<any> {
  const { body } = await gateway.graphql(query, variables, headers);
  if (body.errors) throw new Error(JSON.stringify(body.errors));
  return body.data;
}

async function promptsWith(filter: object, headers = {}): Promise<string[]> {
  const query = "query ($filter: GenerationFilter) { generations(filter: $filter) { totalCount nodes { prompt } } }";
  const { generations } = await run(query, { filter }, headers);
  expect(generations.totalCount).toBe(generations.nodes.length);
  return generations.nodes.map(({ prompt }: { prompt: string }) => prompt);
}

const ALL = ["红狐狸", "Un renard, été", "A red fox"];

describe("generations", () => {
  test.each<[string, object, readonly string[]]>([
    ["words", { search: "FOX re" }, ["A red fox"]],
    ["words with accents", { search: "ete" }, ["Un renard, été"]],
    ["characters", { search: "狐红" }, ["红狐狸"]],
    ["no words", { search: " ? " }, ALL],
    ["a status", { status: "SUCCEEDED" }, ALL],
    ["another status", { status: "QUEUED" }, []],
    ["a model", { model: "any-size-editor-1" }, ALL],
    ["another model", { model: "any" }, []],
    ["a model that cannot be", { model: "\0" }, []],
    ["an operation", { operation: "EDIT" }, []],
    ["an end user", { endUser: "ann" }, ["Un renard, été"]],
    ["metadata", { metadata: [{ key: "album", value: "winter" }] }, ["A red fox"]],
    ["other metadata", { metadata: [{ key: "album", value: "Winter" }] }, []],
    ["no metadata", { metadata: [] }, ALL],
    ["a time that has passed", { createdAfter: "2020-01-01T00:00:00Z" }, ALL],
    ["a time that is to come", { createdAfter: "2999-01-01T00:00:00Z" }, []],
    ["a time before all", { createdBefore: "2020-01-01T00:00:00Z" }, []],
    ["several at once", { search: "fox", endUser: "ann" }, []],
    ["nulls", { search: null, status: null, model: null, isFavorite: null, metadata: null, createdAfter: null }, ALL],
  ])("are found by %s", async (_what, filter, prompts) => {
    expect(await promptsWith(filter)).toEqual(prompts);
  });

  test("are found by status if the argument and the filter name the same one, and not if they differ", async () => {
    const query = `query ($beside: GenerationStatus, $within: GenerationStatus) {
      generations(status: $beside, filter: { status: $within }) { totalCount }
    }`;
    const count = async (beside: string, within: string | null) =>
      (await run(query, { beside, within })).generations.totalCount;

    expect([await count("SUCCEEDED", null), await count("SUCCEEDED", "SUCCEEDED")]).toEqual([3, 3]);
    expect(await count("SUCCEEDED", "FAILED")).toBe(0);
  });

  test("of other end users are not found", async () => {
    const ann = { "X-User": "ann" };
    expect(await promptsWith({}, ann)).toEqual(["Un renard, été"]);
    expect(await promptsWith({ endUser: "ann" }, ann)).toEqual(["Un renard, été"]);
    expect(await promptsWith({ endUser: "bob" }, ann)).toEqual([]);
    expect(await promptsWith({ search: "狐" }, ann)).toEqual([]);
  });

  test.each<[string, object, string]>([
    ["search", { search: "a".repeat(501) }, "search must have at most 500 characters"],
    ["search", { search: Array.from({ length: 33 }, (_, i) => `w${i}`).join(" ") }, "at most 32 words"],
    ["search", { search: "一二三四五六七八九十百千万亿兆京东南西北上下左右前后大小多少高低红" }, "at most 32 words"],
    ["model", { model: "m".repeat(256) }, "model must have at most 255 characters"],
    ["endUser", { endUser: " ann" }, "endUser must have"],
    [
      "metadata",
      { metadata: Array.from({ length: 17 }, (_, i) => ({ key: `${i}`, value: "" })) },
      "at most 16 entries",
    ],
  ])("are refused for an invalid %s", async (field, filter, message) => {
    for (const list of ["generations", "images"]) {
      const type = list === "images" ? "ImageFilter" : "GenerationFilter";
      const { body } = await gateway.graphql(`query ($filter: ${type}) { ${list}(filter: $filter) { totalCount } }`, {
        filter,
      });
      expect(body.errors).toMatchObject([
        { message: expect.stringContaining(message), extensions: { code: "BAD_USER_INPUT", field } },
      ]);
    }
  });

  test("can be filtered at most 19 times in one operation", async () => {
    const lists = (count: number) =>
      `{ ${Array.from({ length: count }, (_, i) => `a${i}: images(first: 0, filter: { search: "a" }) { totalCount }`).join(" ")} }`;

    expect((await gateway.graphql(lists(19))).body.errors).toBeUndefined();
    expect((await gateway.graphql(lists(20))).body.errors?.[0]?.message).toContain(
      "Query cost limit of 20000 exceeded",
    );
  });
});

describe("images", () => {
  const PAGE = `query ($first: Int, $after: String, $last: Int, $before: String, $filter: ImageFilter) {
    images(first: $first, after: $after, last: $last, before: $before, filter: $filter) {
      totalCount edges { cursor node { id } } nodes { id } pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    }
  }`;
  const page = async (variables: object) => (await run(PAGE, variables)).images;
  const idsOf = (connection: { nodes: { id: string }[] }) => connection.nodes.map(({ id }) => id);
  const all = () => ALL.flatMap((prompt) => made[prompt]?.images ?? []);

  test.each([1, 2, 4, 6, 7])("are each listed once, %i at a time, forward and backward", async (size) => {
    const forward: string[] = [];
    for (let after: string | null | undefined; after !== null; ) {
      const connection = await page({ first: size, after });
      expect(connection.pageInfo.hasPreviousPage).toBe(after !== undefined);
      expect(connection.totalCount).toBe(6);
      forward.push(...idsOf(connection));
      after = connection.pageInfo.hasNextPage ? connection.pageInfo.endCursor : null;
    }
    const backward: string[] = [];
    for (let before: string | null | undefined; before !== null; ) {
      const connection = await page({ last: size, before });
      expect(connection.pageInfo.hasNextPage).toBe(before !== undefined);
      backward.unshift(...idsOf(connection));
      before = connection.pageInfo.hasPreviousPage ? connection.pageInfo.startCursor : null;
    }

    expect(forward).toEqual(all());
    expect(backward).toEqual(all());
  });

  test("are found by the input of their generation", async () => {
    expect(idsOf(await page({ filter: { search: "fox" } }))).toEqual(made["A red fox"]?.images);
    expect(idsOf(await page({ filter: { endUser: "bob", operation: "GENERATE" } }))).toEqual(made.红狐狸?.images);
    expect(idsOf(await page({ filter: { status: "FAILED" } }))).toEqual([]);
  });

  test.each([
    ["a generation's cursor", Buffer.from("gen_01kaj0000000000000000000zz").toString("base64url")],
    ["an index too long", Buffer.from("gen_01kaj0000000000000000000zz/10").toString("base64url")],
    ["text", "nonsense"],
    ["nothing", ""],
  ])("are refused for %s as a cursor", async (_what, after) => {
    const { body } = await gateway.graphql(PAGE, { after });
    expect(body.errors).toMatchObject([{ extensions: { code: "BAD_USER_INPUT", field: "after" } }]);
  });

  test("marked as favorites are found with their generations, until they are unmarked", async () => {
    const [id = "", other = ""] = made["A red fox"]?.images ?? [];
    const mark = async (isFavorite: boolean) =>
      (
        await run(
          `mutation ($id: ID!, $is: Boolean!) { setFavorite(imageId: $id, isFavorite: $is) { id isFavorite } }`,
          {
            id,
            is: isFavorite,
          },
        )
      ).setFavorite;

    expect(await mark(true)).toEqual({ id, isFavorite: true });
    expect(await mark(true)).toEqual({ id, isFavorite: true });
    expect(idsOf(await page({ filter: { isFavorite: true } }))).toEqual([id]);
    expect(idsOf(await page({ filter: { isFavorite: false, search: "fox" } }))).toEqual([other]);
    expect(await promptsWith({ isFavorite: true })).toEqual(["A red fox"]);
    expect(await promptsWith({ isFavorite: false })).toEqual(ALL.slice(0, 2));
    expect(await mark(false)).toEqual({ id, isFavorite: false });
    expect(await promptsWith({ isFavorite: true })).toEqual([]);
  });
});

describe("a deletion", () => {
  let own: ScriptedGateway;
  let generations: { readonly id: string; readonly images: { readonly id: string; readonly url: string }[] }[];

  beforeAll(async () => {
    own = await startScriptedGateway();
    generations = [];
    for (const prompt of ["a lion", "a lynx", "a puma"]) {
      const { body } = await own.graphql(
        `mutation { generateImages(input: { prompt: "${prompt}", n: 3, size: "64x64" }) { id images { id url } } }`,
      );
      generations.push(body.data.generateImages);
    }
  });

  afterAll(() => own.close());

  test("of one image keeps the other images and every cursor, and removes the image's bytes", async () => {
    const [{ id: generationId, images } = { id: "", images: [] }] = generations;
    const [, image] = images;
    const query =
      "query ($after: String) { images(first: 9, after: $after) { totalCount edges { cursor node { id } } } }";
    const before = (await own.graphql(query)).body.data.images.edges as { cursor: string; node: { id: string } }[];
    const cursor = before.find(({ node }) => node.id === image?.id)?.cursor;
    expect((await fetch(image?.url ?? "")).status).toBe(200);
    const { body } = await own.graphql("mutation ($id: ID!) { deleteImage(id: $id) }", { id: image?.id });

    expect(body).toEqual({ data: { deleteImage: image?.id } });
    expect((await fetch(image?.url ?? "")).status).toBe(404);
    expect((await fetch(images[0]?.url ?? "")).status).toBe(200);
    const files = await storedFiles(own.dataDir);
    expect(files.filter((path) => path.includes(image?.id ?? ""))).toEqual([]);
    expect(files.filter((path) => path.includes(generationId)).length).toBeGreaterThan(0);
    const after = (await own.graphql(query, { after: cursor })).body.data.images;
    expect(after.totalCount).toBe(8);
    expect(after.edges.map(({ node }: { node: { id: string } }) => node.id)).toEqual([images[2]?.id]);
    const again = await own.graphql("mutation ($id: ID!) { deleteImage(id: $id) }", { id: image?.id });
    expect(again.body.errors).toMatchObject([{ extensions: { code: "NOT_FOUND", field: "id" } }]);
  });

  test("of several generations returns their ids and omits unknown ones", async () => {
    const [, lynx, puma] = generations;
    const ids = [puma?.id, "gen_01kaj0000000000000000000zz", lynx?.id, puma?.id, ""];
    const { body } = await own.graphql("mutation ($ids: [ID!]!) { deleteGenerations(ids: $ids) }", { ids });

    expect(body).toEqual({ data: { deleteGenerations: [puma?.id, lynx?.id] } });
    const left = await own.graphql(`{ generations(filter: { search: "a" }) { totalCount nodes { prompt } } }`);
    expect(left.body.data.generations).toEqual({ totalCount: 1, nodes: [{ prompt: "a lion" }] });
  });

  test("of more than a hundred generations at once is refused", async () => {
    const ids = Array(101).fill("gen_01kaj0000000000000000000zz");
    const { body } = await own.graphql("mutation ($ids: [ID!]!) { deleteGenerations(ids: $ids) }", { ids });
    expect(body.errors).toMatchObject([{ extensions: { code: "BAD_USER_INPUT", field: "ids" } }]);
  });
});
