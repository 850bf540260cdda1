import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "@jest/globals";
import { type Logger, pino } from "pino";
import type { GatewayOptions } from "../../../src/gateway.ts";
import type { ModelDescription } from "../../../src/ports/image-provider.ts";
import { getImageAsJson } from "../../support/clients/get-image-client.ts";
import { startGateway } from "../../support/gateways/gateway.ts";
import {
  ANY_SIZE_EDITOR,
  holdCalls,
  poll,
  type ScriptedGateway,
  startScriptedGateway,
} from "../../support/gateways/scripted-gateway.ts";
import { makeImages, plainImage } from "../../support/gateways/scripted-provider.ts";
import { usePostgres } from "../../support/stores/use-postgres.ts";
import { temporaryDirectories } from "../../support/temporary-directory.ts";

const GENERATE = `mutation ($input: GenerateImagesInput!) {
  generateImages(input: $input) { id status model { id } cost costIsEstimated failure { code billed } } }`;
const CANCEL = "mutation ($id: ID!) { cancelGeneration(id: $id) { id } }";
const READ = "query ($id: ID!) { generation(id: $id) { status cost costIsEstimated } }";
const TODAY = new Date("2026-11-24T18:00:00Z");
/** The seconds until the day ends. */
const SIX_HOURS_S = 6 * 60 * 60;

function priced(id: string, perImage: string, more: Partial<ModelDescription> = {}): ModelDescription {
  return { ...ANY_SIZE_EDITOR, id, prices: [{ from: "2026-01-01", source: "a test", perImage }], ...more };
}

const CHEAP = priced("cheap-1", "0.1");
const DEAR = priced("dear-1", "0.5");
const FREE = priced("free-1", "0");
const { prices: _, ...UNKNOWN } = priced("unknown-1", "0");
const ONE_DOLLAR = { usd: "1", isDefault: false };

const newDirectory = temporaryDirectories();
const postgres = usePostgres();
const running: ScriptedGateway[] = [];

afterEach(async () => {
  for (const gateway of running.splice(0)) await gateway.close();
});

/** A gateway whose clock shows a fixed time of day, unless the options differ. */
async function start(
  options: GatewayOptions = {},
  models: readonly ModelDescription[] = [CHEAP, DEAR, FREE, UNKNOWN],
): Promise<ScriptedGateway> {
  const gateway = await startScriptedGateway({ now: () => TODAY, dailyBudget: ONE_DOLLAR, ...options }, models);
  running.push(gateway);
  return gateway;
}

async function generate(gateway: ScriptedGateway, input: object = {}) {
  const { body } = await gateway.graphql(GENERATE, { input: { prompt: "a fox", size: "64x64", ...input } });
  return { generation: body.data?.generateImages, error: body.errors?.[0] };
}

/** Returns how many of 200 simultaneous requests are accepted, and how often the provider was called. */
async function rush(gateways: readonly ScriptedGateway[]) {
  const answers = await Promise.all(
    Array.from({ length: 200 }, (_, i) => {
      const gateway = gateways[i % gateways.length] as ScriptedGateway;
      return generate(gateway, { prompt: `fox ${i}`, waitSeconds: 60 });
    }),
  );
  const refusals = answers.flatMap(({ error }) => error ?? []);
  for (const { extensions } of refusals) expect(extensions.code).toBe("BUDGET_EXCEEDED");
  return {
    accepted: answers.filter(({ generation }) => generation?.status === "SUCCEEDED").length,
    refused: refusals.length,
    called: gateways.flatMap(({ provider }) => provider.requests).length,
  };
}

describe("a budget for ten images accepts exactly ten of 200 simultaneous requests", () => {
  test("on SQLite", async () => {
    expect(await rush([await start()])).toEqual({ accepted: 10, refused: 190, called: 10 });
  });

  test("on two gateways that share a PostgreSQL", async () => {
    const databaseUrl = await postgres.newDatabase();
    const both = [await start({ databaseUrl }), await start({ databaseUrl })];

    expect(await rush(both)).toEqual({ accepted: 10, refused: 190, called: 10 });
  });
});

