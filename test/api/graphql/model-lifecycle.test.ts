import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { pino } from "pino";
import { CATALOGUE } from "../../../src/adapters/openai/catalogue.ts";
import { PUBLIC_CALLER } from "../../../src/api/http/request-context.ts";
import { createGateway } from "../../../src/gateway.ts";
import { type RunningGateway, startGateway } from "../../support/gateways/gateway.ts";
import { poll } from "../../support/gateways/scripted-gateway.ts";
import { SCRIPTED_MODEL, ScriptedProvider } from "../../support/gateways/scripted-provider.ts";
import { temporaryDirectories } from "../../support/temporary-directory.ts";
import { type StrictImageApi, startStrictImageApi } from "../../support/vendors/strict-image-api.ts";

const GENERATION = "id status model { id } warnings { code message } failure { code message billed } cost";
const GENERATE = `mutation ($input: GenerateImagesInput!) { generateImages(input: $input) { ${GENERATION} } }`;
const LAST_DAY = new Date("2026-11-30T23:59:59Z");
const THE_DAY = new Date("2026-12-01T00:00:00Z");
const SUNSET = THE_DAY.toUTCString();
/** After every shutdown date in the catalogue. */
const AFTER_ALL = new Date(
  `${CATALOGUE.flatMap(({ shutdownDate }) => shutdownDate ?? [])
    .sort()
    .at(-1)}T12:00:00Z`,
);
const ENDING = CATALOGUE.filter(({ shutdownDate }) => shutdownDate !== undefined).map(({ id }) => id);

const newDirectory = temporaryDirectories();
let api: StrictImageApi;
let gateway: RunningGateway;
let now: Date;
let logged: Record<string, unknown>[];

beforeEach(async () => {
  api = await startStrictImageApi();
  now = new Date("2026-11-24T10:00:00Z");
  logged = [];
});

afterEach(async () => {
  await gateway.close();
  await api.close();
});

async function start({ file, ...options }: { file?: object; defaultModel?: string; maxConcurrency?: number } = {}) {
  const modelsFile = file && join(await newDirectory(), "models.json");
  if (modelsFile) await writeFile(modelsFile, JSON.stringify(file));
  const openai = { apiKey: api.apiKey, baseUrl: api.baseUrl };
  const logger = pino({}, { write: (line: string) => void logged.push(JSON.parse(line)) });
  gateway = await startGateway({ logger, openai, now: () => now, modelsFile, ...options });
}

async function generate(model: string, more: object = {}) {
  const { body } = await gateway.graphql(GENERATE, { input: { prompt: "a fox", model, ...more } });
  return body.data?.generateImages ?? body.errors?.[0];
}

async function find(id: string) {
  const { body } = await gateway.graphql(`query ($id: ID!) { generation(id: $id) { ${GENERATION} } }`, { id });
  return body.data.generation;
}

const ended = (id: string) =>
  poll(
    () => find(id),
    ({ status }) => !["QUEUED", "RUNNING"].includes(status),
  );
const codesOf = ({ warnings }: { warnings: readonly { code: string }[] }) => warnings.map(({ code }) => code);

function getImage(headers: Record<string, string> = {}): Promise<Response> {
  const body = new URLSearchParams({ prompt: "a fox", n: "1", size: "64x64" });
  return fetch(`${gateway.url}/get-image`, { method: "POST", body, headers });
}

function askOpenAI(path: string, body: object): Promise<Response> {
  const headers = { "Content-Type": "application/json" };
  return fetch(`${gateway.url}/v1/${path}`, { method: "POST", headers, body: JSON.stringify(body) });
}

async function sunsetOf(query: string, variables: object): Promise<string | null> {
  const headers = { "Content-Type": "application/json" };
  const body = JSON.stringify({ query, variables });
  return (await fetch(`${gateway.url}/graphql`, { method: "POST", headers, body })).headers.get("Sunset");
}

