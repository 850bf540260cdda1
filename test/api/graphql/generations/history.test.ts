import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { GatewayError } from "../../../../src/errors.ts";
import { getImageAsJson } from "../../../support/clients/get-image-client.ts";
import { holdCalls, type ScriptedGateway, startScriptedGateway } from "../../../support/gateways/scripted-gateway.ts";
import { makeImages } from "../../../support/gateways/scripted-provider.ts";

const PAGE = `query ($first: Int, $after: String, $last: Int, $before: String, $status: GenerationStatus) {
  generations(first: $first, after: $after, last: $last, before: $before, status: $status) {
    edges { cursor node { id } }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}`;
const COUNT = 7;
/** The generations that fail, counted from the oldest of the seven. */
const FAILING = [1, 4, 5];

interface Connection {
  readonly edges: readonly { readonly cursor: string; readonly node: { readonly id: string } }[];
  readonly pageInfo: {
    readonly hasNextPage: boolean;
    readonly hasPreviousPage: boolean;
    readonly startCursor: string | null;
    readonly endCursor: string | null;
  };
}

let gateway: ScriptedGateway;
/** Ids, newest first. */
let all: string[];
let failed: string[];
let cursors: ReadonlyMap<string, string>;

beforeAll(async () => {
  gateway = await startScriptedGateway();
  all = [];
  failed = [];
  for (let index = 0; index < COUNT; index++) {
    const fails = FAILING.includes(index);
    gateway.provider.script = (request) => {
      if (fails) throw new GatewayError("CONTENT_REJECTED", "refused", { billed: "NO" });
      return makeImages(request);
    };
    const { body } = await gateway.graphql(
      `mutation { generateImages(input: { prompt: "fox ${index}", size: "64x64" }) { id } }`,
    );
    all.unshift(body.data.generateImages.id);
    if (fails) failed.unshift(body.data.generateImages.id);
  }
  const { edges } = await page({});
  cursors = new Map(edges.map(({ cursor, node }) => [node.id, cursor]));
});

afterAll(() => gateway.close());

async function page(variables: object): Promise<Connection> {
  const { status, body } = await gateway.graphql(PAGE, variables);
  expect({ status, errors: body.errors }).toEqual({ status: 200, errors: undefined });
  return body.data.generations;
}

const idsOf = (connection: Connection) => connection.edges.map(({ node }) => node.id);

test("the whole list is newest first, in the order of the ids", async () => {
  const connection = await page({});

  expect(idsOf(connection)).toEqual(all);
  expect(all).toEqual([...all].sort().reverse());
  expect(connection.pageInfo).toEqual({
    hasNextPage: false,
    hasPreviousPage: false,
    startCursor: cursors.get(all[0] ?? ""),
    endCursor: cursors.get(all.at(-1) ?? ""),
  });
  expect(new Set(cursors.values()).size).toBe(COUNT);
});

test("the nodes of a page are the nodes of its edges", async () => {
  const query = "query ($first: Int) { generations(first: $first) { edges { node { id } } nodes { id prompt } } }";
  const { body } = await gateway.graphql(query, { first: 3 });

  const { edges, nodes } = body.data.generations;
  expect(nodes.map(({ id }: { id: string }) => id)).toEqual(all.slice(0, 3));
  expect(nodes).toHaveLength(edges.length);
  expect(nodes[0].prompt).toBe(`fox ${COUNT - 1}`);
});

interface Slice {
  readonly first?: number | undefined;
  readonly last?: number | undefined;
  /** Positions in the whole list. */
  readonly after?: number | undefined;
  readonly before?: number | undefined;
}

/**
 * The Relay specification's algorithm on the whole list. With both `first` and `last`, `last` counts in what `first`
 * leaves, as in the reference implementation.
 * @see https://relay.dev/graphql/connections.htm#sec-Pagination-algorithm
 */