describe("a request that the budget does not cover", () => {
  const isRefusal = (message: unknown) =>
    expect(message).toBe(
      "the project's budget of the day, 0.1 US dollars (PICTOGRAPH_DAILY_BUDGET_USD), does not cover this request, which may cost 0.100000 for 1 image; send it again after 2026-11-25T00:00:00.000Z",
    );

  async function startSpent(): Promise<ScriptedGateway> {
    const gateway = await start({ dailyBudget: { usd: "0.1", isDefault: false } });
    await generate(gateway);
    return gateway;
  }

  test("is refused over GraphQL, with the time until the day ends", async () => {
    const { error, generation } = await generate(await startSpent());

    expect(generation ?? null).toBeNull();
    isRefusal(error?.message);
    expect(error?.extensions).toEqual({
      code: "BUDGET_EXCEEDED",
      retryAfterSeconds: SIX_HOURS_S,
      budget: {
        scope: "PROJECT",
        window: "DAY",
        limitUsd: "0.1",
        limitImages: null,
        spentUsd: "0.100000",
        heldUsd: "0.000000",
        spentImages: 1,
        heldImages: 0,
        resetsAt: "2026-11-25T00:00:00.000Z",
      },
    });
  });

  test("is refused over REST with status 402, in the 2022 response shape", async () => {
    const { url } = await startSpent();
    const answer = await getImageAsJson(url, { prompt: "a fox", n: "1", size: "64x64" });

    expect(answer).toMatchObject({ status: 402, urlList: [] });
    expect(answer.headers["retry-after"]).toBe(String(SIX_HOURS_S));
    isRefusal(answer.errorMessage);
  });

  test.each(["generations", "edits"])("is refused at /v1/images/%s in OpenAI's format", async (route) => {
    const { url, provider } = await startSpent();
    const form = new FormData();
    form.append("prompt", "a fox");
    form.append("image", new Blob([new Uint8Array(await plainImage(64, 64, 0, "PNG"))], { type: "image/png" }));
    const isEdit = route === "edits";
    const response = await fetch(`${url}/v1/images/${route}`, {
      method: "POST",
      ...(isEdit
        ? { body: form }
        : { body: JSON.stringify({ prompt: "a fox" }), headers: { "Content-Type": "application/json" } }),
    });

    expect(response.status).toBe(402);
    expect(response.headers.get("retry-after")).toBe(String(SIX_HOURS_S));
    const { error } = (await response.json()) as { error: { message: string; code: string } };
    expect(error.code).toBe("billing_hard_limit_reached");
    isRefusal(error.message);
    expect(provider.requests).toHaveLength(1);
  });

  test("leaves nothing, and is accepted when the next day begins", async () => {
    let now = TODAY;
    const gateway = await start({ now: () => now });
    expect((await generate(gateway, { n: 10 })).generation.status).toBe("SUCCEEDED");
    expect((await generate(gateway, { idempotencyKey: "k" })).error?.extensions.code).toBe("BUDGET_EXCEEDED");
    now = new Date("2026-11-24T23:59:59.999Z");
    const { extensions } = (await generate(gateway)).error ?? {};
    expect(extensions).toMatchObject({ code: "BUDGET_EXCEEDED", retryAfterSeconds: 1 });

    now = new Date("2026-11-25T00:00:00.000Z");
    expect((await generate(gateway, { idempotencyKey: "k", n: 10 })).generation.status).toBe("SUCCEEDED");
    expect((await generate(gateway)).error?.extensions.code).toBe("BUDGET_EXCEEDED");
    const { body } = await gateway.graphql("{ generations { edges { node { id } } } }");
    expect(body.data.generations.edges).toHaveLength(2);
  });

  test("is logged once per window, with what was spent", async () => {
    const lines: string[] = [];
    const logger: Logger = pino({}, { write: (line) => void lines.push(line) });
    const gateway = await start({ logger });
    await generate(gateway, { n: 10 });
    for (let i = 0; i < 3; i++) await generate(gateway);

    const told = lines.filter((line) => line.includes("a budget refuses generations"));
    expect(told.map((line) => JSON.parse(line))).toMatchObject([
      {
        level: 40,
        projectId: "proj_public",
        budget: { scope: "PROJECT", window: "DAY", limitUsd: "1", spentUsd: "1.000000", heldUsd: "0.000000" },
      },
    ]);
  });
});

