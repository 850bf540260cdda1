import { setTimeout as delay } from "node:timers/promises";
import { expect, test } from "@jest/globals";
import { seededRandom } from "../../support/random.ts";
import { brokenPromises, STANDSTILL_MS, settle } from "./chaos.ts";
import { ChaosBooks, GENERATION_FIELDS, type Order, type ToldGeneration } from "./chaos-books.ts";
import { EventCount } from "./chaos-events.ts";
import { ChaosFleet } from "./chaos-fleet.ts";
import { distributedGround } from "./chaos-ground.ts";
import { ADMIN_HEADERS, createProjects, KEYED_ENV } from "./chaos-projects.ts";
import { startChaosUpstream } from "./chaos-upstream.ts";
import { query } from "./chaos-verdict.ts";
import { ChaosWebhooks, WEBHOOK_ENV } from "./chaos-webhooks.ts";

/** Longer than the test takes on a slow machine. */
const TIMEOUT_MS = 240_000;
const GENERATE = `mutation ($input: GenerateImagesInput!) { told: generateImages(input: $input) { ${GENERATION_FIELDS} } }`;
const FIND = `query ($id: ID!) { told: generation(id: $id) { ${GENERATION_FIELDS} } }`;

test.each([
  ["a gateway that stands still for longer than its lease finishes its generation after all", false],
  ["a gateway that stands still and is then told to stop finishes its generation before it stops", true],
])(
  "%s",
  async (_what, isStopped) => {
    await using stack = new AsyncDisposableStack();
    const events = new EventCount();
    const pump = setInterval(() => events.tick(), STANDSTILL_MS);
    stack.defer(() => clearInterval(pump));
    const ground = stack.use(await distributedGround());
    const answers = Promise.withResolvers<void>();
    const options = { isReliable: true, gate: () => answers.promise };
    const startUpstream = async (life: () => number) =>
      stack.use(await startChaosUpstream(seededRandom(1), events, life, options));
    const webhooks = stack.use(await ChaosWebhooks.start());
    const fleet = await ChaosFleet.create(ground, events, startUpstream, { ...KEYED_ENV, ...WEBHOOK_ENV });
    stack.defer(() => fleet.stop());
    const gateways = await fleet.start();
    const projects = await createProjects(gateways[0]?.url ?? "");
    await webhooks.subscribe(gateways[0]?.url ?? "", projects);
    const books = new ChaosBooks();
    const order = { ...newOrder(), project: projects[0] };
    books.orders.push(order);
    const ask = async (url: string, text: string, variables: object) => {
      const { told } = await query<{ told: ToldGeneration }>(url, projects[0]?.headers ?? {}, text, variables);
      books.note(order, told);
      return told;
    };

    const input = { prompt: `A paper boat, ${order.marker}.`, size: order.size, waitSeconds: 0 };
    const { id } = await ask(gateways[0]?.url ?? "", GENERATE, { input });
    await until(() => fleet.upstreams.some(({ calls }) => calls.length > 0));
    const running = fleet.upstreams.findIndex(({ calls }) => calls.length > 0);
    const other = gateways[1 - running]?.url ?? "";
    gateways[running]?.signal("SIGSTOP");
    await until(async () => (await ask(other, FIND, { id })).status === "FAILED");
    gateways[running]?.signal("SIGCONT");
    const stopped = isStopped ? fleet.stopOne(running) : undefined;
    if (isStopped) await gateways[running]?.waitForLine((line) => line.includes('"msg":"stopping"'));
    answers.resolve();
    await until(async () => (await ask(other, FIND, { id })).status === "SUCCEEDED");
    await stopped;
    const verdict = await settle(fleet, ground, books, ADMIN_HEADERS);
    const untold = await webhooks.missing(await fleet.url(seededRandom(1)), ADMIN_HEADERS, books);

    expect(verdict.finishedAfterTakeover).toEqual([`${order.marker}: FAILED INTERRUPTED became SUCCEEDED`]);
    expect(Object.fromEntries(brokenPromises({ ...verdict, untold }))).toEqual({});
    expect([verdict.settledUsd, verdict.estimatedUsd]).toEqual([verdict.billedUsd, "0.000000"]);
  },
  TIMEOUT_MS,
);

function newOrder(): Order {
  return {
    marker: "chaos-1-1",
    n: 1,
    size: "256x256",
    isEdit: false,
    partialImages: 0,
    api: "GraphQL",
    patience: "asks again",
    hasTwin: false,
    wantsDerivatives: false,
    ending: "takes",
    hasMetCrash: false,
    isAccepted: false,
    isDeleted: false,
    ids: new Set(),
    restImageIds: new Set(),
    ends: [],
  };
}

async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isSo())) await delay(50);
}
