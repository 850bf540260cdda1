import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import type { IncomingMessage } from "node:http";

import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeExecutableSchema, mergeSchemas } from "@graphql-tools/schema";
import { stitchSchemas } from "@graphql-tools/stitch";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import express from "express";
import { graphql, parse, printSchema, subscribe } from "graphql";
import { pino } from "pino";
import { buildSchema, Field, ObjectType, Query, Resolver } from "type-graphql";
import { listen } from "../src/api/http/server.ts";
import { createGateway, type Gateway, GatewayError } from "../src/index.ts";
import {
  type Follow,
  follow,
  overSocket,
  overStream,
  RawSocket,
  socketUrl,
  toWords,
} from "./support/clients/live-clients.ts";
import { startGateway } from "./support/gateways/gateway.ts";
import { SCRIPTED_MODEL, ScriptedProvider } from "./support/gateways/scripted-provider.ts";
import { storedFiles } from "./support/stores/stored-files.ts";
import { temporaryDirectories } from "./support/temporary-directory.ts";

describe("a gateway inside another program", () => {
  const provider = new ScriptedProvider();
  let dataDir: string;
  let gateway: Gateway;
  let server: Awaited<ReturnType<typeof listen>>;

  beforeAll(async () => {
    dataDir = await mkdtemp(join(tmpdir(), "pictograph-library-"));
    gateway = await createGateway({ dataDir, providers: [provider], defaultModel: "scripted-1" });
    server = await listen("127.0.0.1", 0);
    await server.serve(express().use("/pictures", gateway.app), gateway.handleUpgrade);
  });

  afterAll(async () => {
    server.stopAccepting();
    await gateway.close();
    await server.close();
    await rm(dataDir, { recursive: true, force: true });
  });

  test("works below a prefix in the host's app, including its image URLs", async () => {
    const body = new URLSearchParams({ prompt: "a fox", n: "1", size: "512x512" });
    const answer = await fetch(`${server.url}/pictures/get-image`, { method: "POST", body });
    const { urlResponse } = (await answer.json()) as { urlResponse: { urlList: string[] } };
    const [url = ""] = urlResponse.urlList;
    expect(url).toMatch(new RegExp(`^${server.url}/pictures/images/img_`));
    const image = await fetch(url);
    expect(image.status).toBe(200);
    expect(image.headers.get("content-type")).toBe("image/png");
  });

  test.each<[string, Follow]>([
    ["WebSockets", overSocket],
    ["server-sent events", overStream],
  ])("sends events below that prefix, over %s", async (_name, transport) => {
    const { id } = await gateway.images.submit({ projectId: "proj_public" }, { prompt: "a fox", size: "512x512" });
    const events = await Array.fromAsync(follow(transport, `${server.url}/pictures`, id));
    const image = events.find((event) => event.image)?.image;

    expect(events.map(toWords).slice(-2)).toEqual(["image 0", "status SUCCEEDED"]);
    expect(image?.url).toMatch(new RegExp(`^${server.url}/pictures/images/img_`));
    expect((await fetch(image?.url ?? "")).status).toBe(200);
  });

  test.each([
    ["with a slash at the end of their path", "/graphql/"],
    ["in upper case, as it takes operations over HTTP", "/GraphQL"],
  ])("accepts WebSockets below that prefix %s", async (_how, path) => {
    const raw = await RawSocket.introduced(socketUrl(`${server.url}/pictures`).replace(/\/graphql$/, path));
    raw.socket.close();

    expect(await raw.closed).toMatchObject({ code: 1005 });
  });

  test("works in an Express 4 host that reads bodies, over every transport", async () => {
    // By a name that the compiler does not follow: it comes without types.
    const { default: express4 } = await import("express-4" as string);
    const other = await listen("127.0.0.1", 0);
    await other.serve(express4().use(express4.json()).use("/older", gateway.app), gateway.handleUpgrade);
    const url = `${other.url}/older`;
    const post = async (path: string, body: object) => {
      const headers = { "Content-Type": "application/json" };
      const response = await fetch(url + path, { method: "POST", headers, body: JSON.stringify(body) });
      return response.json() as Promise<Record<string, unknown>>;
    };
    const answer = await post("/get-image", { prompt: "a fox", n: 1, size: "512x512" });
    const [image = ""] = (answer.urlResponse as { urlList: string[] }).urlList;
    const { data } = await post("/graphql", { query: "{ generations(first: 1) { edges { node { id } } } }" });
    const { id } = (data as { generations: { edges: { node: { id: string } }[] } }).generations.edges[0]?.node ?? {};

    expect(image).toMatch(new RegExp(`^${url}/images/img_`));
    expect((await fetch(image)).status).toBe(200);
    for (const transport of [overSocket, overStream]) {
      const events = await Array.fromAsync(follow(transport, url, id ?? ""));
      expect(events.find((event) => event.image)?.image?.url).toMatch(new RegExp(`^${url}/images/img_`));
    }
    expect((await fetch(`${url}/nowhere`)).status).toBe(404);
    other.stopAccepting();
    await other.close();
  });

  test("offers its service, with the caller that the host names", async () => {
    const caller = { projectId: "someone" };
    const accepted = await gateway.images.submit(caller, { prompt: "a fox", quality: "hd", style: "vivid" });
    const generation = await gateway.images.wait(accepted, 20_000);
    expect(generation.status).toBe("SUCCEEDED");
    expect(generation.quality).toBe("HIGH");
    expect(generation.warnings.map(({ code }) => code)).toEqual(["QUALITY_REPLACED", "STYLE_IGNORED"]);
    expect(await gateway.images.generations({ projectId: "another" }, [generation.id])).toEqual([undefined]);
  });

  test("throws errors with codes that the host can check", async () => {
    const submitted = gateway.images.submit({ projectId: "someone" }, { prompt: "" });
    await expect(submitted).rejects.toThrow(GatewayError);
    await expect(submitted).rejects.toMatchObject({ code: "BAD_USER_INPUT", details: { field: "prompt" } });
  });

  test("refuses a default model that no provider has, and releases the data directory", async () => {
    const other = await mkdtemp(join(tmpdir(), "pictograph-library-"));
    await expect(createGateway({ dataDir: other, defaultModel: "no-such-model" })).rejects.toThrow("no such model");
    const second = await createGateway({ dataDir: other });
    await second.close();
    await rm(other, { recursive: true, force: true });
  });
});

