import { afterAll, beforeAll, beforeEach, expect, test } from "@jest/globals";
import { type RunningGateway, startGateway } from "../../../support/gateways/gateway.ts";
import { type StrictImageApi, startStrictImageApi } from "../../../support/vendors/strict-image-api.ts";

const COST = "status model { id } n cost costIsEstimated failure { code billed }";
const USAGE = `usage {
  inputTokens outputTokens totalTokens
  inputDetails { textTokens imageTokens } outputDetails { textTokens imageTokens }
}`;
const GENERATE = `mutation ($input: GenerateImagesInput!) { generateImages(input: $input) { id ${COST} ${USAGE} } }`;
const QUOTE = `query ($input: GenerateImagesInput!) {
  quote(input: $input) {
    model { id } n generatedSize minCost maxCost basis explanation sources warnings { code }
  }
}`;

let api: StrictImageApi;
let gateway: RunningGateway;

beforeAll(async () => {
  api = await startStrictImageApi();
  const openai = { apiKey: api.apiKey, baseUrl: api.baseUrl };
  gateway = await startGateway({ openai, now: () => new Date("2026-11-24T10:00:00Z") });
});

afterAll(async () => {
  await gateway.close();
  await api.close();
});

beforeEach(() => api.respondWith("normal"));

async function generate(input: object) {
  const { body } = await gateway.graphql(GENERATE, { input });
  return body.data.generateImages;
}

async function quote(input: object) {
  return gateway.graphql(QUOTE, { input });
}

test("three images cost what their tokens cost, also when the generation is read again", async () => {
  const made = await generate({ prompt: "a red fox at night", n: 3 });
  expect(made).toMatchObject({
    status: "SUCCEEDED",
    usage: {
      inputTokens: 5,
      outputTokens: 816,
      totalTokens: 821,
      inputDetails: { textTokens: 5, imageTokens: 0 },
      outputDetails: { textTokens: 0, imageTokens: 816 },
    },
    // 5 × 5 + 816 × 30 millionths of a dollar
    cost: "0.024505",
    costIsEstimated: false,
  });
  const { body } = await gateway.graphql(`query ($id: ID!) { generation(id: $id) { cost } }`, { id: made.id });
  expect(body.data.generation.cost).toBe("0.024505");
});

test("a refused generation costs nothing, and an outage that may have been billed costs the estimated maximum", async () => {
  api.respondWith("moderationBlocked");
  expect(await generate({ prompt: "refused" })).toMatchObject({
    cost: "0.000000",
    costIsEstimated: false,
    failure: { code: "CONTENT_REJECTED", billed: "NO" },
  });
  api.respondWith("serverError");
  expect(await generate({ prompt: "broken" })).toMatchObject({
    // 7,024 × 30 + 12 × 5 millionths of a dollar
    cost: "0.210780",
    costIsEstimated: true,
    failure: { code: "UPSTREAM_FAILED", billed: "UNKNOWN" },
  });
});

test("images of the illustrator are free", async () => {
  const made = await generate({ prompt: "a red fox", model: "illustrator-1", size: "64x64" });
  expect(made).toMatchObject({ status: "SUCCEEDED", cost: "0.000000", usage: null });
});

test("a quote calls no provider and records nothing", async () => {
  const callsBefore = api.callCount;
  const { body } = await quote({ prompt: "a red fox", n: 10, quality: "HIGH", size: "1536x1024" });
  expect(body.data.quote).toEqual({
    model: { id: "gpt-image-2.6-flare" },
    n: 10,
    generatedSize: "1536x1024",
    minCost: "0.411610",
    maxCost: "0.412350",
    basis: "TOKENS",
    explanation: expect.stringContaining("10 × 1372 output tokens for 1536x1024"),
    sources: Array(3).fill(expect.stringMatching(/^https:/)),
    warnings: [],
  });
  expect(api.callCount).toBe(callsBefore);
  const { body: history } = await gateway.graphql("{ generations(first: 100) { edges { node { n } } } }");
  expect(history.data.generations.edges.filter((edge: { node: { n: number } }) => edge.node.n === 10)).toEqual([]);
});

test("a quote that cannot be calculated says why", async () => {
  const { body } = await quote({ prompt: "a red fox", model: "gpt-image-1-mini" });
  expect(body.data.quote).toMatchObject({ minCost: null, maxCost: null, basis: "UNKNOWN" });
  expect(body.data.quote.explanation).toContain("is not published");
});

test("a quote for a retired model uses its replacement", async () => {
  const { body } = await quote({ prompt: "a red fox", model: "dall-e-2", quality: "LOW" });
  expect(body.data.quote).toMatchObject({
    model: { id: "gpt-image-2.6-flare" },
    minCost: "0.005890",
    warnings: [{ code: "MODEL_REPLACED" }, { code: "PRICE_CLASS_CHANGED" }],
  });
});

test.each([
  ["n", { prompt: "a fox", n: 11 }],
  ["size", { prompt: "a fox", size: "1x1" }],
  ["prompt", { prompt: " " }],
  ["model", { prompt: "a fox", model: "nothing-1" }],
])("a quote for invalid input is refused as the generation would be: %s", async (field, input) => {
  const { body } = await quote(input);
  expect(body.errors?.[0]?.extensions).toMatchObject({ field });
});
