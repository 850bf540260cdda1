import { once } from "node:events";
import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { WebSocket } from "ws";
import { startPostgresServer } from "../test/support/stores/postgres.ts";
import { GATEWAY, MeasuredProcess } from "./processes/measured-process.ts";
import { median, mib, ms, type Row } from "./row.ts";

const IDLE_STREAMS = fileURLToPath(new URL("./clients/idle-streams.js", import.meta.url));
const SUBSCRIBERS = 1_000;
/** These subscribers load and compile the code. The following ones show the usual cost. */
const FIRST_SUBSCRIBERS = 250;
const CHANGES = 100;
/** Long enough for timers and sockets to settle. */
const SETTLE_MS = 1_000;

const SUBSCRIPTION =
  "subscription ($id: ID!) { generationEvents(id: $id) { ... on GenerationStatusChanged { generation { status finishedAt } } } }";

/** Measures the cost of clients that follow generations, and how soon they receive a change. */
export async function measure(): Promise<Row[]> {
  const silent = createServer(() => {}).listen(0, "127.0.0.1");
  await once(silent, "listening");
  const environment = {
    OPENAI_API_KEY: "none",
    PICTOGRAPH_DAILY_BUDGET_USD: "none",
    PICTOGRAPH_MAX_IMAGES_PER_MINUTE: "1000000",
    OPENAI_BASE_URL: `http://127.0.0.1:${(silent.address() as AddressInfo).port}/v1`,
    PICTOGRAPH_MAX_CONCURRENCY: "1",
  };
  try {
    return [
      await measureMemory("graphql-transport-ws", subscribeBySocket, environment),
      await measureMemory("server-sent events", subscribeByStream, environment, await measureIdleStreams()),
      await measureOneProcess(environment),
      await measureTwoProcesses(environment),
    ];
  } finally {
    silent.closeAllConnections();
    silent.close();
  }
}

type Subscribe = (url: string, id: string, hear: (status: string, finishedAt: string) => void) => Promise<() => void>;

async function measureMemory(
  transport: string,
  subscribe: Subscribe,
  environment: Record<string, string>,
  floor = "",
): Promise<Row> {
  const gateway = await MeasuredProcess.start(GATEWAY, { isMonitored: true, environment });
  const ids = await Promise.all(Array.from({ length: 50 }, () => accept(gateway.url)));
  const { first, second } = await measureSubscribers(gateway, subscribe, ids);
  await gateway.stop();
  return {
    figure: `memory of ${SUBSCRIBERS} idle subscribers, ${transport}`,
    measured: mib(first),
    target: "30 MiB",
    comparedWith: `of ${SUBSCRIBERS} more ${mib(second)}${floor}`,
  };
}

async function measureIdleStreams(): Promise<string> {
  const server = await MeasuredProcess.start([IDLE_STREAMS], { isMonitored: true });
  const ids = Array.from({ length: 50 }, (_, index) => `${index}`);
  const { first, second } = await measureSubscribers(server, subscribeByStream, ids);
  await server.stop();
  return `; with node:http alone ${mib(first)}, and of ${SUBSCRIBERS} more ${mib(second)}`;
}

async function measureSubscribers(server: MeasuredProcess, subscribe: Subscribe, ids: readonly string[]) {
  const leaves: (() => void)[] = [];
  const join = async (count: number) => {
    for (let joined = 0; joined < count; joined += ids.length) {
      leaves.push(...(await Promise.all(ids.map((id) => heard((hear) => subscribe(server.url, id, hear))))));
    }
    await delay(SETTLE_MS);
    return (await server.vitals()).residentBytes;
  };
  const few = await join(FIRST_SUBSCRIBERS);
  const thousand = await join(SUBSCRIBERS);
  const two = await join(SUBSCRIBERS);
  for (const leave of leaves) leave();
  return { first: thousand - few, second: two - thousand };
}

async function measureOneProcess(environment: Record<string, string>): Promise<Row> {
  const gateway = await MeasuredProcess.start(GATEWAY, { environment });
  const delays = await measureDelays(gateway.url, gateway.url);
  await gateway.stop();
  return delayRow("in one process", delays);
}

