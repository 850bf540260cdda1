import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import express from "express";
import { listen } from "../src/http/server.ts";
import { createGateway, type Gateway, GatewayError } from "../src/index.ts";
import { ScriptedProvider } from "./support/scripted-provider.ts";

describe("a gateway inside another program", () => {
  const provider = new ScriptedProvider();
  let dataDir: string;
  let gateway: Gateway;
  let server: Awaited<ReturnType<typeof listen>>;

  beforeAll(async () => {
    dataDir = await mkdtemp(join(tmpdir(), "pictograph-library-"));
    gateway = await createGateway({ dataDir, providers: [provider], defaultModel: "scripted-1" });
    server = await listen("127.0.0.1", 0);
    server.serve(express().use("/pictures", gateway.app));
  });

  afterAll(async () => {
    server.stopAccepting();
    await gateway.close();
    await server.close();
    await rm(dataDir, { recursive: true, force: true });
  });

  test("works below a prefix of the host's app, its image URLs included", async () => {
    const body = new URLSearchParams({ prompt: "a fox", n: "1", size: "512x512" });
    const answer = await fetch(`${server.url}/pictures/get-image`, { method: "POST", body });
    const { urlResponse } = (await answer.json()) as { urlResponse: { urlList: string[] } };
    const [url = ""] = urlResponse.urlList;
    expect(url).toMatch(new RegExp(`^${server.url}/pictures/images/img_`));
    const image = await fetch(url);
    expect(image.status).toBe(200);
    expect(image.headers.get("content-type")).toBe("image/png");
  });

  test("gives its service, with the caller named by the host", async () => {
    const caller = { owner: "someone" };
    const accepted = await gateway.images.submit(caller, { prompt: "a fox", quality: "hd", style: "vivid" });
    const generation = await gateway.images.wait(accepted, 20_000);
    expect(generation.status).toBe("SUCCEEDED");
    expect(generation.quality).toBe("HIGH");
    expect(generation.warnings.map(({ code }) => code)).toEqual(["QUALITY_REPLACED", "STYLE_IGNORED"]);
    expect(await gateway.images.generations({ owner: "another" }, [generation.id])).toEqual([undefined]);
  });

  test("throws errors that the host can switch on", async () => {
    const submitted = gateway.images.submit({ owner: "someone" }, { prompt: "" });
    await expect(submitted).rejects.toThrow(GatewayError);
    await expect(submitted).rejects.toMatchObject({ code: "BAD_USER_INPUT", details: { field: "prompt" } });
  });

  test("refuses a default model that no provider has, and leaves the data directory free", async () => {
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
    server.serve(
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
  ])("gets its images with %s", async (_case, body, contentType) => {
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
  ])("is told what is wrong with %s", async (_case, body, contentType, status, message) => {
    const answer = await post("/get-image", body, contentType);

    expect(answer.status).toBe(status);
    expect(await answer.json()).toEqual({
      urlResponse: { urlList: [] },
      errorMessage: expect.stringMatching(message),
    });
  });

  test("gets GraphQL answered as JSON, and refused as a form", async () => {
    const query = "{ models { id } }";
    const answer = await post("/graphql", JSON.stringify({ query }), "application/json");
    expect(await answer.json()).toMatchObject({ data: { models: [{ id: "scripted-1" }, { id: "illustrator-1" }] } });

    expect((await post("/graphql", new URLSearchParams({ query }))).status).toBe(400);
    expect((await post("/graphql", JSON.stringify({ query }), "text/plain")).status).toBe(400);
  });
});

describe("a provider of the host's own that does not heed its signal", () => {
  test("cannot keep its generation from ending, nor the gateway from closing", async () => {
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
    const accepted = await gateway.images.submit({ owner: "someone" }, { prompt: "a fox" });
    const ended = gateway.images.wait(accepted, 20_000);
    await isAsked.promise;
    await gateway.drain(0);
    expect((await ended).failure).toMatchObject({ code: "INTERRUPTED", billed: "UNKNOWN" });
    await gateway.close();
    await rm(dataDir, { recursive: true, force: true });
  });
});

test("a key alone makes the best model the default, as in the service", async () => {
  const dataDir = await mkdtemp(join(tmpdir(), "pictograph-library-"));
  const gateway = await createGateway({ dataDir, openai: { apiKey: "sk-none", baseUrl: "http://127.0.0.1:1/v1" } });
  expect(gateway.images.models.defaultId).toBe("gpt-image-2.6-flare");
  await gateway.close();
  await rm(dataDir, { recursive: true, force: true });
});
