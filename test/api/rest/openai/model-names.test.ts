import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import OpenAI from "openai";
import { readModelNames } from "../../../support/clients/openai-model-names.ts";
import { type RunningGateway, startGateway } from "../../../support/gateways/gateway.ts";
import { poll } from "../../../support/gateways/scripted-gateway.ts";
import { type StrictImageApi, startStrictImageApi } from "../../../support/vendors/strict-image-api.ts";

/** The day on which the client's list of models was current. */
const TODAY = new Date("2026-11-24T12:00:00Z");
const RETIRED = ["gpt-image-1", "dall-e-2", "dall-e-3"];

let names: readonly string[];

beforeAll(async () => {
  names = [...(await readModelNames()), "gpt-image-1.5-2025-12-16"];
});

function clientOf({ url }: RunningGateway): OpenAI {
  return new OpenAI({ baseURL: `${url}/v1`, apiKey: "any", maxRetries: 0 });
}

async function ask(client: OpenAI, model: string) {
  const { data, response } = await client.images
    .generate({ prompt: "a fox", model, response_format: "url" })
    .withResponse();
  return { imageCount: data.data?.length, warning: response.headers.get("Warning") };
}

async function costOf(gateway: RunningGateway, model: string) {
  const { body } = await gateway.graphql(
    `mutation ($model: String) { generateImages(input: { prompt: "a fox", quality: LOW, model: $model }) {
      status cost model { id shutdownDate replacement } warnings { code } } }`,
    { model },
  );
  return body.data.generateImages;
}

describe("with a provider, the model names of OpenAI", () => {
  let api: StrictImageApi;
  let gateway: RunningGateway;
  let client: OpenAI;

  beforeAll(async () => {
    api = await startStrictImageApi({ extraModels: ["gpt-image-3-ultra"] });
    gateway = await startGateway({ openai: { apiKey: api.apiKey, baseUrl: api.baseUrl }, now: () => TODAY });
    client = clientOf(gateway);
  });
  afterAll(async () => {
    await gateway.close();
    await api.close();
  });

  test("all lead to images, retired ones through their replacements", async () => {
    for (const name of names) {
      const { imageCount, warning } = await ask(client, name);
      const asked = api.requests.at(-1)?.body?.model;
      expect({ name, imageCount, isAskedFor: asked === name }).toEqual({
        name,
        imageCount: 1,
        isAskedFor: !RETIRED.includes(name),
      });
      if (RETIRED.includes(name)) expect(warning).toContain(`the model ${name} is retired; ${asked} was used instead`);
    }
  });

  test("are all known, and are listed until they are retired", async () => {
    const listed = (await client.models.list()).data.map(({ id }) => id);
    for (const name of names)
      expect(await client.models.retrieve(name)).toMatchObject({ id: name, owned_by: "openai" });

    expect(listed).toEqual(expect.arrayContaining(names.filter((name) => !RETIRED.includes(name))));
  });

  test.each([
    ["gpt-image-2-2026-04-21", "gpt-image-2"],
    ["gpt-image-2.5-flare-2026-09-08", "gpt-image-2.5-flare"],
    ["gpt-image-1.5-2025-12-16", "gpt-image-1.5"],
  ])("with a date cost the same and end on the same day as without it: %s", async (snapshot, family) => {
    const [dated, undated] = [await costOf(gateway, snapshot), await costOf(gateway, family)];

    expect(dated).toEqual({ ...undated, model: { ...undated.model, id: snapshot } });
    expect(dated.cost).toMatch(/^0\.00[1-9]/);
  });

  test("that are newer than the gateway are passed on with a warning and an unknown cost", async () => {
    const { warning } = await ask(client, "gpt-image-3-ultra");

    expect(api.requests.at(-1)?.body).toMatchObject({ model: "gpt-image-3-ultra" });
    expect(warning).toContain("gpt-image-3-ultra is newer than this gateway");
    expect(await costOf(gateway, "gpt-image-3-ultra")).toEqual({
      status: "SUCCEEDED",
      cost: null,
      model: { id: "gpt-image-3-ultra", shutdownDate: null, replacement: null },
      warnings: [{ code: "MODEL_UNKNOWN" }],
    });
  });

  test("that do not exist are refused: newer ones by the provider, others by the gateway", async () => {
    const callCount = api.callCount;
    await expect(ask(client, "gpt-image-9")).rejects.toMatchObject({ status: 404, code: "model_not_found" });
    expect(api.callCount).toBe(callCount + 1);
    for (const name of ["dall-e-4", "sora-2", "flux"]) {
      await expect(ask(client, name)).rejects.toMatchObject({ status: 404, code: "model_not_found" });
    }
    expect(api.callCount).toBe(callCount + 1);
  });

  test("never lead to an image of the illustrator", async () => {
    api.queue("serverError");
    await expect(ask(client, "gpt-image-2")).rejects.toMatchObject({ status: 502 });
  });
});

