import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { GatewayError } from "../../../src/errors.ts";
import {
  ANY_SIZE_MODEL,
  holdCalls,
  poll,
  type ScriptedGateway,
  startScriptedGateway,
} from "../../support/gateways/scripted-gateway.ts";
import { signersOf, startWebhookReceiver, type WebhookReceiver } from "../../support/network/webhook-receiver.ts";
import { statementsDuring } from "../../support/stores/store-statements.ts";

const ALLOWED = { webhooks: { allowHttp: true, allowPrivate: true } };
const PUBLIC_URL = "http://pictures.localhost:8080/prefix";
const OPTIONS = { ...ALLOWED, publicUrl: PUBLIC_URL };
const DAY_MS = 24 * 60 * 60_000;

let gateway: ScriptedGateway;
let receiver: WebhookReceiver;
let offsetMs: number;

beforeEach(async () => {
  offsetMs = 0;
  receiver = await startWebhookReceiver();
  gateway = await startScriptedGateway({ ...OPTIONS, now: () => new Date(Date.now() + offsetMs) });
});

afterEach(async () => {
  await gateway.close();
  await receiver.close();
});

async function run(query: string, variables: object = {}) {
  const { body } = await gateway.graphql(query, variables);
  if (body.errors) throw new Error(JSON.stringify(body.errors));
  return body.data;
}

async function create(input: object = {}): Promise<{ id: string; secret: string }> {
  const query = `mutation ($input: CreateWebhookEndpointInput!) {
    createWebhookEndpoint(input: $input) { secret endpoint { id } } }`;
  const { createWebhookEndpoint } = await run(query, { input: { url: receiver.url, ...input } });
  return { id: createWebhookEndpoint.endpoint.id, secret: createWebhookEndpoint.secret };
}

function generate(input = ""): Promise<{ id: string; images: { id: string; sha256: string }[] }> {
  const query = `mutation { generateImages(input: { prompt: "a marked fox", size: "64x64" ${input} }) {
    id images { id sha256 } } }`;
  return run(query).then((data) => data.generateImages);
}

const DELIVERIES = `query ($id: ID!) { webhookDeliveries(endpointId: $id) {
  nodes { id event status nextAttemptAt createdAt attempts { at statusCode error } } } }`;

// biome-ignore lint/suspicious/noExplicitAny: a test reads whatever it expects
async function deliveriesTo(id: string): Promise<any[]> {
  return (await run(DELIVERIES, { id })).webhookDeliveries.nodes;
}

async function endpointOf(id: string) {
  const { webhookEndpoints } = await run(
    "{ webhookEndpoints { id url events description isDisabled disabledReason createdAt } }",
  );
  return webhookEndpoints.find((endpoint: { id: string }) => endpoint.id === id);
}