describe("a host that reads bodies before the gateway does", () => {
  let gateway: Gateway;
  let server: Awaited<ReturnType<typeof listen>>;
  let dataDir: string;

  beforeAll(async () => {
    dataDir = await mkdtemp(join(tmpdir(), "pictograph-library-"));
    gateway = await createGateway({ dataDir, providers: [new ScriptedProvider()], defaultModel: "scripted-1" });
    server = await listen("127.0.0.1", 0);
    await server.serve(
      express()
        .use(express.json(), express.urlencoded({ extended: true }), express.text({ type: "text/*" }), express.raw())
        .use("/pictures", gateway.app),
    );
  });

  afterAll(async () => {
    server.stopAccepting();
    await gateway.close();
    await server.close();
    await rm(dataDir, { recursive: true, force: true });
  });

  const post = (path: string, body: string | FormData | URLSearchParams, contentType?: string | undefined) =>
    fetch(`${server.url}/pictures${path}`, {
      method: "POST",
      body,
      headers: contentType ? { "Content-Type": contentType } : {},
    });
  const FIELDS = { prompt: "a fox", n: "2", size: "64x64" };
  const form = new FormData();
  for (const [name, value] of Object.entries(FIELDS)) form.set(name, value);

  test.each<[string, string | FormData | URLSearchParams, string | undefined]>([
    ["JSON", JSON.stringify(FIELDS), "application/json"],
    ["a form", new URLSearchParams(FIELDS), undefined],
    ["multipart, that no parser of the host's reads", form, undefined],
  ])("gets its images for %s", async (_case, body, contentType) => {
    const answer = await post("/get-image", body, contentType);

    expect(await answer.json()).toEqual({
      urlResponse: { urlList: [expect.any(String), expect.any(String)] },
      errorMessage: "OK",
    });
  });

  test.each<[string, string, string, number, RegExp]>([
    ["a JSON list", "[]", "application/json", 400, /must be a JSON object/],
    [
      "a field twice",
      "prompt=a&prompt=b&n=1&size=64x64",
      "application/x-www-form-urlencoded",
      400,
      /^prompt must be text/,
    ],
    [
      "a field that is an object",
      "prompt[a]=b&n=1&size=64x64",
      "application/x-www-form-urlencoded",
      400,
      /^prompt must/,
    ],
    ["a form without a size", "prompt=a&n=1", "application/x-www-form-urlencoded", 400, /^size is missing/],
    ["text", JSON.stringify(FIELDS), "text/plain", 415, /send the body as/],
    ["bytes", JSON.stringify(FIELDS), "application/octet-stream", 415, /send the body as/],
    ["nothing", "", "application/json", 400, /prompt is missing|not valid JSON/],
  ])("gets an error that says what is wrong with %s", async (_case, body, contentType, status, message) => {
    const answer = await post("/get-image", body, contentType);

    expect(answer.status).toBe(status);
    expect(await answer.json()).toEqual({
      urlResponse: { urlList: [] },
      errorMessage: expect.stringMatching(message),
    });
  });

  test("gets answers to GraphQL as JSON, and a refusal as a form", async () => {
    const query = "{ models { id } }";
    const answer = await post("/graphql", JSON.stringify({ query }), "application/json");
    expect(await answer.json()).toMatchObject({ data: { models: [{ id: "scripted-1" }, { id: "illustrator-1" }] } });

    expect((await post("/graphql", new URLSearchParams({ query }))).status).toBe(400);
    expect((await post("/graphql", JSON.stringify({ query }), "text/plain")).status).toBe(400);
  });
});

