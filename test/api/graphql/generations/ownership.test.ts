import type { IncomingMessage } from "node:http";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import {
  ANY_SIZE_EDITOR,
  holdCalls,
  poll,
  type ScriptedGateway,
  startScriptedGateway,
} from "../../../support/gateways/scripted-gateway.ts";

let gateway: ScriptedGateway;

beforeAll(async () => {
  gateway = await startScriptedGateway(
    {
      authenticate: async ({ headers }: IncomingMessage) => ({
        ...(headers["x-project"] !== undefined && { projectId: String(headers["x-project"]) }),
        ...(headers["x-user"] !== undefined && { endUser: String(headers["x-user"]) }),
      }),
    },
    [ANY_SIZE_EDITOR],
  );
});

afterAll(() => gateway.close());

const ANN = { "X-Project": "proj_a", "X-User": "ann" };
const BOB = { "X-Project": "proj_a", "X-User": "bob" };
const PROJECT = { "X-Project": "proj_a" };
const ANN_ELSEWHERE = { "X-Project": "proj_b", "X-User": "ann" };

async function ask(query: string, variables: object = {}, headers = {}) {
  return (await gateway.graphql(query, variables, headers)).body;
}

async function generate(headers: object, input: object = {}) {
  const query = `mutation ($input: GenerateImagesInput!) {
    generateImages(input: $input) { id endUser metadata { key value } images { id url } }
  }`;
  const { data, errors } = await ask(query, { input: { prompt: "a fox", size: "64x64", ...input } }, headers);
  if (errors) throw new Error(JSON.stringify(errors));
  return data.generateImages;
}

describe("a generation of an end user", () => {
  let id: string;
  let imageId: string;

  beforeAll(async () => {
    const made = await generate(ANN);
    id = made.id;
    imageId = made.images[0].id;
  });

  test.each([
    ["the end user", ANN, true],
    ["a caller of the project without an end user", PROJECT, true],
    ["another end user", BOB, false],
    ["an end user of the same name in another project", ANN_ELSEWHERE, false],
    ["another project", { "X-Project": "proj_b" }, false],
    ["the public project", {}, false],
  ])("is visible only to that end user and to its project: %s", async (_who, headers, isSeen) => {
    const query = `query ($id: ID!, $imageId: ID!) {
      generation(id: $id) { id }
      image(id: $imageId) { id }
      node(id: $id) { id }
      generations { edges { node { id } } }
      _entities(representations: [{ __typename: "Image", id: $imageId }]) { ... on Image { id } }
    }`;
    const { data } = await ask(query.replaceAll("$imageId }", `"${imageId}" }`), { id, imageId }, headers);
    const listed = data.generations.edges.map(({ node }: { node: { id: string } }) => node.id);

    expect({ ...data, generations: listed.includes(id) }).toEqual({
      generation: isSeen ? { id } : null,
      image: isSeen ? { id: imageId } : null,
      node: isSeen ? { id } : null,
      generations: isSeen,
      _entities: [isSeen ? { id: imageId } : null],
    });
  });

  test.each([
    ["canceled", "mutation ($id: ID!) { cancelGeneration(id: $id) { id } }"],
    ["deleted", "mutation ($id: ID!) { deleteGeneration(id: $id) }"],
    ["followed", "subscription ($id: ID!) { generationEvents(id: $id) { __typename } }"],
  ])("cannot be %s by others", async (_what, query) => {
    for (const headers of [BOB, ANN_ELSEWHERE, {}]) {
      const response = await fetch(`${gateway.url}/graphql/stream`, {
        method: "POST",
        headers: { "Content-Type": "application/json", Accept: "text/event-stream", ...headers },
        body: JSON.stringify({ query, variables: { id } }),
      });
      expect(await response.text()).toContain(`"code":"NOT_FOUND"`);
    }
    expect((await ask(`{ generation(id: "${id}") { id } }`, {}, ANN)).data.generation).toEqual({ id });
  });

  test("cannot be edited by others", async () => {
    const query = `mutation { editImages(input: { prompt: "a hat", images: [{ id: "${imageId}" }] }) { id } }`;

    for (const headers of [BOB, ANN_ELSEWHERE, {}]) {
      expect((await ask(query, {}, headers)).errors?.[0]?.extensions).toMatchObject({ code: "NOT_FOUND" });
    }
    expect((await ask(query, {}, ANN)).data.editImages.id).toMatch(/^gen_/);
  });
});

