import { expect, test } from "@jest/globals";
import { generateImages, graphql } from "../../support/clients/graphql-client.ts";
import { signersOf, startWebhookReceiver } from "../../support/network/webhook-receiver.ts";
import { gatewayProcesses } from "../../support/processes/gateway-processes.ts";
import { temporaryDirectories } from "../../support/temporary-directory.ts";

/** For starting real processes, and for the claim of a killed one, which others respect for 20 seconds. */
const TIMEOUT_MS = 120_000;

const newDirectory = temporaryDirectories();
const startService = gatewayProcesses();

test(
  "a webhook whose gateway was killed during the delivery is delivered again by the next process",
  async () => {
    await using receiver = await startWebhookReceiver();
    const env = {
      PICTOGRAPH_DATA_DIR: await newDirectory(),
      PICTOGRAPH_WEBHOOK_ALLOW_HTTP: "true",
      PICTOGRAPH_WEBHOOK_ALLOW_PRIVATE: "true",
    };
    receiver.answer = "hang";
    const crashing = await startService(env);
    const { data } = await graphql(
      crashing.url,
      `mutation { createWebhookEndpoint(input: { url: "${receiver.url}", events: ["generation.succeeded"] }) { secret } }`,
    );
    const { id } = await generateImages(crashing.url, {});
    const first = await receiver.next(() => true);
    await crashing.kill();
    receiver.answer = 204;

    const next = await startService(env);
    const second = await receiver.next((webhook) => webhook !== first);
    expect(second.id).toBe(first.id);
    expect(second.event.data.generation).toMatchObject({ id, status: "SUCCEEDED" });
    expect(signersOf(second, [data.createWebhookEndpoint.secret])).toHaveLength(1);
    const { url } = second.event.data.generation.images[0];
    expect(new URL(url).origin).toBe(next.url);
    expect((await fetch(url)).status).toBe(200);
  },
  TIMEOUT_MS,
);

test(
  "the webhook of a generation that ends during a stop is delivered before the exit, or by the next process",
  async () => {
    await using receiver = await startWebhookReceiver();
    const env = {
      PICTOGRAPH_DATA_DIR: await newDirectory(),
      PICTOGRAPH_WEBHOOK_ALLOW_HTTP: "true",
      PICTOGRAPH_WEBHOOK_ALLOW_PRIVATE: "true",
    };
    receiver.answer = "hang";
    const stopping = await startService(env);
    await graphql(
      stopping.url,
      `mutation { createWebhookEndpoint(input: { url: "${receiver.url}", events: ["generation.succeeded"] }) { secret } }`,
    );
    await generateImages(stopping.url, {});
    const first = await receiver.next(() => true);
    await stopping.stop();
    receiver.answer = 204;

    // The claim was given up, so the next process need not wait for it to expire.
    await startService(env);
    const second = await receiver.next((webhook) => webhook !== first);
    expect(second.id).toBe(first.id);
  },
  TIMEOUT_MS,
);