describe("the webhooks of a generation", () => {
  test("are signed, and have image URLs that work but no prompt", async () => {
    const { secret } = await create();
    const { id, images } = await generate(`metadata: [{ key: "order", value: "7" }]`);
    const ready = await receiver.next(({ event }) => event.type === "image.ready");
    const succeeded = await receiver.next(({ event }) => event.type === "generation.succeeded");

    for (const webhook of [ready, succeeded]) {
      expect(signersOf(webhook, [secret])).toEqual([secret]);
      expect(signersOf({ ...webhook, body: webhook.body.replace("type", "typo") }, [secret])).toEqual([]);
      expect(webhook.headers).toMatchObject({ "content-type": "application/json", "user-agent": "pictograph" });
      expect(webhook.body).not.toContain("marked");
    }
    expect(ready.event).toMatchObject({ data: { image: { id: images[0]?.id, generationId: id } } });
    expect(succeeded.event).toEqual({
      type: "generation.succeeded",
      timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      data: {
        generation: expect.objectContaining({
          id,
          status: "SUCCEEDED",
          failure: null,
          operation: "GENERATE",
          n: 1,
          requestedSize: "64x64",
          metadata: [{ key: "order", value: "7" }],
          images: [expect.objectContaining({ id: images[0]?.id, index: 0, width: 64, sha256: images[0]?.sha256 })],
        }),
      },
    });
    const { url } = succeeded.event.data.generation.images[0];
    expect(url.startsWith(`${PUBLIC_URL}/images/`)).toBe(true);
    expect((await fetch(url.replace(PUBLIC_URL, gateway.url))).status).toBe(200);
  });

  test("report a failure and a cancellation", async () => {
    await create({ events: ["generation.failed", "generation.canceled"] });
    // biome-ignore lint/correctness/useYield: it fails before the first image
    gateway.provider.script = async function* () {
      throw new GatewayError("CONTENT_REJECTED", "refused", { billed: "NO" });
    };
    const failed = await generate();
    const hold = holdCalls(gateway.provider);
    const { id } = await generate("waitSeconds: 0");
    await hold.called;
    await run(`mutation { cancelGeneration(id: "${id}") { id } }`);

    expect(
      (await receiver.next(({ event }) => event.type === "generation.failed")).event.data.generation,
    ).toMatchObject({
      id: failed.id,
      status: "FAILED",
      failure: { code: "CONTENT_REJECTED", retryable: false, billed: "NO" },
      images: [],
    });
    const canceled = await receiver.next(({ event }) => event.type === "generation.canceled");
    expect(canceled.event.data.generation).toMatchObject({ id, status: "CANCELED", failure: { billed: "UNKNOWN" } });
    expect(receiver.received).toHaveLength(2);
  });

  test("go to the endpoints that want them, but not to disabled or deleted ones", async () => {
    const all = await create();
    const some = await create({ events: ["generation.succeeded"] });
    const disabled = await create();
    const deleted = await create();
    await run(`mutation { updateWebhookEndpoint(input: { id: "${disabled.id}", isDisabled: true }) { id } }`);
    expect(await run(`mutation { deleteWebhookEndpoint(id: "${deleted.id}") }`)).toEqual({
      deleteWebhookEndpoint: deleted.id,
    });
    await generate();
    const names = async (id: string) => (await deliveriesTo(id)).map(({ event }) => event);

    expect(await names(all.id)).toEqual(["generation.succeeded", "image.ready"]);
    expect(await names(some.id)).toEqual(["generation.succeeded"]);
    expect(await names(disabled.id)).toEqual([]);
    await expect(deliveriesTo(deleted.id)).rejects.toThrow("NOT_FOUND");
  });

  test("contain only the id once the generation is deleted", async () => {
    receiver.answer = 503;
    await create({ events: ["generation.succeeded"] });
    const { id } = await generate(`metadata: [{ key: "order", value: "7" }]`);
    await receiver.next(() => true);
    await run(`mutation { deleteGeneration(id: "${id}") }`);
    receiver.answer = 204;
    await poll(
      async () => (offsetMs += 1000),
      () => receiver.received.length === 2,
    );

    const [first, second] = receiver.received;
    expect(second?.id).toBe(first?.id);
    expect(second?.event.data.generation).toEqual({
      id,
      status: "SUCCEEDED",
      failure: null,
      finishedAt: first?.event.data.generation.finishedAt,
      images: [],
    });
  });

  test("run no statement if the project has no endpoints", async () => {
    const tables = ["webhook_endpoints", "webhook_deliveries", "webhook_marks"];
    const hold = holdCalls(gateway.provider);
    const statements = await statementsDuring(tables, async () => {
      const { id } = await generate("waitSeconds: 0");
      await hold.called;
      hold.release();
      await poll(
        () => run(`{ generation(id: "${id}") { status } }`),
        ({ generation }) => generation.status === "SUCCEEDED",
      );
    });
    // The delivery of webhooks polls every second, and maintenance every hour. Neither belongs to the generation.
    const own = statements.filter((sql) => !/^(select \* from "webhook_endpoints"|delete )/.test(sql));

    expect(own.map((sql) => sql.replace(/^(\w+ (?:into |from )?"?\w+"?).*/s, "$1"))).toEqual([
      expect.stringMatching(/^select \(?/),
      'update "generations"',
    ]);
    expect(own.join()).not.toContain('insert into "webhook');
  });
});

describe("a failed webhook delivery", () => {
  test("is repeated after the specified waits, with the same id and a new signature, and then given up", async () => {
    receiver.answer = 500;
    const { id, secret } = await create({ events: ["generation.succeeded"] });
    await generate();
    const waits = [5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400];
    const seen: number[] = [];
    for (let attempt = 1; attempt <= waits.length + 1; attempt++) {
      const [delivery] = await poll(
        () => deliveriesTo(id),
        ([one]) => one.attempts.length === attempt,
      );
      expect(delivery.attempts.at(-1)).toMatchObject({ statusCode: 500, error: expect.stringContaining("500") });
      if (delivery.nextAttemptAt === null) {
        expect(delivery.status).toBe("FAILED");
        break;
      }
      const last = delivery.attempts.at(-1).at;
      seen.push((Date.parse(delivery.nextAttemptAt) - Date.parse(last)) / 1000);
      offsetMs += Date.parse(delivery.nextAttemptAt) - Date.now() - offsetMs;
    }

    expect(receiver.received).toHaveLength(waits.length + 1);
    expect(new Set(receiver.received.map((webhook) => webhook.id)).size).toBe(1);
    for (const [index, wait] of waits.entries()) {
      expect(seen[index]).toBeGreaterThanOrEqual(wait);
      expect(seen[index]).toBeLessThan(wait * 1.1 + 10);
    }
    expect(new Set(receiver.received.map(({ headers }) => headers["webhook-timestamp"])).size).toBe(waits.length + 1);
    expect(secret).toMatch(/^whsec_/);
    expect(await endpointOf(id)).toMatchObject({ isDisabled: false });
  });

  test("with status 410 disables its endpoint and drops that endpoint's waiting deliveries", async () => {
    receiver.answer = 410;
    const { id } = await create();
    await generate();
    await poll(
      () => endpointOf(id),
      ({ isDisabled }) => isDisabled,
    );

    expect(await endpointOf(id)).toMatchObject({ disabledReason: expect.stringContaining("410") });
    expect((await deliveriesTo(id)).map(({ status, nextAttemptAt }) => [status, nextAttemptAt])).toEqual([
      ["FAILED", null],
      ["FAILED", null],
    ]);
  });

  test("disables its endpoint after five days of failures, but not if one delivery succeeded", async () => {
    receiver.answer = 500;
    const { id } = await create({ events: ["generation.succeeded"] });
    const failOnce = async () => {
      const before = receiver.received.length;
      await generate();
      await poll(
        async () => receiver.received.length,
        (count) => count > before,
      );
      await poll(
        () => deliveriesTo(id),
        ([newest]) => newest.attempts.length > 0,
      );
    };
    await failOnce();
    offsetMs += 4 * DAY_MS;
    receiver.answer = 204;
    await failOnce();
    receiver.answer = 500;
    offsetMs += 2 * DAY_MS;
    await failOnce();
    expect(await endpointOf(id)).toMatchObject({ isDisabled: false, disabledReason: null });
    offsetMs += 5 * DAY_MS;
    const disabled = await poll(
      () => endpointOf(id),
      ({ isDisabled }) => isDisabled,
    );
    expect(disabled.disabledReason).toBe("every attempt has failed for five days");
    await run(`mutation { updateWebhookEndpoint(input: { id: "${id}", isDisabled: false }) { id } }`);
    expect(await endpointOf(id)).toMatchObject({ isDisabled: false, disabledReason: null });
  });

  test("can be sent again by hand", async () => {
    receiver.answer = 410;
    const { id } = await create({ events: ["generation.succeeded"] });
    await generate();
    const [failed] = await poll(
      () => deliveriesTo(id),
      ([one]) => one.status === "FAILED",
    );
    const again = `mutation { redeliverWebhook(deliveryId: "${failed.id}") { id event status attempts { statusCode } } }`;
    await expect(run(again)).rejects.toThrow("enable it with updateWebhookEndpoint");
    await run(`mutation { updateWebhookEndpoint(input: { id: "${id}", isDisabled: false }) { id } }`);
    receiver.answer = 200;

    expect(await run(again)).toEqual({
      redeliverWebhook: {
        id: failed.id,
        event: "generation.succeeded",
        status: "DELIVERED",
        attempts: [{ statusCode: 410 }, { statusCode: 200 }],
      },
    });
  });

  test("to a receiver that hangs does not delay deliveries to other receivers", async () => {
    await using slow = await startWebhookReceiver();
    slow.answer = "hang";
    const hanging = await create({ url: slow.url });
    const { id } = await create();
    for (let count = 0; count < 12; count++) await generate();
    await poll(
      () => deliveriesTo(id),
      (deliveries) => deliveries.length === 20 && deliveries.every(({ status }) => status === "DELIVERED"),
    );

    expect((await deliveriesTo(hanging.id)).every(({ status }) => status === "PENDING")).toBe(true);
    expect(slow.received.length).toBeLessThanOrEqual(16);
  });
});

describe("a webhook secret", () => {
  test("is shown once, and signs together with its successor until the overlap ends", async () => {
    const { id, secret } = await create();
    const rotate = (overlap: number) =>
      run(`mutation { rotateWebhookSecret(id: "${id}", overlapSeconds: ${overlap}) { secret } }`);
    const { secret: second } = (await rotate(3600)).rotateWebhookSecret;
    const send = `mutation { sendTestWebhook(endpointId: "${id}") { event status attempts { statusCode error } } }`;
    expect(await run(send)).toEqual({
      sendTestWebhook: { event: "webhook.test", status: "DELIVERED", attempts: [{ statusCode: 204, error: null }] },
    });
    const [both] = receiver.received;
    expect(both && signersOf(both, [secret, second])).toEqual([secret, second]);
    expect(both?.event).toMatchObject({ type: "webhook.test", data: {} });

    const { secret: third } = (await rotate(0)).rotateWebhookSecret;
    await run(send);
    const last = receiver.received.at(-1);
    expect(last && signersOf(last, [secret, second, third])).toEqual([third]);
    expect(last?.headers["webhook-signature"]).not.toContain(" ");
  });

  test("is stored encrypted, and can be read after the signing secret is replaced", async () => {
    await gateway.close();
    const [first, next] = ["the first signing secret", "the next signing secret"];
    gateway = await startScriptedGateway({ ...OPTIONS, signingSecret: first });
    const { dataDir } = gateway;
    const { id, secret } = await create();
    const restart = async (signingSecret: string) => {
      await gateway.stop();
      gateway = await startScriptedGateway({ ...OPTIONS, signingSecret, dataDir });
    };

    await restart(`${next}, ${first}`);
    await restart(next);
    await run(`mutation { sendTestWebhook(endpointId: "${id}") { id } }`);
    const [webhook] = receiver.received;
    expect(webhook && signersOf(webhook, [secret])).toEqual([secret]);

    await gateway.stop();
    await expect(startScriptedGateway({ ...OPTIONS, signingSecret: first, dataDir })).rejects.toThrow(
      `PICTOGRAPH_SIGNING_SECRET cannot decrypt the secrets of 1 webhook endpoints (${id})`,
    );
    gateway = await startScriptedGateway({ ...OPTIONS, signingSecret: next, dataDir });
  });
});

describe("a webhook endpoint", () => {
  const CREATE = `mutation ($input: CreateWebhookEndpointInput!) {
    createWebhookEndpoint(input: $input) { endpoint { id } } }`;

  test.each([
    [{ url: "ftp://receiver.example" }, "url", "https URL"],
    [{ url: "receiver" }, "url", "https URL"],
    [{ url: "https://ann:secret@receiver.example" }, "url", "no user name"],
    [{ url: "https://receiver.example/#a" }, "url", "fragment"],
    [{ url: `https://receiver.example/${"a".repeat(2000)}` }, "url", "2000"],
    [{ url: "https://receiver.example", events: [] }, "events", "generation.succeeded"],
    [{ url: "https://receiver.example", events: ["generation.done"] }, "events", "generation.succeeded"],
    [{ url: "https://receiver.example", events: ["image.ready", "image.ready"] }, "events", "each once"],
    [{ url: "https://receiver.example", description: "a\u0000b" }, "description", "control characters"],
    [{ url: "https://receiver.example", description: "a".repeat(501) }, "description", "500"],
  ])("with %j is refused, and nothing is stored", async (input, field, message) => {
    const { body } = await gateway.graphql(CREATE, { input });

    expect(body.errors?.[0]).toMatchObject({
      message: expect.stringContaining(message),
      extensions: { code: "BAD_USER_INPUT", field },
    });
    expect(await run("{ webhookEndpoints { id } }")).toEqual({ webhookEndpoints: [] });
  });

  test("is refused if there are twenty already", async () => {
    for (let count = 0; count < 20; count++) await create();
    const { body } = await gateway.graphql(CREATE, { input: { url: receiver.url } });

    expect(body.errors?.[0]?.message).toContain("at most 20");
  });

  test("can be changed", async () => {
    const { id } = await create({ description: "the shop", events: ["image.ready"] });
    const change = (input: object) =>
      run("mutation ($input: UpdateWebhookEndpointInput!) { updateWebhookEndpoint(input: $input) { id } }", {
        input: { id, ...input },
      });
    await change({ url: "https://other.example/hook" });
    expect(await endpointOf(id)).toMatchObject({
      url: "https://other.example/hook",
      events: ["image.ready"],
      description: "the shop",
    });
    await change({ events: null, description: null });
    expect(await endpointOf(id)).toMatchObject({ events: null, description: null, isDisabled: false });
    await expect(change({ url: null })).rejects.toThrow("BAD_USER_INPUT");
    await expect(run(`mutation { rotateWebhookSecret(id: "${id}", overlapSeconds: -1) { secret } }`)).rejects.toThrow(
      "overlapSeconds must be a whole number from 0 to 2592000",
    );
  });

  test("needs the gateway's public address, and must be on a public server unless the operator allows others", async () => {
    await gateway.close();
    gateway = await startScriptedGateway();
    const refusalOf = async (url: string) =>
      (await gateway.graphql(CREATE, { input: { url } })).body.errors?.[0]?.message;
    expect(await refusalOf("https://receiver.example")).toContain("PICTOGRAPH_PUBLIC_URL");

    await gateway.close();
    gateway = await startScriptedGateway({ localUrl: "http://127.0.0.1:1" });
    expect(await refusalOf("http://receiver.example")).toContain("PICTOGRAPH_WEBHOOK_ALLOW_HTTP");
    for (const host of [
      "127.0.0.1",
      "127.1",
      "[::1]",
      "[::ffff:10.0.0.1]",
      "10.1.2.3",
      "169.254.169.254",
      "localhost",
      "a.localhost",
    ]) {
      expect(await refusalOf(`https://${host}/`)).toContain("PICTOGRAPH_WEBHOOK_ALLOW_PRIVATE");
    }
    expect(await refusalOf("https://receiver.example")).toBeUndefined();
  });
});

test("a budget sends webhooks at 50 and 80 percent and at its first refusal, each once in a window", async () => {
  await gateway.close();
  const model = { ...ANY_SIZE_MODEL, prices: [{ from: "2026-01-01", source: "a test", perImage: "0.1" }] };
  const now = () => new Date(Date.parse("2026-11-30T12:00:00Z") + offsetMs);
  gateway = await startScriptedGateway({ ...OPTIONS, now, dailyBudget: { usd: "1", isDefault: false } }, [model]);
  await create({ events: ["budget.threshold", "budget.exhausted"] });
  const spendOneDay = async () => {
    for (let count = 0; count < 10; count++) await generate(`idempotencyKey: "${offsetMs} ${count}"`);
    for (let count = 0; count < 2; count++) await expect(generate()).rejects.toThrow("BUDGET_EXCEEDED");
  };
  await spendOneDay();
  offsetMs += DAY_MS;
  await spendOneDay();
  await poll(
    async () => receiver.received.length,
    (count) => count === 6,
  );

  const budget = { scope: "PROJECT", apiKeyId: null, window: "DAY", limitUsd: "1", limitImages: null };
  const told = receiver.received.map(({ event }) => event).sort((a, b) => a.timestamp.localeCompare(b.timestamp));
  for (const [day, events] of [told.slice(0, 3), told.slice(3)].entries()) {
    const resetsAt = `2026-12-0${day + 1}T00:00:00.000Z`;
    expect(events).toEqual(
      expect.arrayContaining([
        expect.objectContaining({
          type: "budget.threshold",
          data: {
            thresholdPercent: 50,
            budget: expect.objectContaining({ ...budget, resetsAt, spentUsd: "0.400000" }),
          },
        }),
        expect.objectContaining({
          type: "budget.threshold",
          data: { thresholdPercent: 80, budget: expect.objectContaining({ ...budget, resetsAt, heldUsd: "0.100000" }) },
        }),
        expect.objectContaining({
          type: "budget.exhausted",
          data: { budget: expect.objectContaining({ ...budget, resetsAt, spentUsd: "1.000000", heldUsd: "0.000000" }) },
        }),
      ]),
    );
  }
});
