import { afterEach, describe, expect, test } from "@jest/globals";
import { pino } from "pino";
import type { GatewayOptions } from "../../../src/gateway.ts";
import type { ModelDescription } from "../../../src/ports/image-provider.ts";
import { rush } from "../../support/clients/budget-rush.ts";
import { getImageAsJson } from "../../support/clients/get-image-client.ts";
import {
  ADMIN,
  ADMIN_KEY,
  type CreatedKey,
  type KeyedGateway,
  startKeyedGateway,
} from "../../support/gateways/keyed-gateway.ts";
import { ANY_SIZE_EDITOR, holdCalls } from "../../support/gateways/scripted-gateway.ts";
import { makeImages } from "../../support/gateways/scripted-provider.ts";
import { statementsDuring } from "../../support/stores/store-statements.ts";
import { usePostgres } from "../../support/stores/use-postgres.ts";

/** A Tuesday. */
const NOW = new Date("2026-11-24T18:00:00Z");
const priced = (id: string, perImage: string): ModelDescription => ({
  ...ANY_SIZE_EDITOR,
  id,
  prices: [{ from: "2026-01-01", source: "a test", perImage }],
});
const CHEAP = priced("cheap-1", "0.1");
const FREE = priced("free-1", "0");
const { prices: _, ...UNKNOWN } = priced("unknown-1", "0");

const GENERATE = `mutation ($input: GenerateImagesInput!) { generateImages(input: $input) { id status cost } }`;
const BUDGET = "scope window limitUsd limitImages spentUsd heldUsd spentImages heldImages resetsAt";
const VIEWER = `{ viewer { budgets { ${BUDGET} } } }`;

const postgres = usePostgres();
const running: KeyedGateway[] = [];

afterEach(async () => {
  for (const gateway of running.splice(0)) await gateway.close();
});

async function start(options: GatewayOptions = {}): Promise<KeyedGateway> {
  const gateway = await startKeyedGateway({ now: () => NOW, ...options }, [CHEAP, FREE, UNKNOWN]);
  running.push(gateway);
  return gateway;
}

/** A project and a key of it, with these budgets. */
async function startWith(ofProject: object[], ofKey: object[], options: GatewayOptions = {}) {
  const gateway = await start(options);
  const projectId = await gateway.createProject({ limits: { budgets: ofProject } });
  const key = await gateway.createKey(projectId, { limits: { budgets: ofKey } });
  return { gateway, projectId, key };
}

async function generate(gateway: KeyedGateway, { headers }: Pick<CreatedKey, "headers">, input: object = {}) {
  const { body } = await gateway.graphql(GENERATE, { input: { prompt: "a fox", size: "64x64", ...input } }, headers);
  return { generation: body.data?.generateImages, error: body.errors?.[0] };
}