describe("a request that costs nothing is accepted even if the budget is used up:", () => {
  test("one for a free model", async () => {
    const gateway = await start({ dailyBudget: { usd: "0", isDefault: false } });

    expect((await generate(gateway, { model: "free-1", n: 10 })).generation).toMatchObject({
      status: "SUCCEEDED",
      cost: "0.000000",
      costIsEstimated: false,
    });
    expect((await generate(gateway)).error?.extensions.code).toBe("BUDGET_EXCEEDED");
  });

  test("a repetition with the same key", async () => {
    const gateway = await start();
    const input = { n: 10, idempotencyKey: "k" };
    const { generation } = await generate(gateway, input);

    expect((await generate(gateway, input)).generation).toEqual(generation);
    expect(gateway.provider.requests).toHaveLength(1);
  });

  test("any request to an embedded gateway without a budget", async () => {
    const { dailyBudget: _budget, ...embedded } = { now: () => TODAY, dailyBudget: undefined };
    const gateway = await startScriptedGateway(embedded, [DEAR, UNKNOWN]);
    running.push(gateway);
    for (const model of ["dear-1", "unknown-1"]) {
      for (let i = 0; i < 9; i++) {
        expect((await generate(gateway, { model, n: 10 })).generation.status).toBe("SUCCEEDED");
      }
    }
  });
});

describe("a generation that does not succeed", () => {
  test("returns what it held if it was certainly not billed", async () => {
    const gateway = await start();
    gateway.provider.script = async function* () {
      yield* [];
      const { GatewayError } = await import("../../../src/errors.ts");
      throw new GatewayError("CONTENT_REJECTED", "no", { billed: "NO" });
    };
    for (let i = 0; i < 3; i++) {
      expect((await generate(gateway, { n: 10 })).generation).toMatchObject({
        status: "FAILED",
        cost: "0.000000",
        costIsEstimated: false,
      });
    }
  });

  test("is charged what it held if it was canceled while running, and nothing if it was waiting", async () => {
    const gateway = await start({ maxConcurrency: 1 });
    const hold = holdCalls(gateway.provider);
    const [ran, waited] = [
      (await generate(gateway, { n: 5, waitSeconds: 0 })).generation,
      (await generate(gateway, { n: 5, waitSeconds: 0 })).generation,
    ];
    await hold.called;
    expect((await generate(gateway)).error?.extensions.code).toBe("BUDGET_EXCEEDED");
    for (const { id } of [waited, ran]) await gateway.graphql(CANCEL, { id });

    const read = async (id: string) => (await gateway.graphql(READ, { id })).body.data.generation;
    expect(await read(ran.id)).toEqual({ status: "CANCELED", cost: "0.500000", costIsEstimated: true });
    expect(await read(waited.id)).toEqual({ status: "CANCELED", cost: "0.000000", costIsEstimated: false });
    hold.release();
    gateway.provider.script = makeImages;
    expect((await generate(gateway, { n: 6, waitSeconds: 0 })).error?.extensions.code).toBe("BUDGET_EXCEEDED");
    expect((await generate(gateway, { n: 5, waitSeconds: 0 })).error).toBeUndefined();
  });

  test("is charged even if it was deleted", async () => {
    const gateway = await start();
    const { generation } = await generate(gateway, { n: 10 });
    await gateway.graphql("mutation ($id: ID!) { deleteGeneration(id: $id) }", { id: generation.id });

    expect((await generate(gateway)).error?.extensions.code).toBe("BUDGET_EXCEEDED");
  });

  test("is charged even if retention removed it", async () => {
    let now = TODAY;
    const dataDir = await newDirectory();
    const gateway = await start({ dataDir, now: () => now });
    await generate(gateway, { n: 10 });
    await gateway.stop();
    now = new Date(TODAY.getTime() + 60_000);
    const again = await start({ dataDir, now: () => now, retainMs: 1 });
    const list = async () => (await again.graphql("{ generations { edges { node { id } } } }")).body.data.generations;
    await poll(list, ({ edges }) => edges.length === 0);

    expect((await generate(again)).error?.extensions.code).toBe("BUDGET_EXCEEDED");
  });
});

describe("a model without a maximum price", () => {
  test("is refused if the operator set a budget, and the error names the models file", async () => {
    const gateway = await start({ dailyBudget: { usd: "1000", isDefault: false } });
    const { error } = await generate(gateway, { model: "unknown-1" });

    expect(error?.extensions).toEqual({ code: "MODEL_UNAVAILABLE", field: "model" });
    expect(error?.message).toMatch(/unknown-1 has no known bound.*a budget of US dollars.*PICTOGRAPH_MODELS_FILE/);
    expect(gateway.provider.requests).toEqual([]);
  });

  test("still returns generations accepted before the operator set a budget", async () => {
    const dataDir = await newDirectory();
    const input = { model: "unknown-1", idempotencyKey: "k" };
    const before = await start({ dataDir, dailyBudget: undefined });
    const { generation } = await generate(before, input);
    await before.stop();

    const after = await start({ dataDir, dailyBudget: { usd: "1000", isDefault: false } });
    expect((await generate(after, input)).generation.id).toBe(generation.id);
  });

  test("counts as half a dollar per image under the default budget, as an estimate", async () => {
    const gateway = await start({ dailyBudget: { usd: "20", isDefault: true } });
    for (let i = 0; i < 4; i++) {
      expect((await generate(gateway, { model: "unknown-1", n: 10 })).generation).toMatchObject({
        status: "SUCCEEDED",
        cost: "5.000000",
        costIsEstimated: true,
      });
    }

    expect((await generate(gateway, { model: "unknown-1" })).error?.extensions.code).toBe("BUDGET_EXCEEDED");
  });
});

