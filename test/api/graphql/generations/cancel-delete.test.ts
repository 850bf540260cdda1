import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { holdCalls, type ScriptedGateway, startScriptedGateway } from "../../../support/gateways/scripted-gateway.ts";
import { storedFiles } from "../../../support/stores/stored-files.ts";

const FIELDS = "id status finishedAt failure { code retryable billed } images { id url }";
const GENERATE = `mutation ($input: GenerateImagesInput!) { generateImages(input: $input) { ${FIELDS} } }`;
const CANCEL = `mutation ($id: ID!) { cancelGeneration(id: $id) { ${FIELDS} } }`;
const DELETE = "mutation ($id: ID!) { deleteGeneration(id: $id) }";
const LOOK = `query ($id: ID!) { generation(id: $id) { ${FIELDS} } node(id: $id) { id } }`;
const UNKNOWN = "gen_01jd0000000000000000000000";

let gateway: ScriptedGateway;

beforeEach(async () => {
  gateway = await startScriptedGateway({ maxConcurrency: 1 });
});

afterEach(() => gateway.close());

async function generate(input: object = {}) {
  const { body } = await gateway.graphql(GENERATE, { input: { prompt: "a fox", size: "64x64", ...input } });
  return body.data.generateImages;
}

async function look(id: string) {
  return (await gateway.graphql(LOOK, { id })).body.data;
}

describe("cancelGeneration", () => {
  test("stops a waiting generation, which was never submitted, so that nothing failed or was billed", async () => {
    const hold = holdCalls(gateway.provider);
    const running = await generate({ waitSeconds: 0 });
    await hold.called;
    const waiting = await generate({ waitSeconds: 0 });
    const { body } = await gateway.graphql(CANCEL, { id: waiting.id });

    expect(body.data.cancelGeneration).toEqual({
      id: waiting.id,
      status: "CANCELED",
      finishedAt: expect.any(String),
      failure: null,
      images: [],
    });
    expect((await look(running.id)).generation.status).toBe("RUNNING");
    hold.release();
  });

  test("aborts a running generation and answers the waiting clients", async () => {
    const hold = holdCalls(gateway.provider);
    const answer = generate({ idempotencyKey: "k" });
    await hold.called;
    const { id } = await generate({ idempotencyKey: "k", waitSeconds: 0 });
    const { body } = await gateway.graphql(CANCEL, { id });

    expect(body.data.cancelGeneration).toMatchObject({
      id,
      status: "CANCELED",
      failure: { code: "INTERRUPTED", retryable: false, billed: "UNKNOWN" },
    });
    expect(await answer).toEqual(body.data.cancelGeneration);
    expect((await look(id)).generation).toEqual(body.data.cancelGeneration);
  });

  test("does not change a generation that has ended", async () => {
    const ended = await generate();
    const { body } = await gateway.graphql(CANCEL, { id: ended.id });

    expect(body.errors).toBeUndefined();
    expect(body.data.cancelGeneration).toMatchObject({ id: ended.id, status: "SUCCEEDED", failure: null });
  });
});

describe("deleteGeneration", () => {
  test("returns the id and leaves nothing of the generation", async () => {
    const { id, images } = await generate({ n: 2 });
    const { body } = await gateway.graphql(DELETE, { id });

    expect(body).toEqual({ data: { deleteGeneration: id } });
    expect(await look(id)).toEqual({ generation: null, node: null });
    for (const image of images) {
      const gone = await fetch(image.url);
      expect(gone.status).toBe(404);
      expect(await gone.json()).toMatchObject({ error: { code: "NOT_FOUND" } });
    }
    const { body: list } = await gateway.graphql("{ generations { edges { node { id } } } }");
    expect(list.data.generations.edges).toEqual([]);
    expect(await storedFiles(gateway.dataDir)).toEqual([]);
  });

  test("cancels a generation that has not ended before it deletes it", async () => {
    const hold = holdCalls(gateway.provider);
    const answer = generate({ idempotencyKey: "k" });
    await hold.called;
    const { id } = await generate({ idempotencyKey: "k", waitSeconds: 0 });

    expect((await gateway.graphql(DELETE, { id })).body).toEqual({ data: { deleteGeneration: id } });
    expect(await answer).toMatchObject({ id, status: "CANCELED" });
    expect((await look(id)).generation).toBeNull();
  });
});

test.each([
  ["cancelGeneration", CANCEL],
  ["deleteGeneration", DELETE],
])("%s of an unknown id says that there is no such generation, and names the input", async (_name, mutation) => {
  const { body } = await gateway.graphql(mutation, { id: UNKNOWN });

  expect(body.data ?? null).toBeNull();
  expect(body.errors).toEqual([
    expect.objectContaining({
      message: "you have no such generation",
      extensions: expect.objectContaining({ code: "NOT_FOUND", field: "id" }),
    }),
  ]);
});

test("a second deleteGeneration says that there is no such generation", async () => {
  const { id } = await generate();
  await gateway.graphql(DELETE, { id });
  const { body } = await gateway.graphql(DELETE, { id });

  expect(body.errors?.[0]?.extensions).toMatchObject({ code: "NOT_FOUND", field: "id" });
});
