import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { type ScriptedGateway, startScriptedGateway } from "../../../support/gateways/scripted-gateway.ts";
import { statementsDuring } from "../../../support/stores/store-statements.ts";

const PAGE = `query ($first: Int!) {
  generations(first: $first) {
    edges {
      node {
        id
        prompt
        model { id provider }
        images { id url generation { id model { id } images { id generation { id } } } }
      }
    }
  }
}`;
const COUNT = 50;

let gateway: ScriptedGateway;

beforeAll(async () => {
  gateway = await startScriptedGateway();
  for (let index = 0; index < COUNT; index++) {
    await gateway.graphql(`mutation { generateImages(input: { prompt: "fox ${index}", n: 2, size: "64x64" }) { id } }`);
  }
});

afterAll(() => gateway.close());

async function statementsOf(query: string, variables: object): Promise<readonly string[]> {
  return statementsDuring(["generations", "images"], async () => {
    const { body } = await gateway.graphql(query, variables);
    expect(body.errors).toBeUndefined();
  });
}

test("a page of fifty generations with images and models runs as many statements as a page of one", async () => {
  const ofOne = await statementsOf(PAGE, { first: 1 });
  const ofFifty = await statementsOf(PAGE, { first: COUNT });

  expect(ofOne).toHaveLength(2);
  expect(ofFifty).toHaveLength(2);
});

test("a page without a size has twenty entries", async () => {
  const { body } = await gateway.graphql("{ generations { edges { cursor } pageInfo { hasNextPage } } }");

  expect(body.data.generations).toEqual({
    edges: Array(20).fill({ cursor: expect.any(String) }),
    pageInfo: { hasNextPage: true },
  });
});

test("images and generations requested one by one are read together", async () => {
  const { body } = await gateway.graphql("{ generations(first: 10) { edges { node { id images { id } } } } }");
  const nodes: { id: string; images: { id: string }[] }[] = body.data.generations.edges.map(
    ({ node }: { node: object }) => node,
  );
  const fields = nodes.flatMap(({ id, images }, index) => [
    `g${index}: generation(id: "${id}") { prompt }`,
    ...images.map((image, place) => `i${index}_${place}: image(id: "${image.id}") { width }`),
  ]);

  expect(await statementsOf(`{ ${fields.join(" ")} }`, {})).toHaveLength(2);
});
