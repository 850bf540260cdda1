import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { ModelDescription } from "../../../src/ports/image-provider.ts";
import { ADMIN, type CreatedKey, type KeyedGateway, startKeyedGateway } from "../../support/gateways/keyed-gateway.ts";
import { ANY_SIZE_EDITOR } from "../../support/gateways/scripted-gateway.ts";

const NOW = new Date("2026-11-24T18:00:00Z");
const FROM = "2026-11-24T12:00:00Z";
const MODEL: ModelDescription = {
  ...ANY_SIZE_EDITOR,
  id: "cheap-1",
  prices: [{ from: "2026-01-01", source: "a test", perImage: "0.1" }],
};
const USAGE = `query ($from: DateTime!, $to: DateTime, $by: [UsageDimension!], $projectId: ID) {
  usage(from: $from, to: $to, by: $by, projectId: $projectId) {
    day model operation project { id } apiKey { id } endUser generations images cost estimatedCost
  }
}`;
const NO_DIMENSIONS = { day: null, model: null, operation: null, project: null, apiKey: null, endUser: null };

let gateway: KeyedGateway;
let mine: CreatedKey;
let other: CreatedKey;
let projectId: string;
let otherProjectId: string;

beforeAll(async () => {
  gateway = await startKeyedGateway({ now: () => NOW }, [MODEL]);
  projectId = await gateway.createProject({ name: "mine" });
  otherProjectId = await gateway.createProject({ name: "other" });
  mine = await gateway.createKey(projectId);
  other = await gateway.createKey(otherProjectId);
  const generate = async (headers: object, n: number) => {
    const query = `mutation { generateImages(input: { prompt: "a fox", size: "64x64", n: ${n} }) { status } }`;
    const { body } = await gateway.graphql(query, {}, headers as Record<string, string>);
    expect(body.data.generateImages.status).toBe("SUCCEEDED");
  };
  await generate(mine.headers, 1);
  await generate({ ...mine.headers, "Pictograph-End-User": "ann" }, 2);
  await generate({ ...mine.headers, "Pictograph-End-User": "bob" }, 3);
  await generate(other.headers, 4);
});

afterAll(() => gateway.close());

async function usage(headers: Record<string, string>, variables: object = {}) {
  const { body } = await gateway.graphql(USAGE, { from: FROM, ...variables }, headers);
  return { rows: body.data?.usage, error: body.errors?.[0] };
}

const sums = (generations: number, images: number) => ({
  ...NO_DIMENSIONS,
  generations,
  images,
  cost: `${(images / 10).toFixed(6)}`,
  estimatedCost: "0.000000",
});

test("usage is summed by day and model unless other dimensions are named; a key sees its project, an admin sees all", async () => {
  const named = { day: "2026-11-24", model: "cheap-1" };
  expect((await usage(mine.headers)).rows).toEqual([{ ...sums(3, 6), ...named }]);
  expect((await usage(ADMIN)).rows).toEqual([{ ...sums(4, 10), ...named }]);
  expect((await usage(ADMIN, { by: [] })).rows).toEqual([sums(4, 10)]);
  expect((await usage(ADMIN, { by: ["API_KEY", "PROJECT", "API_KEY"], projectId: otherProjectId })).rows).toEqual([
    { ...sums(1, 4), project: { id: otherProjectId }, apiKey: { id: other.id } },
  ]);
  expect((await usage(mine.headers, { by: ["OPERATION", "END_USER"] })).rows).toEqual([
    { ...sums(1, 1), operation: "GENERATE" },
    { ...sums(1, 2), operation: "GENERATE", endUser: "ann" },
    { ...sums(1, 3), operation: "GENERATE", endUser: "bob" },
  ]);
});

test("an end user sees its own usage, and nobody sees another project's", async () => {
  const ann = { ...mine.headers, "Pictograph-End-User": "ann" };
  expect((await usage(ann, { by: ["END_USER"] })).rows).toEqual([{ ...sums(1, 2), endUser: "ann" }]);
  expect((await usage(ann, { by: [] })).rows).toEqual([sums(1, 2)]);
  for (const headers of [mine.headers, ann]) {
    expect((await usage(headers, { projectId: otherProjectId })).error?.extensions).toEqual({
      code: "NOT_FOUND",
      field: "projectId",
    });
  }
  expect((await usage(ADMIN, { projectId: "proj_nobody" })).rows).toEqual([]);
});

test("usage counts whole days: the first and last requested day, but not the day that begins at the end", async () => {
  const count = async (from: string, to: string) =>
    (await usage(mine.headers, { from, to, by: [] })).rows[0].generations;
  expect(await count("2026-11-24T23:59:59Z", "2026-11-25T00:00:00Z")).toBe(3);
  expect(await count("2026-11-23T00:00:00Z", "2026-11-24T00:00:00Z")).toBe(0);
  expect(await count("2026-11-23T00:00:00Z", "2026-11-24T00:00:01Z")).toBe(3);
  expect(await count("2026-11-25T00:00:00Z", "2026-11-26T00:00:00Z")).toBe(0);
});

describe("a usage query", () => {
  test.each([
    ["an end before the beginning", { to: "2026-11-24T11:59:59Z" }, "from", /from must be before to/],
    ["no day at all", { to: FROM }, "from", /from must be before to/],
    ["a beginning in the future", { from: "2026-11-24T18:00:01Z" }, "from", /from must be before to/],
    [
      "end users of more than 31 days",
      { from: "2026-10-24T00:00:00Z", by: ["END_USER"] },
      "from",
      /at most 31 days; these are 32/,
    ],
    ["a text that is not a time", { from: "yesterday" }, "from", /DateTime/],
    ["a dimension that does not exist", { by: ["HOUR"] }, "by", /UsageDimension/],
  ])("is refused for %s", async (_what, variables, field, message) => {
    const { error } = await usage(mine.headers, variables);
    expect(error?.extensions).toMatchObject({ code: "BAD_USER_INPUT", field });
    expect(error?.message).toMatch(message);
  });

  test("may ask for 31 days of end users, or for a thousand years of days", async () => {
    expect((await usage(mine.headers, { from: "2026-10-25T00:00:00Z", by: ["END_USER"] })).rows).toHaveLength(3);
    expect((await usage(mine.headers, { from: "1026-01-01T00:00:00Z" })).rows).toHaveLength(1);
  });
});

test("deleting an end user's data removes the end user from the ledger too", async () => {
  const key = await gateway.createKey(await gateway.createProject());
  const headers = { ...key.headers, "Pictograph-End-User": "cat" };
  const { body } = await gateway.graphql(
    `mutation { generateImages(input: { prompt: "a fox", size: "64x64" }) { id } }`,
    {},
    headers,
  );
  // A generation deleted earlier has left its end user's name in the ledger.
  await gateway.graphql(`mutation { deleteGeneration(id: "${body.data.generateImages.id}") }`, {}, headers);
  expect((await usage(key.headers, { by: ["END_USER"] })).rows).toMatchObject([{ endUser: "cat" }]);
  await gateway.graphql(`mutation { deleteEndUserData(endUser: "cat") }`, {}, key.headers);

  expect((await usage(key.headers, { by: ["END_USER"] })).rows).toEqual([sums(1, 1)]);
});