function expectedPage(list: readonly string[], { first, last, after, before }: Slice): Connection {
  const range = list.filter(
    (_, place) => (after === undefined || place > after) && (before === undefined || place < before),
  );
  const firstOnes = range.slice(0, first ?? (last === undefined ? 20 : range.length));
  const ids = firstOnes.slice(last === undefined ? 0 : Math.max(0, firstOnes.length - last));
  const isForward = first !== undefined || last === undefined;
  return {
    edges: ids.map((id) => ({ cursor: cursors.get(id) ?? "", node: { id } })),
    pageInfo: {
      hasNextPage: isForward ? range.length > firstOnes.length : before !== undefined,
      hasPreviousPage: last === undefined ? after !== undefined : firstOnes.length > ids.length,
      startCursor: cursors.get(ids[0] ?? "") ?? null,
      endCursor: cursors.get(ids.at(-1) ?? "") ?? null,
    },
  };
}

describe("every page has the edges that the connection specification defines", () => {
  const places = [undefined, ...Array.from({ length: COUNT }, (_, index) => index)];
  const sizes = [undefined, 0, 1, 2, 3, COUNT - 1, COUNT, COUNT + 1, 100];
  const cursorAt = (place: number | undefined) => (place === undefined ? undefined : cursors.get(all[place] ?? ""));

  async function expectAll(slices: Iterable<Slice>): Promise<void> {
    for (const slice of slices) {
      const connection = await page({ ...slice, after: cursorAt(slice.after), before: cursorAt(slice.before) });
      expect({ slice, ...connection }).toEqual({ slice, ...expectedPage(all, slice) });
    }
  }

  test.each(["first", "last"])("with %s, after and before", async (direction) => {
    const slices = sizes.flatMap((size) =>
      places.flatMap((after) => places.map((before) => ({ [direction]: size, after, before }))),
    );
    await expectAll(slices);
  });

  test("with first and last, after and before", async () => {
    const both = [0, 1, 2, 3, 5, 100];
    const ends = [undefined, 0, 1, 3, 5, 6];
    const slices = both.flatMap((first) =>
      both.flatMap((last) => ends.flatMap((after) => ends.map((before) => ({ first, last, after, before })))),
    );
    await expectAll(slices);
  });
});

test.each([1, 2, 3, 7, 8])("reading %i at a time, forward or backward, lists each generation once", async (size) => {
  const forward: string[] = [];
  for (let after: string | null | undefined; after !== null; ) {
    const { pageInfo, ...connection } = await page({ first: size, after });
    forward.push(...idsOf({ pageInfo, ...connection }));
    expect(pageInfo.hasPreviousPage).toBe(after !== undefined);
    after = pageInfo.hasNextPage ? pageInfo.endCursor : null;
  }
  expect(forward).toEqual(all);

  const backward: string[] = [];
  for (let before: string | null | undefined; before !== null; ) {
    const { pageInfo, ...connection } = await page({ last: size, before });
    backward.unshift(...idsOf({ pageInfo, ...connection }));
    expect(pageInfo.hasNextPage).toBe(before !== undefined);
    before = pageInfo.hasPreviousPage ? pageInfo.startCursor : null;
  }
  expect(backward).toEqual(all);
});

test("a status filter applies to all pages", async () => {
  const succeeded = all.filter((id) => !failed.includes(id));

  expect(idsOf(await page({ status: "FAILED" }))).toEqual(failed);
  expect(idsOf(await page({ status: "SUCCEEDED" }))).toEqual(succeeded);
  expect(idsOf(await page({ status: "CANCELED" }))).toEqual([]);
  const firstTwo = await page({ status: "FAILED", first: 2 });
  expect(idsOf(firstTwo)).toEqual(failed.slice(0, 2));
  expect(firstTwo.pageInfo.hasNextPage).toBe(true);
  const rest = await page({ status: "FAILED", first: 2, after: firstTwo.pageInfo.endCursor });
  expect(idsOf(rest)).toEqual(failed.slice(2));
  expect(rest.pageInfo.hasNextPage).toBe(false);
  // A cursor is a position; the generation there need not match the filter.
  const place = all[2] ?? "";
  expect(idsOf(await page({ status: "FAILED", after: cursors.get(place) }))).toEqual(failed.filter((id) => id < place));
});