describe("a host's own provider that ignores its signal", () => {
  test("does not keep its generation from ending, or the gateway from closing", async () => {
    const dataDir = await mkdtemp(join(tmpdir(), "pictograph-library-"));
    const provider = new ScriptedProvider();
    const isAsked = Promise.withResolvers<void>();
    provider.script = () => ({
      [Symbol.asyncIterator]: () => ({
        next: () => {
          isAsked.resolve();
          return new Promise<never>(() => {});
        },
        return: () => new Promise<never>(() => {}),
      }),
    });
    const gateway = await createGateway({ dataDir, providers: [provider], defaultModel: "scripted-1" });
    const accepted = await gateway.images.submit({ projectId: "someone" }, { prompt: "a fox" });
    const ended = gateway.images.wait(accepted, 20_000);
    await isAsked.promise;
    await gateway.drain(0);
    expect((await ended).failure).toMatchObject({ code: "INTERRUPTED", billed: "UNKNOWN" });
    await gateway.close();
    await rm(dataDir, { recursive: true, force: true });
  });
});

describe("two gateways in one process", () => {
  const makeDirectory = temporaryDirectories();
  const PAGE = "{ models { id } generations { edges { node { prompt model { provider } images { id } } } } }";
  const providerOf = (name: string) => {
    const model = { ...SCRIPTED_MODEL, provider: name };
    return Object.assign(new ScriptedProvider([model]), { name });
  };

  test("share nothing, and one continues after the other is closed", async () => {
    const [first, second] = await Promise.all(
      ["first", "second"].map(async (name) =>
        createGateway({ dataDir: await makeDirectory(), providers: [providerOf(name)], defaultModel: "scripted-1" }),
      ),
    );
    if (!first || !second) throw new Error("two gateways were made");
    const generate = async ({ images }: Gateway, prompt: string) =>
      images.wait(await images.submit({ projectId: "proj_public" }, { prompt, n: 2, size: "64x64" }), 20_000);
    const pageOf = async ({ schema }: Gateway) =>
      JSON.parse(JSON.stringify(await graphql({ schema, source: PAGE }))).data.generations.edges.map(
        ({ node }: { node: { prompt: string; model: { provider: string }; images: object[] } }) =>
          `${node.prompt}, ${node.model.provider}, ${node.images.length} images`,
      );

    const [madeFirst, madeSecond] = await Promise.all([generate(first, "a fox"), generate(second, "a cat")]);
    expect(await pageOf(first)).toEqual(["a fox, first, 2 images"]);
    expect(await pageOf(second)).toEqual(["a cat, second, 2 images"]);
    expect(await first.images.generations({ projectId: "proj_public" }, [madeSecond.id])).toEqual([undefined]);
    const [[image] = []] = await first.images.imagesOf([madeFirst.id]);
    const link = image ? first.images.link(image) : "";
    await expect(second.images.open(link)).rejects.toMatchObject({ code: "FORBIDDEN" });

    await first.close();
    expect((await generate(second, "a dog")).status).toBe("SUCCEEDED");
    expect(await pageOf(second)).toEqual(["a dog, second, 2 images", "a cat, second, 2 images"]);
    await second.close();
  });

  test("have the same schema, whatever types the host registers with type-graphql", async () => {
    @ObjectType("Image")
    class HostImage {
      @Field(() => String)
      title!: string;
    }
    @Resolver()
    class HostResolver {
      @Query(() => HostImage)
      image(): HostImage {
        return { title: "the host's" };
      }
    }
    const gateway = await createGateway({ dataDir: await makeDirectory() });
    const own = await buildSchema({ resolvers: [HostResolver], validate: false });
    const committed = await readFile(new URL("../schema/schema.graphql", import.meta.url), "utf8");

    expect(`${printSchema(gateway.schema)}\n`).toBe(committed);
    expect(await graphql({ schema: own, source: "{ image { title } }" })).toMatchObject({
      data: { image: { title: "the host's" } },
    });
    await gateway.close();
  });
});