describe("a request that a budget does not cover", () => {
  test("is told which budget, and when to send it again", async () => {
    const { gateway, key } = await startWith(
      [{ window: "WEEK", limitUsd: "0.25" }],
      [{ window: "DAY", limitImages: 3 }],
    );
    await generate(gateway, key, { n: 2 });
    const { error } = await generate(gateway, key, { n: 2 });

    expect(error?.message).toBe(
      "the project's budget of the week, 0.25 US dollars, does not cover this request, which may cost 0.200000 for 2 images; send it again after 2026-11-30T00:00:00.000Z",
    );
    expect(error?.extensions).toEqual({
      code: "BUDGET_EXCEEDED",
      retryAfterSeconds: 5 * 86_400 + 6 * 3_600,
      budget: {
        scope: "PROJECT",
        window: "WEEK",
        limitUsd: "0.25",
        limitImages: null,
        spentUsd: "0.200000",
        heldUsd: "0.000000",
        spentImages: 2,
        heldImages: 0,
        resetsAt: "2026-11-30T00:00:00.000Z",
      },
    });
    expect((await generate(gateway, key, { model: "free-1", n: 2 })).error?.extensions).toMatchObject({
      budget: { scope: "API_KEY", window: "DAY", limitImages: 3, spentImages: 2 },
    });
    expect((await generate(gateway, key, { model: "free-1" })).generation.status).toBe("SUCCEEDED");
  });

  test("gets 402 and Retry-After from /v1, but no Retry-After when the budget never resets", async () => {
    const { gateway, key, projectId } = await startWith([], [{ window: "MONTH", limitImages: 0 }]);
    const send = () =>
      fetch(`${gateway.url}/v1/images/generations`, {
        method: "POST",
        headers: { "Content-Type": "application/json", ...key.headers },
        body: JSON.stringify({ prompt: "a fox" }),
      });
    const monthly = await send();
    expect([monthly.status, monthly.headers.get("retry-after")]).toEqual([402, String(6 * 86_400 + 6 * 3_600)]);
    expect(await monthly.json()).toMatchObject({ error: { code: "billing_hard_limit_reached" } });

    await gateway.admin("mutation ($input: UpdateProjectInput!) { updateProject(input: $input) { id } }", {
      input: { id: projectId, limits: { budgets: [{ window: "TOTAL", limitUsd: "0" }] } },
    });
    const total = await send();
    expect([total.status, total.headers.get("retry-after")]).toEqual([402, null]);
    const { error } = (await total.json()) as { error: { message: string } };
    expect(error.message).toMatch(
      /^the project's budget in total, 0 US dollars, .*; ask the operator to raise the budget$/,
    );
  });

  test("gets Retry-After over GraphQL if the response has no data", async () => {
    const { gateway, key } = await startWith([], [{ window: "DAY", limitImages: 0 }]);
    const send = async (query: string) => {
      const response = await fetch(`${gateway.url}/graphql`, {
        method: "POST",
        headers: { "Content-Type": "application/json", ...key.headers },
        body: JSON.stringify({ query }),
      });
      const { data } = (await response.json()) as { data: unknown };
      return { data, status: response.status, retryAfter: response.headers.get("retry-after") };
    };
    const refused = 'generateImages(input: { prompt: "a fox" }) { id }';

    expect(await send(`mutation { ${refused} }`)).toEqual({ data: null, status: 200, retryAfter: String(6 * 3_600) });
    expect(await send("{ __typename }")).toEqual({ data: { __typename: "Query" }, status: 200, retryAfter: null });
  });

  test("gets 402 in the 2022 response shape from /get-image, even without credentials", async () => {
    const gateway = await start();
    await gateway.admin("mutation ($input: UpdateProjectInput!) { updateProject(input: $input) { id } }", {
      input: { id: "proj_public", allowsAnonymous: true, limits: { budgets: [{ window: "DAY", limitImages: 1 }] } },
    });
    const ask = () => getImageAsJson(gateway.url, { prompt: "a fox", n: "1", size: "64x64" });

    expect((await ask()).status).toBe(200);
    const refused = await ask();
    expect(refused).toMatchObject({ status: 402, urlList: [] });
    expect(refused.headers["retry-after"]).toBe(String(6 * 3_600));
    expect(refused.errorMessage).toMatch(/^the project's budget of the day, 1 image, does not cover/);
  });

  test("is refused as MODEL_UNAVAILABLE if the budget is in dollars and the model has no known maximum price", async () => {
    const { gateway, key } = await startWith([], [{ window: "DAY", limitUsd: "1000" }]);
    const { error } = await generate(gateway, key, { model: "unknown-1" });

    expect(error?.extensions).toEqual({ code: "MODEL_UNAVAILABLE", field: "model" });
    expect(error?.message).toMatch(/unknown-1 has no known bound.*PICTOGRAPH_MODELS_FILE/);
    const other = await gateway.createKey(
      await gateway.createProject({ limits: { budgets: [{ window: "DAY", limitImages: 1 }] } }),
    );
    expect((await generate(gateway, other, { model: "unknown-1" })).generation.status).toBe("SUCCEEDED");
  });
});

test("a key sees what is spent and held in its own budgets, and an admin in those of the project it names", async () => {
  const { gateway, key, projectId } = await startWith(
    [{ window: "MONTH", limitUsd: "100" }],
    [{ window: "TOTAL", limitUsd: "5", limitImages: 50 }],
  );
  const hold = holdCalls(gateway.provider);
  await generate(gateway, key, { n: 3, waitSeconds: 0 });
  await hold.called;
  const ofProject = { scope: "PROJECT", window: "MONTH", limitUsd: "100", limitImages: null };
  const ofKey = { scope: "API_KEY", window: "TOTAL", limitUsd: "5", limitImages: 50, resetsAt: null };
  const running = { spentUsd: "0.000000", heldUsd: "0.300000", spentImages: 0, heldImages: 3 };

  const read = async () => (await gateway.graphql(VIEWER, {}, key.headers)).body.data.viewer.budgets;
  expect(await read()).toEqual([
    { ...ofProject, ...running, resetsAt: "2026-12-01T00:00:00.000Z" },
    { ...ofKey, ...running },
  ]);
  const query = `{ project(id: "${projectId}") { budgets { window heldUsd } apiKeys { nodes { budgets { window heldUsd } } } } }`;
  expect(await gateway.admin(query)).toEqual({
    project: {
      budgets: [{ window: "MONTH", heldUsd: "0.300000" }],
      apiKeys: { nodes: [{ budgets: [{ window: "TOTAL", heldUsd: "0.300000" }] }] },
    },
  });
  expect((await gateway.admin(VIEWER, {}, { "Pictograph-Project": projectId })).viewer.budgets).toMatchObject([
    ofProject,
  ]);
  hold.release();
});

test("the daily budget of an open gateway applies to the public project", async () => {
  const gateway = await start({ adminKeys: [], dailyBudget: { usd: "20", isDefault: true } });
  expect((await gateway.graphql(VIEWER)).body.data.viewer.budgets).toEqual([
    {
      scope: "PROJECT",
      window: "DAY",
      limitUsd: "20",
      limitImages: null,
      spentUsd: "0.000000",
      heldUsd: "0.000000",
      spentImages: 0,
      heldImages: 0,
      resetsAt: "2026-11-25T00:00:00.000Z",
    },
  ]);
});

test("a repeated request with the same idempotency key holds no budget", async () => {
  const { gateway, key } = await startWith([{ window: "DAY", limitImages: 2 }], []);
  const input = { n: 2, idempotencyKey: "k" };
  const { generation } = await generate(gateway, key, input);
  expect((await generate(gateway, key, input)).generation).toEqual(generation);
  expect((await generate(gateway, key, { ...input, idempotencyKey: "k2" })).error?.extensions.code).toBe(
    "BUDGET_EXCEEDED",
  );
});

test("each generation runs five budget statements, however many budgets there are", async () => {
  const windows = ["DAY", "WEEK", "MONTH", "TOTAL"];
  const all = windows.map((window) => ({ window, limitUsd: "100", limitImages: 100 }));
  for (const budgets of [[], all]) {
    const swept = Promise.withResolvers<void>();
    const logger = pino({ level: "debug" }, { write: (line) => line.includes('"swept"') && swept.resolve() });
    const { gateway, key } = await startWith(budgets, budgets, { logger });
    // The first sweep removes old windows.
    await swept.promise;
    const statements = await statementsDuring(["ledger", "spending_windows", "usage_days"], () =>
      generate(gateway, key),
    );
    expect(statements.map((sql) => /^\w+ (?:into )?"\w+"/.exec(sql)?.[0])).toEqual([
      'insert into "spending_windows"',
      'insert into "ledger"',
      'update "ledger"',
      'insert into "spending_windows"',
      'insert into "usage_days"',
    ]);
  }
});

test("a new window begins with nothing spent, even if an earlier generation ends in it", async () => {
  let now = new Date("2026-11-29T23:59:59.999Z");
  const { gateway, key } = await startWith([{ window: "WEEK", limitImages: 1 }], [], { now: () => now });
  const hold = holdCalls(gateway.provider);
  await generate(gateway, key, { waitSeconds: 0 });
  await hold.called;
  expect((await generate(gateway, key)).error?.extensions).toMatchObject({ retryAfterSeconds: 1 });
  now = new Date("2026-11-30T00:00:00.000Z");
  hold.release();
  gateway.provider.script = makeImages;

  expect((await generate(gateway, key)).generation.status).toBe("SUCCEEDED");
  expect((await generate(gateway, key)).error?.extensions).toMatchObject({ retryAfterSeconds: 7 * 86_400 });
});

describe("a budget of ten images accepts 10 of 500 simultaneous requests and refuses 490", () => {
  const TEN = { accepted: 10, refused: 490, others: {}, spentImages: 10, heldImages: 0 };

  test("on SQLite", async () => {
    const gateway = await start();
    expect(await rush([gateway.url], ADMIN_KEY)).toEqual(TEN);
    expect(gateway.provider.requests).toHaveLength(10);
  });

  test("on two gateways that share a PostgreSQL", async () => {
    const databaseUrl = await postgres.newDatabase();
    const [here, there] = [await start({ databaseUrl }), await start({ databaseUrl })];
    expect(await rush([here.url, there.url], ADMIN_KEY)).toEqual(TEN);
    expect([...here.provider.requests, ...there.provider.requests]).toHaveLength(10);
  });
});

describe("invalid budgets", () => {
  const long = "9".repeat(400);
  test.each([
    [{ window: "DAY" }, "budgets", /needs limitUsd, limitImages or both/],
    [{ window: "DAY", limitUsd: "-1" }, "limitUsd", /from "0" to "9000000"/],
    [{ window: "DAY", limitUsd: "1e3" }, "limitUsd", /US dollars/],
    [{ window: "DAY", limitUsd: "" }, "limitUsd", /US dollars/],
    [{ window: "DAY", limitUsd: "1.0000000000001" }, "limitUsd", /at most twelve decimals/],
    [{ window: "DAY", limitUsd: "9000000.000000000001" }, "limitUsd", /"9000000"/],
    [{ window: "DAY", limitUsd: long }, "limitUsd", /US dollars/],
    [{ window: "DAY", limitUsd: "NaN" }, "limitUsd", /US dollars/],
    [{ window: "DAY", limitUsd: 5 }, undefined, /USD must be a string/],
    [{ window: "DAY", limitImages: -1 }, "limitImages", /whole number from 0/],
    [{ window: "DAY", limitImages: 1.5 }, "budgets", /Int/],
    [{ window: "DAY", limitImages: 1e10 }, "budgets", /32-bit/],
    [{ window: "YEAR", limitImages: 1 }, "budgets", /BudgetWindow/],
    [{ limitImages: 1 }, "window", /window/],
  ])("are refused and change nothing: %j", async (budget, field, message) => {
    const { gateway, projectId } = await startWith([{ window: "TOTAL", limitImages: 7 }], []);
    const { body } = await gateway.graphql(
      "mutation ($input: UpdateProjectInput!) { updateProject(input: $input) { id } }",
      { input: { id: projectId, limits: { budgets: [budget] } } },
      ADMIN,
    );

    const [error] = body.errors ?? [];
    expect(error?.extensions.code).toBe("BAD_USER_INPUT");
    if (field !== undefined) expect(error?.extensions.field).toBe(field);
    expect(error?.message).toMatch(message);
    expect(
      await gateway.admin(`{ project(id: "${projectId}") { limits { budgets { window limitImages } } } }`),
    ).toEqual({
      project: { limits: { budgets: [{ window: "TOTAL", limitImages: 7 }] } },
    });
  });

  test("are refused if a window comes twice; zero and twelve decimals are accepted", async () => {
    const gateway = await start();
    const create = (budgets: object[]) => gateway.createProject({ limits: { budgets } });
    const twice = create([
      { window: "DAY", limitUsd: "1" },
      { window: "DAY", limitImages: 1 },
    ]);
    await expect(twice).rejects.toThrow(/each window only once/);
    await create([
      { window: "DAY", limitUsd: "0", limitImages: 0 },
      { window: "WEEK", limitUsd: "0.000000000001" },
    ]);
  });
});
