import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { type RunningGateway, startGateway } from "../support/gateway.ts";
import { type StrictImageApi, startStrictImageApi } from "../support/strict-image-api.ts";

const GENERATE = `mutation ($input: GenerateImagesInput!) {
  generateImages(input: $input) { status model { id } warnings { code message } }
}`;

let api: StrictImageApi;
let gateway: RunningGateway;
let now: Date;

beforeAll(async () => {
  api = await startStrictImageApi();
  now = new Date("2026-11-24T10:00:00Z");
  const openai = { apiKey: api.apiKey, baseUrl: api.baseUrl };
  gateway = await startGateway({ openai, now: () => now, defaultModel: "gpt-image-1.5" });
});

afterAll(async () => {
  await gateway.close();
  await api.close();
});

async function generate(model: string) {
  const { body } = await gateway.graphql(GENERATE, { input: { prompt: "a fox", model } });
  return body;
}

function getImage(): Promise<Response> {
  const body = new URLSearchParams({ prompt: "a fox", n: "1", size: "64x64" });
  return fetch(`${gateway.url}/get-image`, { method: "POST", body });
}

test("a model that ends in a week is warned of in the graph, on its generations, and by Sunset", async () => {
  const { body } = await gateway.graphql("{ models { id warnings { code message } } }");
  const warned = body.data.models.filter(({ warnings }: { warnings: unknown[] }) => warnings.length > 0);
  expect(warned.map(({ id }: { id: string }) => id)).toEqual(["gpt-image-1.5", "gpt-image-1-mini"]);
  expect(warned[0].warnings[0]).toMatchObject({
    code: "MODEL_RETIRING",
    message: expect.stringContaining("gpt-image-2.6-sunburst"),
  });
  expect((await generate("gpt-image-1.5")).data.generateImages).toMatchObject({
    status: "SUCCEEDED",
    warnings: [{ code: "MODEL_RETIRING" }],
  });

  const answer = await getImage();
  expect(answer.headers.get("Sunset")).toBe("Tue, 01 Dec 2026 00:00:00 GMT");
  expect(Object.keys((await answer.json()) as object)).toEqual(["urlResponse", "errorMessage"]);
  const openai = await fetch(`${gateway.url}/v1/images/generations`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ prompt: "a fox", model: "gpt-image-1.5" }),
  });
  await openai.arrayBuffer();
  expect(openai.headers.get("Sunset")).toBe("Tue, 01 Dec 2026 00:00:00 GMT");
});

test("on the day, requests move to the replacement of the same price class with a warning, and to no other", async () => {
  now = new Date("2026-12-01T00:00:00Z");
  expect((await generate("gpt-image-1.5")).data.generateImages).toMatchObject({
    status: "SUCCEEDED",
    model: { id: "gpt-image-2.6-sunburst" },
    warnings: [{ code: "MODEL_REPLACED" }],
  });
  const answer = await getImage();
  expect(answer.headers.has("Sunset")).toBe(false);
  expect(await answer.json()).toMatchObject({ errorMessage: "OK" });

  const refused = await generate("gpt-image-1-mini");
  expect(refused.errors?.[0]?.extensions).toMatchObject({ code: "MODEL_UNAVAILABLE", field: "model" });
  expect(refused.errors?.[0]?.message).toContain("gpt-image-2.6-flare, which is of another price class");
});