test("an idempotency key belongs to one end user", async () => {
  const input = { idempotencyKey: "k" };
  const made = [];
  for (const headers of [ANN, BOB, PROJECT, ANN_ELSEWHERE, {}]) made.push((await generate(headers, input)).id);

  expect(new Set(made).size).toBe(5);
  expect((await generate(ANN, input)).id).toBe(made[0]);
  expect((await generate(PROJECT, input)).id).toBe(made[2]);
  await expect(generate(ANN, { ...input, prompt: "a bird" })).rejects.toThrow("IDEMPOTENCY_CONFLICT");
});

test("an SDK's repeated request matches only a request of the same end user", async () => {
  const send = (headers: object, retry: number, signal?: AbortSignal) =>
    fetch(`${gateway.url}/v1/images/generations`, {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-Stainless-Retry-Count": String(retry), ...headers },
      body: JSON.stringify({ prompt: "a lone fox", size: "64x64" }),
      ...(signal && { signal }),
    });
  const calls = () => gateway.provider.requests.filter(({ prompt }) => prompt === "a lone fox").length;
  const { script } = gateway.provider;
  const hold = holdCalls(gateway.provider);
  const leaving = new AbortController();
  const left = send(ANN, 0, leaving.signal);
  await hold.called;
  leaving.abort();
  await expect(left).rejects.toThrow();
  const others = [send(BOB, 1), send(PROJECT, 1)];
  await poll(
    async () => calls(),
    (count) => count === 3,
  );
  hold.release();
  gateway.provider.script = script;
  expect((await Promise.all(others)).map(({ status }) => status)).toEqual([200, 200]);

  expect((await send(ANN, 1)).status).toBe(200);
  expect(calls()).toBe(3);
});

describe("an end user", () => {
  test("named by the request overrides the one named by the input", async () => {
    expect((await generate(ANN, { endUser: "bob" })).endUser).toBe("ann");
    expect((await generate(PROJECT, { endUser: "bob" })).endUser).toBe("bob");
    expect((await generate(PROJECT)).endUser).toBeNull();
  });

  test("named by `user` or `safety_identifier` at /v1 is recorded", async () => {
    for (const body of [{ user: "ann-v1" }, { safety_identifier: "ann-v1" }]) {
      const response = await fetch(`${gateway.url}/v1/images/generations`, {
        method: "POST",
        headers: { "Content-Type": "application/json", ...PROJECT },
        body: JSON.stringify({ prompt: "a fox", size: "64x64", ...body }),
      });
      expect(response.status).toBe(200);
      const { data } = await ask("{ generations(first: 1) { edges { node { endUser } } } }", {}, PROJECT);
      expect(data.generations.edges[0].node.endUser).toBe("ann-v1");
    }
  });

  test.each([
    ["empty", ""],
    ["too long", "ä".repeat(256)],
    ["with a line feed", "ann\nbob"],
    ["with a space before it", " ann"],
    ["ill-formed", "\ud800"],
  ])("is refused if the name is %s", async (_what, endUser) => {
    await expect(generate(PROJECT, { endUser })).rejects.toThrow('"field":"endUser"');
  });
});

describe("metadata", () => {
  test("keeps its order, and is part of the input that an idempotency key stands for", async () => {
    const metadata = [
      { key: "order", value: "42" },
      { key: "a", value: "寿司" },
    ];
    const made = await generate(PROJECT, { metadata, idempotencyKey: "with metadata" });

    expect(made.metadata).toEqual(metadata);
    expect((await generate(PROJECT)).metadata).toEqual([]);
    await expect(generate(PROJECT, { idempotencyKey: "with metadata" })).rejects.toThrow("IDEMPOTENCY_CONFLICT");
  });

  test.each([
    ["too many entries", Array.from({ length: 17 }, (_, i) => ({ key: `k${i}`, value: "" }))],
    ["a key twice", [1, 2].map((i) => ({ key: "k", value: String(i) }))],
    ["an empty key", [{ key: "", value: "" }]],
    ["a long key", [{ key: "k".repeat(65), value: "" }]],
    ["a long value", [{ key: "k", value: "v".repeat(513) }]],
    ["a NUL", [{ key: "k", value: "\0" }]],
  ])("is refused with %s", async (_what, metadata) => {
    await expect(generate(PROJECT, { metadata })).rejects.toThrow('"field":"metadata"');
  });
});