test("a page reports previous ones only while they exist", async () => {
  const own = await startScriptedGateway();
  try {
    const list = async (variables: object): Promise<Connection> =>
      (await own.graphql(PAGE, variables)).body.data.generations;
    for (let index = 0; index < 3; index++) await getImageAsJson(own.url, { prompt: "x", n: "1", size: "64x64" });
    const [newest, middle, oldest] = (await list({})).edges;
    const after = { first: 5, after: newest?.cursor };
    const before = { last: 5, before: oldest?.cursor };
    expect((await list(after)).pageInfo.hasPreviousPage).toBe(true);
    expect((await list({ ...after, status: "FAILED" })).pageInfo.hasPreviousPage).toBe(false);
    expect((await list({ ...before, status: "FAILED" })).pageInfo.hasNextPage).toBe(false);

    for (const edge of [newest, oldest]) {
      await own.graphql("mutation ($id: ID!) { deleteGeneration(id: $id) }", { id: edge?.node.id });
    }
    expect((await list(after)).pageInfo).toMatchObject({ hasPreviousPage: false, startCursor: middle?.cursor });
    expect((await list(before)).pageInfo).toMatchObject({ hasNextPage: false, endCursor: middle?.cursor });
  } finally {
    await own.close();
  }
});

test("cursors stay the same when newer generations are added, and running ones are listed", async () => {
  const own = await startScriptedGateway();
  try {
    const add = () => getImageAsJson(own.url, { prompt: "x", n: "1", size: "64x64" });
    const list = async (variables: object): Promise<Connection> =>
      (await own.graphql(PAGE, variables)).body.data.generations;
    await add();
    await add();
    await add();
    const before = await list({ first: 2 });
    const hold = holdCalls(own.provider);
    const pending = add();
    await hold.called;

    const after = await list({ first: 2, after: before.edges[0]?.cursor });
    expect(after.edges[0]).toEqual(before.edges[1]);
    expect((await list({})).edges).toHaveLength(4);
    expect((await list({ status: "RUNNING" })).edges).toHaveLength(1);
    expect((await list({ before: before.edges[0]?.cursor })).edges).toHaveLength(1);
    hold.release();
    await pending;
    expect((await list({ status: "RUNNING" })).edges).toEqual([]);
  } finally {
    await own.close();
  }
});

describe("an invalid page argument is refused", () => {
  const cursor = Buffer.from("gen_01kaj0000000000000000000zz").toString("base64url");

  test.each<[string, object, string, RegExp]>([
    ["a negative last beside a first", { first: 1, last: -1 }, "last", /^last must be a whole number from 0 to 100$/],
    ["a negative first beside a last", { first: -1, last: 1 }, "first", /^first must be a whole number from 0 to 100$/],
    ["a negative first", { first: -1 }, "first", /^first must be a whole number from 0 to 100$/],
    ["a first of 101", { first: 101 }, "first", /^first must be a whole number from 0 to 100$/],
    ["a negative last", { last: -1 }, "last", /^last must be a whole number from 0 to 100$/],
    ["a last of 101", { last: 101 }, "last", /^last must be a whole number from 0 to 100$/],
    ["an empty cursor", { after: "" }, "after", /^after must be a cursor from this list$/],
    ["an id as cursor", { after: "gen_01kaj0000000000000000000zz" }, "after", /^after must be a cursor/],
    ["a cursor cut short", { after: cursor.slice(0, -1) }, "after", /^after must be a cursor/],
    ["a cursor with more behind it", { before: `${cursor}A` }, "before", /^before must be a cursor/],
    ["a cursor with padding", { before: `${cursor}=` }, "before", /^before must be a cursor/],
    ["a cursor in another alphabet", { before: "+/+/" }, "before", /^before must be a cursor/],
    [
      "another kind of id",
      { before: Buffer.from("img_01kaj0000000000000000000zz").toString("base64url") },
      "before",
      /^before must be a cursor/,
    ],
    ["SQL", { after: Buffer.from("' OR 1=1 --").toString("base64url") }, "after", /^after must be a cursor/],
  ])("%s", async (_case, variables, field, message) => {
    const { body } = await gateway.graphql(PAGE, variables);

    expect(body.data).toBeNull();
    expect(body.errors).toMatchObject([
      {
        message: expect.stringMatching(message),
        path: ["generations"],
        extensions: { code: "BAD_USER_INPUT", field },
      },
    ]);
  });

  test.each<[string, object, string]>([
    ["a first that is not a number", { first: "2" }, "first"],
    ["an unknown status", { status: "DONE" }, "status"],
  ])("%s", async (_case, variables, field) => {
    const { status, body } = await gateway.graphql(PAGE, variables);

    expect(status).toBe(400);
    expect(body.errors).toMatchObject([
      { message: expect.stringContaining(`$${field}`), extensions: { code: "BAD_USER_INPUT", field } },
    ]);
  });
});