describe("the schema in a host's own server", () => {
  const makeDirectory = temporaryDirectories();

  test("is stitched to another schema, for the caller in the host's context", async () => {
    const gateway = await createGateway({
      dataDir: await makeDirectory(),
      providers: [new ScriptedProvider()],
      defaultModel: "scripted-1",
      publicUrl: "https://images.example",
      authenticate: ({ user }: { user: string }) => ({ projectId: user }),
    });
    const { images } = gateway;
    const made = await images.wait(
      await images.submit({ projectId: "ann" }, { prompt: "a fox", size: "64x64" }),
      20_000,
    );
    const shop = makeExecutableSchema({
      typeDefs: "type Query { motto: String! }",
      resolvers: { Query: { motto: () => "pictures for all" } },
    });
    const schema = stitchSchemas({ subschemas: [{ schema: shop }, { schema: gateway.schema }] });
    const source = `{ motto generation(id: "${made.id}") { images { url } } }`;

    expect(await graphql({ schema, source, contextValue: { user: "ann" } })).toEqual({
      data: {
        motto: "pictures for all",
        generation: { images: [{ url: expect.stringMatching(/^https:\/\/images\.example\/images\/img_/) }] },
      },
    });
    expect(await graphql({ schema, source, contextValue: { user: "bob" } })).toEqual({
      data: { motto: "pictures for all", generation: null },
    });
    await gateway.close();
  });

  test("answers a host that names an unknown project with an error", async () => {
    const gateway = await startGateway({
      providers: [new ScriptedProvider()],
      authenticate: () => ({ projectId: "ann" }),
    });
    const { body } = await gateway.graphql("{ viewer { project { id } } }");
    await gateway.close();

    expect(body.errors?.[0]).toMatchObject({
      message: expect.stringMatching(/^the project of this request, "ann", does not exist; create it/),
      extensions: { code: "NOT_FOUND" },
    });
  });

  test("serves each user of the host's app through the `authenticate` option", async () => {
    const gateway = await startGateway({
      providers: [new ScriptedProvider()],
      defaultModel: "scripted-1",
      authenticate: (request: IncomingMessage) => ({
        endUser: String(request.headers["x-user"]),
        rootUrl: "https://host.example/pictures",
      }),
    });
    const generate = `mutation { generateImages(input: { prompt: "a fox", size: "64x64" }) { id images { url } } }`;
    const { data } = (await gateway.graphql(generate, {}, { "X-User": "ann" })).body;
    const { id, images } = data.generateImages;
    const find = async (user: string) =>
      (await gateway.graphql(`{ generation(id: "${id}") { id } }`, {}, { "X-User": user })).body.data.generation;

    expect(images[0].url).toMatch(/^https:\/\/host\.example\/pictures\/images\/img_/);
    expect([await find("ann"), await find("bob")]).toEqual([{ id }, null]);
    await gateway.close();
  });

  test("sends a generation's events when merged into another schema", async () => {
    const gateway = await createGateway({
      dataDir: await makeDirectory(),
      providers: [new ScriptedProvider()],
      defaultModel: "scripted-1",
    });
    const shop = makeExecutableSchema({ typeDefs: "type Query { motto: String! }" });
    const schema = mergeSchemas({ schemas: [shop, gateway.schema] });
    const { id } = await gateway.images.submit({ projectId: "proj_public" }, { prompt: "a fox", size: "64x64" });
    const document = parse(`subscription { generationEvents(id: "${id}") {
      __typename ... on GenerationStatusChanged { generation { status images { index } } }
    } }`);
    const events = await subscribe({ schema, document, contextValue: Object.freeze({ host: "its own" }) });
    if (!(Symbol.asyncIterator in events)) throw new Error(JSON.stringify(events));
    const seen: unknown[] = [];
    for await (const { data, errors } of events) seen.push(errors ?? data?.generationEvents);

    expect(JSON.parse(JSON.stringify(seen.at(-1)))).toEqual({
      __typename: "GenerationStatusChanged",
      generation: { status: "SUCCEEDED", images: [{ index: 0 }] },
    });
    await gateway.close();
  });

  test("masks an unexpected error and logs it", async () => {
    const lines: string[] = [];
    const logger = pino({}, { write: (line: string) => void lines.push(line) });
    const dataDir = await makeDirectory();
    const gateway = await createGateway({
      dataDir,
      providers: [new ScriptedProvider()],
      defaultModel: "scripted-1",
      logger,
    });
    const { images, schema } = gateway;
    const { id } = await images.wait(await images.submit({ projectId: "proj_public" }, { prompt: "a fox" }), 20_000);
    for (const path of await storedFiles(dataDir)) await writeFile(path, "no picture any more");
    const source = `{ generation(id: "${id}") { images { placeholder } } }`;
    const { data, errors } = await graphql({ schema, source });

    expect(data?.generation).toBeNull();
    expect(errors?.map(({ message, extensions }) => ({ message, extensions }))).toEqual([
      { message: expect.stringMatching(/^an internal error occurred/), extensions: { code: "INTERNAL" } },
    ]);
    expect(lines.join("")).toContain("unexpected error");
    await gateway.close();
  });
});

test("a key alone makes the best model the default, as in the service", async () => {
  const dataDir = await mkdtemp(join(tmpdir(), "pictograph-library-"));
  const gateway = await createGateway({ dataDir, openai: { apiKey: "sk-none", baseUrl: "http://127.0.0.1:1/v1" } });
  expect(gateway.images.models.defaultId).toBe("gpt-image-2.6-flare");
  await gateway.close();
  await rm(dataDir, { recursive: true, force: true });
});
