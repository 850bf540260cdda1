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