test("a dated model ends when the vendor announces the end of its undated name, or its own", async () => {
  const api = await startStrictImageApi();
  api.models.raw = {
    body: JSON.stringify({
      data: [
        { id: "gpt-image-2", shutdown_date: "2026-11-20" },
        { id: "gpt-image-2-2026-04-21", shutdown_date: null },
        { id: "gpt-image-2.5-flare", shutdown_date: null },
        { id: "gpt-image-2.5-flare-2026-09-08", shutdown_date: "2026-11-20" },
        { id: "gpt-image-3", shutdown_date: "2026-12-01", created: 1_795_348_800 },
      ],
    }),
  };
  const gateway = await startGateway({ openai: { apiKey: api.apiKey, baseUrl: api.baseUrl }, now: () => TODAY });
  const client = clientOf(gateway);
  try {
    await poll(
      async () => (await client.models.list()).data,
      (listed) => listed.some(({ id }) => id === "gpt-image-3"),
    );

    expect((await ask(client, "gpt-image-2-2026-04-21")).warning).toContain("gpt-image-2-2026-04-21 is retired");
    expect((await ask(client, "gpt-image-2.5-flare-2026-09-08")).warning).toContain("2026-09-08 is retired");
    expect((await ask(client, "gpt-image-2.5-flare")).warning).toBeNull();
    expect(api.requests.map(({ body }) => body?.model)).toEqual([
      "gpt-image-2.6-sunburst",
      "gpt-image-2.6-flare",
      "gpt-image-2.5-flare",
    ]);
    expect(await client.models.retrieve("gpt-image-3")).toMatchObject({ shutdown_date: "2026-12-01" });
  } finally {
    await gateway.close();
    await api.close();
  }
});

describe("without a provider, the model names of OpenAI", () => {
  let gateway: RunningGateway;
  let client: OpenAI;

  beforeAll(async () => {
    gateway = await startGateway();
    client = clientOf(gateway);
  });
  afterAll(() => gateway.close());

  test("lead to images of the illustrator, with a warning", async () => {
    for (const name of [...names, "gpt-image-3-ultra"]) {
      const { imageCount, warning } = await ask(client, name);
      expect(imageCount).toBe(1);
      expect(warning).toContain(`no provider of ${name} is configured; illustrator-1 was used instead`);
    }
    expect(await costOf(gateway, "gpt-image-2")).toEqual({
      status: "SUCCEEDED",
      cost: "0.000000",
      model: { id: "illustrator-1", shutdownDate: null, replacement: null },
      warnings: [{ code: "MODEL_REPLACED" }],
    });
  });

  test("that are not for images are refused", async () => {
    for (const name of ["gpt-5", "sora-2", "flux", "gpt-image-", "GPT-IMAGE-2"]) {
      await expect(ask(client, name)).rejects.toMatchObject({ status: 404, code: "model_not_found" });
    }
  });
});
