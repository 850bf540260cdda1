import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import sharp from "sharp";
import { graphqlMultipart } from "../support/clients/graphql-multipart.ts";
import { httpRequest } from "../support/clients/http-request.ts";
import { type Follow, follow, overSocket, overStream, toWords } from "../support/clients/live-clients.ts";
import type { GraphQLBody } from "../support/gateways/gateway.ts";
import { plainImage } from "../support/gateways/scripted-provider.ts";
import { type ExampleProcess, startExample } from "../support/samples/example-process.ts";

let example: ExampleProcess;

async function ask(query: string, variables: object = {}, headers: Record<string, string> = {}): Promise<GraphQLBody> {
  const { body } = await httpRequest(example.url, {
    method: "POST",
    headers: { "Content-Type": "application/json", ...headers },
    body: JSON.stringify({ query, variables }),
  });
  return JSON.parse(body.toString());
}

/** Makes small images, and answers what is asked of the generation. */
async function generate(selection: string, headers: Record<string, string> = {}) {
  const { data, errors } = await ask(
    `mutation { generateImages(input: { prompt: "a red fox", n: 2, size: "96x64" }) { id status ${selection} } }`,
    {},
    headers,
  );
  if (errors) throw new Error(JSON.stringify(errors));
  expect(data.generateImages.status).toBe("SUCCEEDED");
  return data.generateImages;
}

async function sizeAt(url: string) {
  const { width, height } = await sharp((await httpRequest(url)).body).metadata();
  return { width, height };
}

function runs(name: string) {
  beforeAll(async () => {
    example = await startExample(name);
  });
  afterAll(() => example.stop());
}

describe.each(["express-app", "fastify-app", "hono-app"])("a gateway mounted in an existing app: %s", (name) => {
  runs(name);

  test("serves every route below its prefix, and leaves the rest to the app", async () => {
    const { origin } = new URL(example.url);
    expect((await httpRequest(origin)).body.toString()).toBe("the host's own page");

    const { images } = await generate("images { url thumbnail: url(width: 32, format: WEBP) }");
    expect(images[0].url).toMatch(new RegExp(`^${origin}/pictures/images/img_`));
    expect(await sizeAt(images[0].url)).toEqual({ width: 96, height: 64 });
    expect((await sizeAt(images[1].thumbnail)).width).toBe(32);

    const answer = await httpRequest(`${origin}/pictures/get-image`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ prompt: "a red fox", n: "1", size: "64x64" }),
    });
    const { urlResponse, errorMessage } = JSON.parse(answer.body.toString());
    expect(errorMessage).toBe("OK");
    expect(await sizeAt(urlResponse.urlList[0])).toEqual({ width: 64, height: 64 });
  });

  test.each<[string, Follow]>([
    ["WebSockets", overSocket],
    ["server-sent events", overStream],
  ])("delivers events over %s", async (_name, transport) => {
    const url = example.url.replace(/\/graphql$/, "");
    const { id } = await generate("images { id }");
    const events = await Array.fromAsync(follow(transport, url, id));

    expect(events.map(toWords)).toEqual(["status SUCCEEDED", "image 0", "image 1"]);
  });

  test("accepts an upload", async () => {
    const query = `mutation ($image: Upload!) {
      editImages(input: { prompt: "at night", images: [{ upload: $image }] }) { images { width height } }
    }`;
    const bytes = await plainImage(80, 64, 1, "PNG");
    const url = example.url.replace(/\/graphql$/, "");
    const { body } = await graphqlMultipart(url, { query, variables: { image: null } }, [
      { path: "variables.image", bytes },
    ]);

    expect(body).toEqual({ data: { editImages: { images: [{ width: 80, height: 64 }] } } });
  });
});

describe("the schema merged into another Apollo Server's", () => {
  runs("merged-schema");

  test("runs beside the host's own fields, for the caller that the host identifies", async () => {
    const [alice, bob] = [{ "X-User": "alice" }, { "X-User": "bob" }];
    const { id, images } = await generate("images { url generation { model { id } } }", alice);
    expect(images).toHaveLength(2);
    expect(images[0].generation).toEqual({ model: { id: "illustrator-1" } });
    expect(images[0].url).toMatch(new RegExp(`^${new URL(example.url).origin}/pictures/images/img_`));
    expect(await sizeAt(images[0].url)).toEqual({ width: 96, height: 64 });

    const query = `query ($id: ID!) { me generation(id: $id) { id } node(id: $id) { __typename }
      generations { edges { node { id createdAt } } } }`;
    expect((await ask(query, { id }, alice)).data).toEqual({
      me: "alice",
      generation: { id },
      node: { __typename: "Generation" },
      generations: { edges: [{ node: { id, createdAt: expect.stringMatching(/^\d{4}-.*Z$/) } }] },
    });
    expect((await ask(query, { id }, bob)).data).toEqual({
      me: "bob",
      generation: null,
      node: null,
      generations: { edges: [] },
    });
  });

  test("answers bad input with the gateway's error codes", async () => {
    const { errors } = await ask('mutation { generateImages(input: { prompt: "a fox", n: 11 }) { id } }');
    expect(errors).toMatchObject([
      {
        path: ["generateImages"],
        extensions: { code: "BAD_USER_INPUT", field: "n" },
        message: expect.stringContaining("n must be"),
      },
    ]);
  });
});

describe("a host's own provider", () => {
  runs("own-provider");

  test("offers a model like any other", async () => {
    const { model, images } = await generate("model { id provider isDefault } images { url }");
    expect(model).toEqual({ id: "colours-1", provider: "colours", isDefault: true });
    const pixels = await sharp((await httpRequest(images[0].url)).body).stats();
    expect(pixels.channels.map(({ stdev }) => stdev)).toEqual([0, 0, 0]);
  });

  test("needs fewer than 40 lines", async () => {
    const text = await readFile(new URL("../../examples/own-provider.ts", import.meta.url), "utf8");
    expect(text.split("\n").length - 1).toBeLessThan(40);
  });
});

describe("a subgraph in a federated graph", () => {
  runs("federated-graph");

  test("makes and shows images through the router, with fields of both subgraphs", async () => {
    const { images } = await generate("images { id products { name } }");
    expect(images[0].products).toEqual([]);

    const [first] = images;
    const set = "mutation ($image: ID!) { setPicture(product: 1, image: $image) { picture { id url(width: 32) } } }";
    const { picture } = (await ask(set, { image: first.id })).data.setPicture;
    expect(picture.id).toBe(first.id);
    expect((await sizeAt(picture.url)).width).toBe(32);

    const query = `{ products { name picture { width height generation { prompt } products { id } } } }`;
    expect((await ask(query)).data.products).toEqual([
      {
        name: "Lamp",
        picture: { width: 96, height: 64, generation: { prompt: "a red fox" }, products: [{ id: "1" }] },
      },
      { name: "Chair", picture: null },
    ]);
    const { errors } = await ask("{ node(id: 1) { id } }");
    expect(errors).toMatchObject([{ extensions: { code: "GRAPHQL_VALIDATION_FAILED" } }]);
  });
});