describe("the amount held by a generation", () => {
  test("covers the most expensive model that may replace its own", async () => {
    const modelsFile = join(await newDirectory(), "models.json");
    await writeFile(modelsFile, JSON.stringify({ aliases: { sturdy: ["cheap-1", "dear-1"] } }));
    const gateway = await start({ modelsFile });
    const { generation } = await generate(gateway, { model: "sturdy", n: 2 });

    expect(generation).toMatchObject({ model: { id: "cheap-1" }, cost: "0.200000", costIsEstimated: false });
    expect((await generate(gateway, { model: "sturdy", n: 2 })).error?.extensions.code).toBe("BUDGET_EXCEEDED");
    expect((await generate(gateway, { model: "cheap-1", n: 8 })).generation.status).toBe("SUCCEEDED");
  });

  test("covers the replacement if the model shuts down while the request waits", async () => {
    const leaving = priced("leaving-1", "0.1", {
      shutdownDate: "2026-11-25",
      replacement: "dear-1",
      mayChangePriceClass: true,
    });
    let now = TODAY;
    const gateway = await start({ now: () => now, maxConcurrency: 1 }, [FREE, leaving, DEAR]);
    const hold = holdCalls(gateway.provider);
    await generate(gateway, { waitSeconds: 0 });
    await hold.called;
    expect((await generate(gateway, { model: "leaving-1", n: 3, waitSeconds: 0 })).error?.extensions.code).toBe(
      "BUDGET_EXCEEDED",
    );
    const { generation } = await generate(gateway, { model: "leaving-1", n: 2, waitSeconds: 0 });
    now = new Date("2026-11-25T08:00:00Z");
    hold.release();

    const ended = await gateway.gateway.images.wait(
      (await gateway.gateway.images.generations({ projectId: "proj_public" }, [generation.id]))[0] as never,
      60_000,
    );
    expect(ended).toMatchObject({ status: "SUCCEEDED", model: "dear-1", cost: "1.000000" });
  });
});

test("a generation is charged the price on its day of acceptance, even if it ends after the price changed", async () => {
  const prices = [
    { from: "2026-01-01", source: "a test", perImage: "0.1" },
    { from: "2026-11-25", source: "a test", perImage: "7" },
  ];
  let now = TODAY;
  const gateway = await start({ now: () => now }, [{ ...CHEAP, prices }]);
  const hold = holdCalls(gateway.provider);
  const { generation } = await generate(gateway, { waitSeconds: 0 });
  await hold.called;
  now = new Date("2026-11-25T00:00:01Z");
  hold.release();

  const [found] = await gateway.gateway.images.generations({ projectId: "proj_public" }, [generation.id]);
  const ended = await gateway.gateway.images.wait(found as never, 60_000);
  expect(ended).toMatchObject({ status: "SUCCEEDED", cost: "0.100000" });
  expect((await generate(gateway)).error?.extensions.code).toBe("BUDGET_EXCEEDED");
});

test("an edit by an OpenAI model is bounded by the tokens of its images", async () => {
  const gateway = await startGateway({
    openai: { apiKey: "none", baseUrl: "http://127.0.0.1:9/v1" },
    dailyBudget: { usd: "0.2", isDefault: false },
  });
  const bytes = await plainImage(64, 64, 0, "PNG");
  const asUpload = async function* () {
    yield new Uint8Array(bytes);
  };
  const edit = (quality: string) =>
    gateway.gateway.images.submitEdit(
      { projectId: "proj_public" },
      { prompt: "a cat", size: "1024x1024", quality, images: [{ bytes: asUpload() }] },
    );

  // 1,756 tokens of image at 30 dollars a million, 1,536 of the source at 8, and 75 of text at 5.
  expect((await edit("HIGH")).maxCost).toBe("0.065343");
  await expect(edit("MAX")).rejects.toMatchObject({ code: "BUDGET_EXCEEDED" });
  await gateway.close();
});
