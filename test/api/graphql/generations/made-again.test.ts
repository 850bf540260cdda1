import { afterAll, beforeAll, expect, test } from "@jest/globals";
import {
  ANY_SIZE_MODEL,
  type ScriptedGateway,
  startScriptedGateway,
} from "../../../support/gateways/scripted-gateway.ts";

const AGAIN = "id prompt n model { id } requestedSize quality format background compression seed";

let gateway: ScriptedGateway;

beforeAll(async () => {
  gateway = await startScriptedGateway({}, [{ ...ANY_SIZE_MODEL, hasSeed: true }]);
});

afterAll(() => gateway.close());

async function generate(input: object) {
  const query = `mutation ($input: GenerateImagesInput!) { generateImages(input: $input) { ${AGAIN} warnings { code } } }`;
  const { body } = await gateway.graphql(query, { input });
  expect(body.errors).toBeUndefined();
  return body.data.generateImages;
}

test.each<[string, object]>([
  [
    "everything",
    { prompt: "a fox", n: 2, size: "96x64", quality: "HIGH", format: "WEBP", background: "TRANSPARENT", seed: 7 },
  ],
  ["only a prompt", { prompt: "a fox" }],
  ["a seed of 0", { prompt: "a fox", size: "64x64", seed: 0, background: "OPAQUE", quality: "LOW" }],
])("a generation with %s in its input can be made again from its fields", async (_case, input) => {
  const first = await generate(input);
  const { body } = await gateway.graphql(`query ($id: ID!) { generation(id: $id) { ${AGAIN} } }`, { id: first.id });
  const { id, model, requestedSize, compression, ...read } = body.data.generation;
  const second = await generate({ ...read, model: model.id, size: requestedSize });

  expect(compression).toBeNull();
  expect({ ...second, id }).toEqual(first);
  const [once, again] = gateway.provider.requests.slice(-2);
  expect({ ...again, generationId: undefined }).toEqual({ ...once, generationId: undefined });
});

test("the compression that an OpenAI client requested can be read", async () => {
  const response = await fetch(`${gateway.url}/v1/images/generations`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ prompt: "a fox", size: "64x64", output_format: "webp", output_compression: 40 }),
  });
  expect(response.status).toBe(200);

  const { body } = await gateway.graphql("{ generations(first: 1) { nodes { compression format quality } } }");
  expect(body.data.generations.nodes).toEqual([{ compression: 40, format: "WEBP", quality: "AUTO" }]);
});

test("a seed that the model ignored is not reported as used", async () => {
  const seedless = await startScriptedGateway();
  try {
    const { body } = await seedless.graphql(
      'mutation { generateImages(input: { prompt: "a fox", size: "64x64", seed: 7 }) { seed warnings { code } } }',
    );
    expect(body.data.generateImages).toEqual({ seed: null, warnings: [{ code: "SEED_IGNORED" }] });
  } finally {
    await seedless.close();
  }
});