test("a model that ends in a week has a warning in the graph, on its generations, and in Sunset", async () => {
  await start({ defaultModel: "gpt-image-1.5" });
  const { body } = await gateway.graphql("{ models { id replacement warnings { code message } } }");
  const warned = body.data.models.filter(({ warnings }: { warnings: unknown[] }) => warnings.length > 0);
  expect(warned.map(({ id, warnings: [warning] }: typeof warned) => [id, warning])).toEqual([
    [
      "gpt-image-1.5",
      { code: "MODEL_RETIRING", message: expect.stringMatching(/gpt-image-2\.6-sunburst takes its place$/) },
    ],
    [
      "gpt-image-1-mini",
      { code: "MODEL_RETIRING", message: expect.stringMatching(/flare takes its place, .* price class$/) },
    ],
    [
      "gpt-image-1.5-2025-12-16",
      { code: "MODEL_RETIRING", message: expect.stringMatching(/gpt-image-2\.6-sunburst takes its place$/) },
    ],
  ]);
  expect(await generate("gpt-image-1.5")).toMatchObject({
    status: "SUCCEEDED",
    warnings: [{ code: "MODEL_RETIRING" }],
  });

  const answer = await getImage();
  expect(answer.headers.get("Sunset")).toBe(SUNSET);
  expect(answer.headers.get("Warning")).toContain("gpt-image-1.5 shuts down on 2026-12-01");
  expect(Object.keys((await answer.json()) as object)).toEqual(["urlResponse", "errorMessage"]);
  const openai = await askOpenAI("images/generations", { prompt: "a fox", model: "gpt-image-1.5" });
  await openai.arrayBuffer();
  expect(openai.headers.get("Sunset")).toBe(SUNSET);
  expect((await fetch(`${gateway.url}/v1/models/gpt-image-1.5`)).headers.get("Sunset")).toBe(SUNSET);
  expect((await fetch(`${gateway.url}/v1/models/gpt-image-2`)).headers.has("Sunset")).toBe(false);
});

test("a GraphQL response has a Sunset header if one of its models ends soon, with the earliest date", async () => {
  api.models.shutdownDates = { "gpt-image-1.5": "2026-12-01", "gpt-image-2": "2026-12-09" };
  await start();
  await poll(
    async () => (await gateway.graphql("{ models { id shutdownDate } }")).body.data.models,
    (models: { shutdownDate: string }[]) => models.some(({ shutdownDate }) => shutdownDate === "2026-12-09"),
  );
  const soon = { prompt: "a fox", model: "gpt-image-1.5", size: "64x64" };
  const later = { ...soon, model: "gpt-image-2" };
  const { id } = await generate("gpt-image-1.5", { size: "64x64" });

  expect(await sunsetOf(GENERATE, { input: soon })).toBe(SUNSET);
  expect(await sunsetOf(GENERATE, { input: { ...soon, model: "gpt-image-2.6-flare" } })).toBeNull();
  expect(await sunsetOf("query ($id: ID!) { generation(id: $id) { status } }", { id })).toBe(SUNSET);
  expect(await sunsetOf("query ($input: GenerateImagesInput!) { quote(input: $input) { n } }", { input: soon })).toBe(
    SUNSET,
  );
  const both = `mutation ($later: GenerateImagesInput!, $soon: GenerateImagesInput!) {
    a: generateImages(input: $later) { id } b: generateImages(input: $soon) { id } c: generateImages(input: $later) { id }
  }`;
  expect(await sunsetOf(both, { soon, later })).toBe(SUNSET);
});

