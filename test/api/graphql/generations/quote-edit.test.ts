import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { graphqlMultipart } from "../../../support/clients/graphql-multipart.ts";
import { type RunningGateway, startGateway } from "../../../support/gateways/gateway.ts";
import { plainImage } from "../../../support/gateways/scripted-provider.ts";
import { type StrictImageApi, startStrictImageApi } from "../../../support/vendors/strict-image-api.ts";

const QUOTE_EDIT = `query ($input: EditImagesInput!) {
  quoteEdit(input: $input) { model { id } n generatedSize minCost maxCost basis explanation warnings { code } }
}`;
const URL_IMAGE = { url: "https://pictures.example/fox.png" };

let api: StrictImageApi;
let gateway: RunningGateway;
let imageId: string;

beforeAll(async () => {
  api = await startStrictImageApi();
  const openai = { apiKey: api.apiKey, baseUrl: api.baseUrl };
  gateway = await startGateway({ openai, now: () => new Date("2026-11-24T10:00:00Z") });
  const query = `mutation { generateImages(input: { prompt: "a fox", size: "1536x1024" }) { images { id } } }`;
  imageId = (await gateway.graphql(query)).body.data.generateImages.images[0].id;
});

afterAll(async () => {
  await gateway.close();
  await api.close();
});

async function quoteEdit(input: object) {
  const { body } = await gateway.graphql(QUOTE_EDIT, { input: { prompt: "a cat", quality: "HIGH", ...input } });
  return { quote: body.data?.quoteEdit, error: body.errors?.[0] };
}

test("a quote for an edit includes its images and files, and calls and records nothing", async () => {
  const before = api.callCount;
  const { quote } = await quoteEdit({ size: "1024x1024", images: [URL_IMAGE] });

  expect(quote).toEqual({
    model: { id: "gpt-image-2.6-flare" },
    n: 1,
    generatedSize: "1024x1024",
    // 1,756 image tokens at 30 dollars a million, and one text token at 5.
    minCost: "0.052685",
    // 1,756 output tokens, 1,536 tokens of the file at 8, and 75 text tokens at 5.
    maxCost: "0.065343",
    basis: "TOKENS",
    explanation:
      "1 × 1756 output tokens for 1024x1024, at most 1 × 1600 input tokens of the files, and 1 token for 1 to 8 bytes of prompt",
    warnings: [],
  });
  expect(api.callCount).toBe(before);
  const { body } = await gateway.graphql("{ generations { nodes { id } } }");
  expect(body.data.generations.nodes).toHaveLength(1);
});

test("each file and mask counts, for each image to be made", async () => {
  // 2 × (1,756 at 30, 2 × 1,536 at 8, and 5 + 6 + 2 × 64 at 5).
  const twice = await quoteEdit({ size: "1024x1024", n: 2, images: [URL_IMAGE], mask: URL_IMAGE });
  expect(twice.quote.maxCost).toBe("0.155902");
});

test("without a size, the size of the caller's own image counts", async () => {
  const { quote } = await quoteEdit({ images: [{ id: imageId }, URL_IMAGE] });
  expect(quote.generatedSize).toBe("1536x1024");
  const { error } = await quoteEdit({ images: [URL_IMAGE, { id: imageId }] });
  expect(error?.extensions).toEqual({ code: "BAD_USER_INPUT", field: "size" });
  expect(error?.message).toMatch(/size is needed.*by its id/);
});

test("the upper bound is what the edit itself holds", async () => {
  const { quote } = await quoteEdit({ images: [{ id: imageId }] });
  const input = { prompt: "a cat", quality: "HIGH", images: [{ id: imageId }] };
  const edited = await gateway.gateway.images.submitEdit({ projectId: "proj_public" }, input);

  expect(quote.maxCost).toMatch(/^0\.\d+$/);
  expect(edited.maxCost).toBe(quote.maxCost);
  await gateway.gateway.images.wait(edited, 60_000);
});

test("an upload counts but is not read", async () => {
  const input = { prompt: "a cat", size: "1024x1024", images: [{ upload: null }] };
  const files = [{ path: "variables.input.images.0.upload", bytes: await plainImage(64, 64, 0, "PNG") }];
  const { body } = await graphqlMultipart(gateway.url, { query: QUOTE_EDIT, variables: { input } }, files);
  expect(body.data.quoteEdit).toMatchObject({ basis: "TOKENS", n: 1 });

  const notAnImage = [{ path: "variables.input.images.0.upload", bytes: Buffer.from("no image") }];
  const unread = await graphqlMultipart(gateway.url, { query: QUOTE_EDIT, variables: { input } }, notAnImage);
  expect(unread.body).toEqual(body);
});

test("a model without published prices has no bounds, and the quote says so", async () => {
  const { quote } = await quoteEdit({ model: "chatgpt-image-latest", size: "1024x1024", images: [URL_IMAGE] });
  expect(quote).toMatchObject({ minCost: null, maxCost: null, basis: "UNKNOWN" });
  expect(quote.explanation).toMatch(/is not (published|known)/);
});

test.each([
  ["no image", { images: [] }, "BAD_USER_INPUT", "images"],
  ["17 images", { images: Array(17).fill(URL_IMAGE) }, "BAD_USER_INPUT", "images"],
  ["an image in two ways", { images: [{ ...URL_IMAGE, id: "img_1" }] }, "BAD_USER_INPUT", "images"],
  ["an unknown image", { images: [{ id: "img_01kaj0000000000000000000zz" }] }, "NOT_FOUND", "images"],
  ["an unknown mask", { images: [URL_IMAGE], mask: { id: "img_01kaj0000000000000000000zz" } }, "NOT_FOUND", "mask"],
  ["a size that cannot be", { images: [URL_IMAGE], size: "1x1" }, "BAD_USER_INPUT", "size"],
  ["an unknown model", { images: [URL_IMAGE], model: "dall-e-9" }, "MODEL_UNAVAILABLE", "model"],
])("%s is refused as the edit would be", async (_what, input, code, field) => {
  const { error } = await quoteEdit({ size: "1024x1024", ...input });
  expect(error?.extensions).toEqual({ code, field });
});