async function measureTwoProcesses(environment: Record<string, string>): Promise<Row> {
  const server = await startPostgresServer({ isDurable: true });
  const shared = { ...environment, DATABASE_URL: await server.createDatabase() };
  const here = await MeasuredProcess.start(GATEWAY, { environment: shared });
  const there = await MeasuredProcess.start(GATEWAY, { environment: shared });
  const delays = await measureDelays(here.url, there.url);
  await Promise.all([here.stop(), there.stop()]);
  await server.stop();
  return delayRow("across two on PostgreSQL", delays);
}

/** Measures from the time in the change, just before its commit, to its event at the subscriber. */
async function measureDelays(changedAt: string, followedAt: string): Promise<number[]> {
  await accept(changedAt);
  const delays: number[] = [];
  for (let change = 0; change < CHANGES; change++) {
    const id = await accept(changedAt);
    const canceled = Promise.withResolvers<number>();
    const leave = await heard((hear) =>
      subscribeBySocket(followedAt, id, (status, finishedAt) => {
        if (status === "CANCELED") {
          canceled.resolve(performance.timeOrigin + performance.now() - new Date(finishedAt).getTime());
        }
        hear(status, finishedAt);
      }),
    );
    await post(changedAt, "mutation ($id: ID!) { cancelGeneration(id: $id) { id } }", { id });
    delays.push(await canceled.promise);
    leave();
  }
  return delays;
}

function delayRow(where: string, delays: readonly number[]): Row {
  const slowest = [...delays].sort((a, b) => a - b)[Math.floor(delays.length * 0.95)] ?? Number.NaN;
  return {
    figure: `event after a change, ${where}, median of ${delays.length}`,
    measured: ms(median(delays)),
    target: "10 ms",
    comparedWith: `95 of 100 within ${ms(slowest)}, the commit of the change included`,
  };
}

/** Subscribes, and waits for the current state. */
async function heard(join: (hear: Parameters<Subscribe>[2]) => Promise<() => void>): Promise<() => void> {
  const first = Promise.withResolvers<string>();
  const leave = await join(first.resolve);
  await first.promise;
  return leave;
}

const subscribeBySocket: Subscribe = async (url, id, hear) => {
  const socket = new WebSocket(`${url.replace("http", "ws")}/graphql`, "graphql-transport-ws");
  socket.on("message", (text) => {
    const { type, payload } = JSON.parse(text.toString());
    if (type === "connection_ack") {
      const subscribe = { query: SUBSCRIPTION, variables: { id } };
      socket.send(JSON.stringify({ id: "1", type: "subscribe", payload: subscribe }));
    } else if (type === "next") {
      const { status, finishedAt } = payload.data.generationEvents.generation;
      hear(status, finishedAt);
    }
  });
  await once(socket, "open");
  socket.send('{"type":"connection_init"}');
  return () => socket.terminate();
};

const subscribeByStream: Subscribe = async (url, id, hear) => {
  const headers = { "Content-Type": "application/json", Accept: "text/event-stream" };
  const outgoing = request(`${url}/graphql/stream`, { method: "POST", headers, agent: false });
  outgoing.end(JSON.stringify({ query: SUBSCRIPTION, variables: { id } }));
  const [response] = await once(outgoing, "response");
  response.setEncoding("utf8").on("data", (text: string) => {
    const [, status] = /"status":"(\w+)"/.exec(text) ?? [];
    if (status) hear(status, "");
  });
  response.on("error", () => {});
  return () => outgoing.destroy();
};

async function accept(url: string): Promise<string> {
  const data = await post(url, `mutation { generateImages(input: { prompt: "a fox", waitSeconds: 0 }) { id } }`);
  return data.generateImages.id;
}

async function post(url: string, query: string, variables: object = {}) {
  const headers = { "Content-Type": "application/json" };
  const response = await fetch(`${url}/graphql`, {
    method: "POST",
    headers,
    body: JSON.stringify({ query, variables }),
  });
  const { data, errors } = (await response.json()) as { data: { generateImages: { id: string } }; errors?: unknown };
  if (errors) throw new Error(JSON.stringify(errors));
  return data;
}