test("on a model's last day its requests move to the replacement with a warning, but never silently to another price class", async () => {
  await start({ defaultModel: "gpt-image-1.5" });
  now = THE_DAY;
  expect(await generate("gpt-image-1.5")).toMatchObject({
    status: "SUCCEEDED",
    model: { id: "gpt-image-2.6-sunburst" },
    warnings: [{ code: "MODEL_REPLACED" }],
  });
  const answer = await getImage();
  expect(answer.headers.has("Sunset")).toBe(false);
  expect(answer.headers.get("Warning")).toContain("gpt-image-1.5 is retired");
  expect(await answer.json()).toMatchObject({ errorMessage: "OK" });

  const moved = await generate("gpt-image-1-mini");
  expect(moved).toMatchObject({ status: "SUCCEEDED", model: { id: "gpt-image-2.6-flare" } });
  expect(moved.warnings).toEqual([
    { code: "MODEL_REPLACED", message: "the model gpt-image-1-mini is retired; gpt-image-2.6-flare was used instead" },
    {
      code: "PRICE_CLASS_CHANGED",
      message: "gpt-image-2.6-flare is of another price class than gpt-image-1-mini: standard instead of mini",
    },
  ]);
  const openai = await askOpenAI("images/generations", { prompt: "a fox", model: "gpt-image-1-mini" });
  await openai.arrayBuffer();
  expect(openai.headers.get("Warning")).toMatch(/retired.*another price class/);
  const told = logged.filter(({ msg }) => String(msg).includes("is of another price class than gpt-image-1-mini"));
  expect(told).toMatchObject([
    { level: 40, generationId: moved.id, model: "gpt-image-2.6-flare" },
    { level: 40, model: "gpt-image-2.6-flare" },
  ]);
});

test("a model that the operator keeps in its price class is refused when its only replacement is in another", async () => {
  await start({ file: { models: { "gpt-image-1-mini": { mayChangePriceClass: false } } } });
  now = THE_DAY;
  const refused = await generate("gpt-image-1-mini");
  expect(refused.extensions).toMatchObject({ code: "MODEL_UNAVAILABLE", field: "model" });
  expect(refused.message).toMatch(
    /its replacement gpt-image-2\.6-flare is of another price class and must be asked for by name; use one of: gpt-image/,
  );
  expect(api.callCount).toBe(0);
});

test.each(["no model", ...ENDING])(
  "clients that request %s get their images after every shutdown date",
  async (name) => {
    const model = name === "no model" ? undefined : name;
    await start(model === undefined ? {} : { defaultModel: model });
    now = AFTER_ALL;
    expect(await (await getImage()).json()).toMatchObject({
      urlResponse: { urlList: [expect.stringMatching(/^http/)] },
      errorMessage: "OK",
    });
    const answer = await askOpenAI("images/generations", { prompt: "a fox", model, size: "256x256", n: 1 });
    expect(await answer.json()).toMatchObject({ data: [{}], size: "256x256" });
    expect(answer.headers.has("Warning")).toBe(model !== undefined);
  },
);

test("a model whose shutdown is announced later is left on that day, even the default model", async () => {
  api.models.shutdownDates = { "gpt-image-2.6-flare": "2027-03-01", "gpt-image-2": "2027-03-01" };
  await start();
  await poll(
    async () => (await gateway.graphql("{ models { id shutdownDate replacement } }")).body.data.models,
    ([flare]) => flare.shutdownDate === "2027-03-01" && flare.replacement === "gpt-image-2.6-sunburst",
  );
  now = new Date("2027-03-01T00:00:00Z");
  expect(await (await getImage()).json()).toMatchObject({ errorMessage: "OK" });
  for (const model of ["gpt-image-2.6-flare", "gpt-image-2", "dall-e-2"]) {
    expect(await generate(model)).toMatchObject({ status: "SUCCEEDED", model: { id: "gpt-image-2.6-sunburst" } });
  }
});

test("a generation that waits past its model's last day runs on the replacement, with a warning", async () => {
  now = LAST_DAY;
  await start({ maxConcurrency: 1 });
  const hold = api.holdNext();
  const inHand = generate("gpt-image-1.5", { waitSeconds: 600 });
  await hold.arrived;
  const queued = await generate("gpt-image-1-mini", { waitSeconds: 0, size: "1920x1080" });
  expect(queued).toMatchObject({ status: "QUEUED", model: { id: "gpt-image-1-mini" }, warnings: [{}, {}] });
  now = THE_DAY;
  hold.release();

  expect(await inHand).toMatchObject({ status: "SUCCEEDED", model: { id: "gpt-image-1.5" } });
  const moved = await ended(queued.id);
  expect(moved).toMatchObject({ status: "SUCCEEDED", model: { id: "gpt-image-2.6-flare" }, failure: null });
  expect(codesOf(moved)).toEqual(["MODEL_RETIRING", "ENLARGED", "MODEL_REPLACED", "PRICE_CLASS_CHANGED"]);
  expect(logged).toContainEqual(
    expect.objectContaining({
      level: 40,
      generationId: queued.id,
      from: "gpt-image-1-mini",
      to: "gpt-image-2.6-flare",
      codes: ["MODEL_REPLACED", "PRICE_CLASS_CHANGED"],
    }),
  );
  expect(api.requests.map(({ body }) => [body?.model, body?.size])).toEqual([
    ["gpt-image-1.5", "1024x1024"],
    ["gpt-image-2.6-flare", "1920x1088"],
  ]);
});

