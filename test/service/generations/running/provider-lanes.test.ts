import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, expect, test } from "@jest/globals";
import { GatewayError } from "../../../../src/errors.ts";
import { ProviderLanes, Seat } from "../../../../src/service/generations/running/provider-lanes.ts";
import { type RunningGateway, startGateway } from "../../../support/gateways/gateway.ts";
import { ANY_SIZE_MODEL, aborted, holdCalls, poll } from "../../../support/gateways/scripted-gateway.ts";
import { makeImages, ScriptedProvider } from "../../../support/gateways/scripted-provider.ts";
import { temporaryDirectories } from "../../../support/temporary-directory.ts";

const GENERATE = "mutation ($input: GenerateImagesInput!) { generateImages(input: $input) { id status } }";
const CANCEL = "mutation ($id: ID!) { cancelGeneration(id: $id) { status } }";
const READ = "query ($id: ID!) { generation(id: $id) { status } }";

class LimitedProvider extends ScriptedProvider {
  readonly concurrency = 1;
}

const newDirectory = temporaryDirectories();
const running: RunningGateway[] = [];
let limited: LimitedProvider;
let unlimited: ScriptedProvider;

afterEach(async () => {
  for (const gateway of running.splice(0)) await gateway.close();
});

async function start(dataDir?: string, aliases: object = {}): Promise<RunningGateway> {
  const modelsFile = join(await newDirectory(), "models.json");
  await writeFile(modelsFile, JSON.stringify({ aliases }));
  limited = new LimitedProvider([{ ...ANY_SIZE_MODEL, id: "limited-1" }]);
  unlimited = new ScriptedProvider([{ ...ANY_SIZE_MODEL, id: "unlimited-1" }]);
  const other = new ScriptedProvider([{ ...ANY_SIZE_MODEL, id: "other-1" }]);
  const gateway = await startGateway({
    providers: [limited, unlimited, other],
    defaultModel: "unlimited-1",
    maxConcurrency: 2,
    dailyBudget: undefined,
    modelsFile,
    ...(dataDir !== undefined && { dataDir }),
  });
  running.push(gateway);
  return gateway;
}

async function accept({ graphql }: RunningGateway, prompt: string, model = "limited-1"): Promise<string> {
  const input = { prompt, model, size: "64x64", waitSeconds: 0 };
  return (await graphql(GENERATE, { input })).body.data.generateImages.id;
}

async function statusOf({ graphql }: RunningGateway, id: string): Promise<string> {
  return (await graphql(READ, { id })).body.data.generation.status;
}

/** Waits until all generations were given to a model. */
async function untilGivenTo({ graphql }: RunningGateway, model: string, count: number): Promise<void> {
  await poll(
    async () => (await graphql("{ generations { nodes { model { id } } } }")).body.data.generations.nodes,
    (nodes) => nodes.filter((node: { model: { id: string } }) => node.model.id === model).length === count,
  );
}

/** Makes a provider refuse all calls from now on, without a charge. */
function refuseCalls(provider: ScriptedProvider): void {
  provider.script = async function* broken() {
    throw new GatewayError("UPSTREAM_FAILED", "gone", { billed: "NO", isRetryable: true });
    // biome-ignore lint/correctness/noUnreachable: makes this a generator of events
    yield* [];
  };
}

const isEnded = (status: string) => status === "SUCCEEDED";

test("generations that wait for a slow provider take no place from others, and run in order", async () => {
  const gateway = await start();
  const hold = holdCalls(limited);
  const prompts = ["first", "second", "third", "fourth"];
  const ids: string[] = [];
  for (const prompt of prompts) ids.push(await accept(gateway, prompt));
  await hold.called;
  const { body } = await gateway.graphql(GENERATE, { input: { prompt: "a fox", size: "64x64" } });
  expect(body.data.generateImages.status).toBe("SUCCEEDED");
  expect(limited.requests).toHaveLength(1);

  const [, second = ""] = ids;
  await gateway.graphql(CANCEL, { id: second });
  hold.release();
  for (const id of ids.filter((id) => id !== second)) await poll(() => statusOf(gateway, id), isEnded);
  expect(limited.requests.map(({ prompt }) => prompt)).toEqual(["first", "third", "fourth"]);
  expect(await statusOf(gateway, second)).toBe("CANCELED");
});

