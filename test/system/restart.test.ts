import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { createClient as createStreamClient, type ExecutionResult } from "graphql-sse";
import { createClient as createSocketClient } from "graphql-ws";
import { WebSocket } from "ws";
import { generateImages, listGenerations } from "../support/clients/graphql-client.ts";
import { socketUrl } from "../support/clients/live-clients.ts";
import { poll } from "../support/gateways/scripted-gateway.ts";
import type { GatewayProcess } from "../support/processes/gateway-process.ts";
import { gatewayProcesses } from "../support/processes/gateway-processes.ts";
import { temporaryDirectories } from "../support/temporary-directory.ts";
import { type StrictImageApi, startStrictImageApi } from "../support/vendors/strict-image-api.ts";

/** Without a key, so that a mutation that is sent again makes another generation. */
const MUTATION = `mutation { generateImages(input: { prompt: "queued", size: "64x64" }) { id status images { url } } }`;

const newDirectory = temporaryDirectories();
const startService = gatewayProcesses();
let api: StrictImageApi;
let env: Record<string, string>;
/** The service that runs now. */
let service: GatewayProcess;

beforeEach(async () => {
  api = await startStrictImageApi();
  env = {
    OPENAI_API_KEY: api.apiKey,
    OPENAI_BASE_URL: api.baseUrl,
    PICTOGRAPH_DATA_DIR: await newDirectory(),
    PICTOGRAPH_MAX_CONCURRENCY: "1",
  };
  service = await startService(env);
});

afterEach(() => api.close());

/** A client that reconnects and resends unanswered operations until it succeeds. */
interface PersistentClient {
  send(query: string): Promise<ExecutionResult>;
  close(): void;
}

const RETRIES = 1_000;
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

function overSocket(): PersistentClient {
  const client = createSocketClient({
    url: () => socketUrl(service.url),
    webSocketImpl: WebSocket,
    retryAttempts: RETRIES,
    retryWait: turn,
    shouldRetry: () => true,
  });
  return { send: (query) => firstOf(client.iterate({ query })), close: () => void client.dispose() };
}

function overStream(): PersistentClient {
  const client = createStreamClient({
    url: () => `${service.url}/graphql/stream`,
    retryAttempts: RETRIES,
    retry: turn,
  });
  return { send: (query) => firstOf(client.iterate({ query })), close: () => client.dispose() };
}

/** The only result of a query or mutation, when its operation is complete. */
async function firstOf(results: AsyncIterable<unknown>): Promise<ExecutionResult> {
  const [result] = await Array.fromAsync(results);
  return result as ExecutionResult;
}

describe.each([
  ["a WebSocket", overSocket],
  ["an event stream", overStream],
] as const)("a mutation without a key over %s, when the gateway is restarted,", (_name, connect) => {
  test("is answered in its present state if it is queued, and paid for once", async () => {
    const hold = api.holdNext();
    const running = generateImages(service.url, { prompt: "running" });
    await hold.arrived;
    const client = connect();
    const answer = client.send(MUTATION);
    await poll(
      () => listGenerations(service.url),
      (generations) => generations.length === 2,
    );

    const { exited } = service;
    service.signal("SIGTERM");
    await service.waitForLine((line) => line.includes('"state":"draining"'));
    hold.release();
    expect(await running).toMatchObject({ status: "SUCCEEDED" });
    expect(await exited).toEqual({ code: 0, signal: null });
    service = await startService(env);

    const answered = (await answer).data?.generateImages;
    expect(answered).toMatchObject({ status: "QUEUED", images: [] });
    const generations = await poll(
      () => listGenerations(service.url),
      (list) => list.every(({ status }) => status === "SUCCEEDED"),
    );
    client.close();
    expect(generations.map(({ id }) => id)).toEqual([(answered as { id: string }).id, (await running).id]);
    expect(api.requests.map(({ body }) => body?.prompt)).toEqual(["running", "queued"]);
  });

  test("is answered with its images if it is running", async () => {
    const hold = api.holdNext();
    const client = connect();
    const answer = client.send(MUTATION);
    await hold.arrived;
    service.signal("SIGTERM");
    await service.waitForLine((line) => line.includes('"state":"draining"'));
    hold.release();

    expect((await answer).data?.generateImages).toMatchObject({ status: "SUCCEEDED", images: [{}] });
    expect(await service.exited).toEqual({ code: 0, signal: null });
    client.close();
    expect(api.callCount).toBe(1);
  });
});
