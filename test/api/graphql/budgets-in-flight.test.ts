import { afterEach, describe, expect, test } from "@jest/globals";
import type { GatewayOptions } from "../../../src/gateway.ts";
import { type CreatedKey, type KeyedGateway, startKeyedGateway } from "../../support/gateways/keyed-gateway.ts";
import { ANY_SIZE_MODEL, holdCalls, poll } from "../../support/gateways/scripted-gateway.ts";

const MODEL = { ...ANY_SIZE_MODEL, prices: [{ from: "2026-01-01", source: "a test", perImage: "0.1" }] };
const LAST_MOMENT = new Date("2026-11-24T23:59:59.999Z");
const NEXT_DAY = new Date("2026-11-25T00:00:00.000Z");
/** Higher than the number of times that a request reads the clock. */
const MAX_CLOCK_READS = 40;

let gateway: KeyedGateway;
let now: () => Date = () => LAST_MOMENT;

afterEach(() => gateway.close());

/** A project with these budgets, and its only key. */
async function startWith(budgets: object[], options: GatewayOptions = {}) {
  now = () => LAST_MOMENT;
  gateway = await startKeyedGateway({ now: () => now(), ...options }, [MODEL]);
  const projectId = await gateway.createProject({ limits: { budgets } });
  return { projectId, key: await gateway.createKey(projectId) };
}

async function generate({ headers }: CreatedKey, waitSeconds = 0) {
  const query = "mutation ($input: GenerateImagesInput!) { generateImages(input: $input) { id status } }";
  const input = { prompt: "a fox", size: "64x64", waitSeconds };
  const { status, body } = await gateway.graphql(query, { input }, headers);
  return body.data?.generateImages ?? { httpStatus: status, code: body.errors?.[0]?.extensions.code };
}

const statusOf = async (id: string) =>
  (await gateway.admin(`{ generation(id: "${id}") { status } }`)).generation.status;
const isOver = (status: string) => status !== "QUEUED" && status !== "RUNNING";

async function spendingOf(projectId: string) {
  const budget = "spentUsd heldUsd spentImages heldImages";
  return (await gateway.admin(`{ project(id: "${projectId}") { budgets { ${budget} } } }`)).project.budgets[0];
}

const changeProject = (input: object) =>
  gateway.admin("mutation ($input: UpdateProjectInput!) { updateProject(input: $input) { id } }", { input });

test("a budget lowered below what is spent and held refuses new requests and ends no accepted generation", async () => {
  const { projectId, key } = await startWith([{ window: "DAY", limitImages: 5 }]);
  expect(await generate(key, 30)).toMatchObject({ status: "SUCCEEDED" });
  const hold = holdCalls(gateway.provider);
  const { id } = await generate(key);
  await hold.called;
  await changeProject({ id: projectId, limits: { budgets: [{ window: "DAY", limitImages: 1, limitUsd: "0.01" }] } });

  expect(await spendingOf(projectId)).toMatchObject({ spentImages: 1, heldImages: 1 });
  expect(await generate(key)).toMatchObject({ code: "BUDGET_EXCEEDED" });
  hold.release();
  expect(await poll(() => statusOf(id), isOver)).toBe("SUCCEEDED");
  expect(await spendingOf(projectId)).toEqual({
    spentUsd: "0.200000",
    heldUsd: "0.000000",
    spentImages: 2,
    heldImages: 0,
  });
});

describe("running and waiting generations finish and are settled", () => {
  test.each([
    ["when its project is disabled", (projectId: string) => changeProject({ id: projectId, isDisabled: true })],
    [
      "when the last key is revoked",
      (_projectId: string, { id }: CreatedKey) =>
        gateway.admin("mutation ($id: ID!) { revokeApiKey(id: $id) { id } }", { id }),
    ],
  ])("%s", async (_when, end) => {
    const { projectId, key } = await startWith([{ window: "DAY", limitUsd: "1" }], { maxConcurrency: 1 });
    const hold = holdCalls(gateway.provider);
    const running = await generate(key);
    await hold.called;
    const waiting = await generate(key);
    expect(waiting.status).toBe("QUEUED");
    await end(projectId, key);

    expect(await generate(key)).toEqual({ httpStatus: 401, code: "UNAUTHENTICATED" });
    expect((await gateway.graphql("{ __typename }")).status).toBe(401);
    hold.release();
    for (const { id } of [running, waiting]) expect(await poll(() => statusOf(id), isOver)).toBe("SUCCEEDED");
    expect(await spendingOf(projectId)).toEqual({
      spentUsd: "0.200000",
      heldUsd: "0.000000",
      spentImages: 2,
      heldImages: 0,
    });
  });

  test("after the project is enabled again and a new key is created, the project works again", async () => {
    const { projectId, key } = await startWith([]);
    await gateway.admin("mutation ($id: ID!) { revokeApiKey(id: $id) { id } }", { id: key.id });
    await changeProject({ id: projectId, isDisabled: true });
    await changeProject({ id: projectId, isDisabled: false });

    expect(await generate(key)).toEqual({ httpStatus: 401, code: "UNAUTHENTICATED" });
    expect(await generate(await gateway.createKey(projectId), 30)).toMatchObject({ status: "SUCCEEDED" });
  });
});

test("a clock that jumps back and forth moves no spending from one day to another", async () => {
  const { projectId, key } = await startWith([{ window: "DAY", limitImages: 1 }]);
  const hold = holdCalls(gateway.provider);
  const { id } = await generate(key);
  await hold.called;
  now = () => new Date("2026-11-20T12:00:00Z");
  hold.release();
  await poll(() => statusOf(id), isOver);

  expect(await spendingOf(projectId)).toMatchObject({ spentImages: 0, heldImages: 0 });
  expect(await generate(key, 30)).toMatchObject({ status: "SUCCEEDED" });
  expect(await generate(key)).toMatchObject({ code: "BUDGET_EXCEEDED" });
  now = () => LAST_MOMENT;
  expect(await spendingOf(projectId)).toMatchObject({ spentImages: 1, heldImages: 0 });
  expect(await generate(key)).toMatchObject({ code: "BUDGET_EXCEEDED" });
});

test("a request counts in one day only, even if the day ends while it is accepted", async () => {
  const { projectId, key } = await startWith([{ window: "DAY", limitImages: 1000 }]);
  const spentOn: number[][] = [];
  for (let readsBefore = 0; readsBefore < MAX_CLOCK_READS; readsBefore++) {
    let reads = 0;
    now = () => (reads++ < readsBefore ? LAST_MOMENT : NEXT_DAY);
    expect(await generate(key, 30)).toMatchObject({ status: "SUCCEEDED" });
    const days = [];
    for (const day of [LAST_MOMENT, NEXT_DAY]) {
      now = () => day;
      days.push(await spendingOf(projectId));
    }
    expect(days).toMatchObject([
      { heldImages: 0, heldUsd: "0.000000" },
      { heldImages: 0, heldUsd: "0.000000" },
    ]);
    spentOn.push(days.map(({ spentImages }) => spentImages));
  }

  expect(spentOn.map(([first = 0, second = 0]) => first + second)).toEqual(spentOn.map((_, index) => index + 1));
  // In some rounds the day ended before acceptance, and in others after it.
  expect(spentOn.at(-1)?.every((count) => count > 0)).toBe(true);
});