describe("a read by id", () => {
  const NODE = `query ($id: ID!) {
    node(id: $id) { __typename id ... on Generation { prompt } ... on Image { width } }
  }`;

  test("finds a generation, its images, and each of those images", async () => {
    const id = all[0] ?? "";
    const { body } = await gateway.graphql(
      "query ($id: ID!) { generation(id: $id) { id prompt images { id width generation { id } } } }",
      { id },
    );
    const { generation } = body.data;
    expect(generation).toMatchObject({ id, prompt: "fox 6", images: [{ width: 64, generation: { id } }] });

    const imageId = generation.images[0].id;
    const image = await gateway.graphql("query ($id: ID!) { image(id: $id) { id index generation { id } } }", {
      id: imageId,
    });
    expect(image.body.data.image).toEqual({ id: imageId, index: 0, generation: { id } });
    expect((await gateway.graphql(NODE, { id })).body.data.node).toEqual({
      __typename: "Generation",
      id,
      prompt: "fox 6",
    });
    expect((await gateway.graphql(NODE, { id: imageId })).body.data.node).toEqual({
      __typename: "Image",
      id: imageId,
      width: 64,
    });
  });

  test.each([
    "gen_01kaj0000000000000000000zz",
    "img_01kaj0000000000000000000zz",
    "",
    "gen_",
    "img_",
    "nonsense",
    "../../etc/passwd",
    "' OR 1=1 --",
    "%",
    "gen_\0",
    "x".repeat(10_000),
    "__proto__",
  ])("finds nothing for %j", async (id) => {
    const { status, body } = await gateway.graphql(
      "query ($id: ID!) { generation(id: $id) { id } image(id: $id) { id } node(id: $id) { id } }",
      { id },
    );

    expect({ status, body }).toEqual({ status: 200, body: { data: { generation: null, image: null, node: null } } });
  });

  test("finds no image by a generation's id, and no generation by an image's id", async () => {
    const { body } = await gateway.graphql("query ($id: ID!) { generation(id: $id) { images { id } } }", {
      id: all[0],
    });
    const imageId = body.data.generation.images[0].id;
    const crossed = await gateway.graphql(
      "query ($imageId: ID!, $id: ID!) { generation(id: $imageId) { id } image(id: $id) { id } }",
      { imageId, id: all[0] },
    );

    expect(crossed.body).toEqual({ data: { generation: null, image: null } });
  });
});

test("images made over REST are in the same history and belong to the same caller", async () => {
  const own = await startScriptedGateway();
  try {
    const { urlList } = await getImageAsJson(own.url, { prompt: "from REST", n: "2", size: "64x64" });
    const { body } = await own.graphql(
      "{ generations { edges { node { prompt status n requestedSize images { id index } } } } }",
    );

    const ids = urlList.map((url) => /img_[0-9a-z]{26}/.exec(url)?.[0]);
    expect(body.data.generations.edges).toEqual([
      {
        node: {
          prompt: "from REST",
          status: "SUCCEEDED",
          n: 2,
          requestedSize: "64x64",
          images: [
            { id: ids[0], index: 0 },
            { id: ids[1], index: 1 },
          ],
        },
      },
    ]);
  } finally {
    await own.close();
  }
});