test("a generation that waits past its model's last day fails without a provider call if no model can replace it", async () => {
  now = LAST_DAY;
  const small = { replacement: "small", provider: "openai" };
  const models = {
    "gpt-image-1-mini": { mayChangePriceClass: false },
    "gpt-image-1.5": small,
    small: { provider: "openai", maxImages: 1 },
  };
  await start({ maxConcurrency: 1, file: { models } });
  const hold = api.holdNext();
  const inHand = generate("gpt-image-2");
  await hold.arrived;
  const refused = await generate("gpt-image-1-mini", { waitSeconds: 0 });
  const tooMany = await generate("gpt-image-1.5", { waitSeconds: 0, n: 2 });
  now = THE_DAY;
  hold.release();
  await inHand;

  const failure = { code: "MODEL_UNAVAILABLE", billed: "NO" };
  expect(await ended(refused.id)).toMatchObject({ status: "FAILED", failure, cost: "0.000000" });
  expect(await ended(tooMany.id)).toMatchObject({
    status: "FAILED",
    failure: {
      ...failure,
      message: "the model gpt-image-1.5 shut down while the generation waited, and small does not support the request",
    },
    cost: "0.000000",
  });
  expect(api.callCount).toBe(1);
});

test("an idempotency key returns the same generation before and after a model's last day", async () => {
  now = LAST_DAY;
  const models = { "gpt-image-1.5": { mayChangePriceClass: false, replacement: "gpt-image-1-mini" } };
  await start({ file: { models } });
  // The replacement has this quality; the model itself does not.
  const fitted = { idempotencyKey: "mini", quality: "MAX" };
  const first = await generate("gpt-image-1-mini", fitted);
  const second = await generate("gpt-image-1.5", { idempotencyKey: "1.5" });
  expect([codesOf(first), codesOf(second)]).toEqual([["MODEL_RETIRING", "QUALITY_REPLACED"], ["MODEL_RETIRING"]]);
  now = THE_DAY;

  expect(await generate("gpt-image-1-mini", fitted)).toEqual(first);
  expect(await generate("gpt-image-1.5", { idempotencyKey: "1.5" })).toEqual(second);
  const other = await generate("gpt-image-1.5", { idempotencyKey: "1.5", n: 2 });
  expect(other.extensions.code).toBe("MODEL_UNAVAILABLE");
  expect((await generate("gpt-image-1-mini", { ...fitted, quality: "HIGH" })).extensions.code).toBe(
    "IDEMPOTENCY_CONFLICT",
  );
  expect(api.callCount).toBe(2);
});

test("history names a model that the operator has removed since", async () => {
  const dataDir = await newDirectory();
  const earlier = await createGateway({
    dataDir,
    providers: [new ScriptedProvider([{ ...SCRIPTED_MODEL, id: "mine" }])],
  });
  const { id } = await earlier.images.submit(PUBLIC_CALLER, { prompt: "a fox", model: "mine" });
  await earlier.close();
  gateway = await startGateway({ dataDir });
  const query = "{ generations { edges { node { id model { id provider operations warnings { code } } } } } }";
  const { body } = await gateway.graphql(query);
  expect(body.data.generations.edges).toEqual([
    { node: { id, model: { id: "mine", provider: "unknown", operations: [], warnings: [] } } },
  ]);
});