test("generations that still wait when the gateway stops run after the next start", async () => {
  const dataDir = await newDirectory();
  const gateway = await start(dataDir);
  const called = Promise.withResolvers<void>();
  limited.script = async function* stuck(request, signal) {
    called.resolve();
    await aborted(signal);
    yield* makeImages(request);
  };
  await accept(gateway, "first");
  const waiting = await accept(gateway, "second");
  await called.promise;
  await gateway.stop();
  running.pop();
  expect(limited.requests).toHaveLength(1);

  const next = await start(dataDir);
  await poll(() => statusOf(next, waiting), isEnded);
  expect(limited.requests.map(({ prompt }) => prompt)).toEqual(["second"]);
});

test("a generation that falls back to a limited provider waits for a place there", async () => {
  const gateway = await start(undefined, { either: ["unlimited-1", "limited-1"] });
  const refused = Promise.withResolvers<void>();
  unlimited.script = async function* broken() {
    refused.resolve();
    throw new GatewayError("UPSTREAM_FAILED", "gone", { billed: "NO", isRetryable: true });
    // biome-ignore lint/correctness/noUnreachable: makes this a generator of events
    yield* [];
  };
  const hold = holdCalls(limited);
  const first = await accept(gateway, "first");
  await hold.called;
  const falling = gateway.graphql(GENERATE, { input: { prompt: "falling", model: "either", size: "64x64" } });
  await refused.promise;
  const id = await poll(
    async () => (await gateway.graphql("{ generations(first: 1) { nodes { id model { id } } } }")).body.data,
    ({ generations }) => generations.nodes[0].model.id === "limited-1",
  );
  expect(id.generations.nodes).toHaveLength(1);
  expect(limited.requests.map(({ prompt }) => prompt)).toEqual(["first"]);
  hold.release();
  expect((await falling).body.data.generateImages.status).toBe("SUCCEEDED");
  expect(limited.requests.map(({ prompt }) => prompt)).toEqual(["first", "falling"]);
  await poll(() => statusOf(gateway, first), isEnded);
});

test("generations that fall back to a slow provider take no place from others while they wait for it", async () => {
  const gateway = await start(undefined, { either: ["unlimited-1", "limited-1"] });
  refuseCalls(unlimited);
  const hold = holdCalls(limited);
  const ids: string[] = [];
  for (const prompt of ["first", "second", "third"]) ids.push(await accept(gateway, prompt, "either"));
  await untilGivenTo(gateway, "limited-1", ids.length);
  const free = await accept(gateway, "a fox", "other-1");
  await poll(() => statusOf(gateway, free), isEnded);
  hold.release();
  for (const id of ids) await poll(() => statusOf(gateway, id), isEnded);
});

test("generations that fall back from a limited provider respect the places of others", async () => {
  const gateway = await start(undefined, { either: ["limited-1", "unlimited-1"] });
  refuseCalls(limited);
  const released = Promise.withResolvers<void>();
  let calls = 0;
  let mostCalls = 0;
  unlimited.script = async function* counted(request) {
    mostCalls = Math.max(mostCalls, ++calls);
    await released.promise;
    yield* makeImages(request);
    calls--;
  };
  const ids: string[] = [];
  for (const prompt of ["first", "second", "third", "fourth"]) ids.push(await accept(gateway, prompt, "either"));
  await untilGivenTo(gateway, "unlimited-1", ids.length);
  released.resolve();
  for (const id of ids) await poll(() => statusOf(gateway, id), isEnded);
  expect(mostCalls).toBe(2);
});

test("two generations that fall back to each other's provider do not deadlock", async () => {
  const [a, b] = [new LimitedProvider(), new LimitedProvider()];
  const lanes = new ProviderLanes(1);
  const [first, second] = [new Seat(lanes), new Seat(lanes)];
  const { signal } = new AbortController();
  await first.moveTo(a, signal);
  await second.moveTo(b, signal);
  await Promise.all([first.moveTo(b, signal), second.moveTo(a, signal)]);
  first.leave();
  second.leave();
  expect(await lanes.take(a, signal)).toBe(true);
  expect(await lanes.take(b, signal)).toBe(true);
});

test("a generation that stops waiting takes no place", async () => {
  const provider = new LimitedProvider();
  const lanes = new ProviderLanes(1);
  const leaving = new AbortController();
  expect(await lanes.take(provider, leaving.signal)).toBe(true);
  const waits = lanes.take(provider, leaving.signal);
  leaving.abort();
  expect(await waits).toBe(false);
  lanes.giveBack(provider);
  expect(await lanes.take(provider, new AbortController().signal)).toBe(true);
});
