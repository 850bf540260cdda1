import { request } from "node:http";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { graphql } from "../support/clients/graphql-client.ts";
import {
  type Follow,
  follow,
  GENERATION_EVENTS,
  overSocket,
  overStream,
  RawSocket,
  socketUrl,
  toWords,
} from "../support/clients/live-clients.ts";
import { gatewayProcesses } from "../support/processes/gateway-processes.ts";
import { S3_CREDENTIALS, type S3Server, startS3Server } from "../support/stores/s3-server.ts";
import { usePostgres } from "../support/stores/use-postgres.ts";
import { pictureStream } from "../support/vendors/picture-stream.ts";
import { type StrictImageApi, startStrictImageApi } from "../support/vendors/strict-image-api.ts";

/** For starting and stopping real processes, whose helpers have their own limits. */
const TIMEOUT_MS = 120_000;
const LISTENERS = "FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN pictograph%'";

const postgres = usePostgres();
const startService = gatewayProcesses();
let s3: S3Server;
let api: StrictImageApi;

beforeAll(async () => {
  s3 = await startS3Server("s3rver");
});

beforeEach(async () => {
  api = await startStrictImageApi();
});

afterEach(() => api.close());

afterAll(() => s3.stop());

async function submit(url: string): Promise<string> {
  const { data } = await graphql(
    url,
    'mutation { generateImages(input: { prompt: "a fox", partialImages: 2, waitSeconds: 0 }) { id } }',
  );
  return data.generateImages.id;
}

describe("a viewer connected to one process while another runs the generation", () => {
  let databaseUrl: string;
  let webUrl: string;

  beforeEach(async () => {
    databaseUrl = await postgres.newDatabase();
    const shared = {
      DATABASE_URL: databaseUrl,
      S3_BUCKET: await s3.newBucket(),
      S3_ENDPOINT: s3.endpoint,
      AWS_ACCESS_KEY_ID: S3_CREDENTIALS.accessKeyId,
      AWS_SECRET_ACCESS_KEY: S3_CREDENTIALS.secretAccessKey,
      PICTOGRAPH_SIGNING_SECRET: "a secret of both, and long enough for it",
      OPENAI_API_KEY: api.apiKey,
      OPENAI_BASE_URL: api.baseUrl,
    };
    const [web] = await Promise.all([
      startService({ ...shared, PICTOGRAPH_ROLE: "web" }),
      startService({ ...shared, PICTOGRAPH_ROLE: "worker" }),
    ]);
    webUrl = web.url;
  }, TIMEOUT_MS);

  test.each<[string, Follow]>([
    ["over a socket", overSocket],
    ["in a stream", overStream],
  ])(
    "%s sees every event, even if the event connection breaks",
    async (_name, transport) => {
      const seen = Promise.withResolvers<void>();
      api.queue({ raw: { headers: { "content-type": "text/event-stream" }, body: pictureStream(seen.promise) } });
      const story: string[] = [];
      for await (const event of follow(transport, webUrl, await submit(webUrl))) {
        story.push(toWords(event));
        if (event.partialIndex !== undefined) expect((await fetch(event.url ?? "")).status).toBe(200);
        if (event.partialIndex === 1) {
          await postgres.server.query(databaseUrl, `SELECT pg_terminate_backend(pid) ${LISTENERS}`);
          seen.resolve();
        }
        if (event.image) expect((await fetch(event.image.url)).status).toBe(200);
      }

      expect(story.filter((event) => event !== "status QUEUED")).toEqual([
        "status RUNNING",
        "partial 0.0",
        "partial 0.1",
        "image 0",
        "status SUCCEEDED",
      ]);
    },
    TIMEOUT_MS,
  );
});

test(
  "a service that stops reports what ends before, disconnects the other viewers, and exits with 0",
  async () => {
    const env = { OPENAI_API_KEY: api.apiKey, OPENAI_BASE_URL: api.baseUrl, PICTOGRAPH_MAX_CONCURRENCY: "1" };
    const service = await startService(env);
    const hold = api.holdNext();
    const running = await submit(service.url);
    await hold.arrived;
    const queued = await submit(service.url);
    const socket = await RawSocket.introduced(socketUrl(service.url));
    const silent = await RawSocket.open(socketUrl(service.url));
    socket.subscribe("running", GENERATION_EVENTS, { id: running });
    socket.subscribe("queued", GENERATION_EVENTS, { id: queued });
    await socket.message(({ id, type }) => id === "queued" && type === "next");
    const stream = readStream(service.url, queued);
    await stream.began;

    process.kill(service.processId, "SIGTERM");
    await service.waitForLine((line) => line.includes("stopping"));
    hold.release();

    expect(await socket.closed).toEqual({ code: 1001, reason: "the gateway is stopping" });
    expect(await silent.closed).toMatchObject({ code: 1001 });
    expect(await stream.ended).not.toContain("complete");
    expect(await service.exited).toEqual({ code: 0, signal: null });
    expect(service.stderr).toBe("");
    const told = socket.messages.filter(({ id, type }) => id === "running" && type === "next");
    expect(toWords(told.at(-1)?.payload.data.generationEvents)).toBe("status SUCCEEDED");
    expect(socket.messages.some(({ id, type }) => id === "queued" && type === "complete")).toBe(false);
  },
  TIMEOUT_MS,
);

/** Reads an event stream until it ends or breaks. */
function readStream(url: string, id: string): { began: Promise<void>; ended: Promise<string> } {
  const began = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<string>();
  const headers = { "Content-Type": "application/json" };
  const outgoing = request(`${url}/graphql/stream`, { method: "POST", headers, agent: false }, (response) => {
    let text = "";
    response.setEncoding("utf8").on("data", (part) => {
      text += part;
      if (text.includes("event: next")) began.resolve();
    });
    response.on("close", () => ended.resolve(text));
  });
  outgoing.end(JSON.stringify({ query: GENERATION_EVENTS, variables: { id } }));
  return { began: began.promise, ended: ended.promise };
}
