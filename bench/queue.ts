import { once } from "node:events";
import { Agent, createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { GATEWAY, MeasuredProcess } from "./measured-process.ts";
import { mib, type Row } from "./row.ts";

const QUEUED = 10_000;
const CONNECTIONS = 32;

/** What a long queue costs while nothing of it is carried out. */
export async function measure(): Promise<Row[]> {
  const { acceptedPerSecond, firstGrowthBytes, nextGrowthBytes } = await measureQueue();
  return [
    {
      figure: "accepted a second, 10,000 by GraphQL",
      measured: acceptedPerSecond.toFixed(0),
      target: "500",
      comparedWith: "each record synced to disk before its answer",
    },
    {
      figure: "resident set grown by them, from a fresh start",
      measured: mib(firstGrowthBytes),
      target: "50 MiB",
      comparedWith: `by 10,000 more ${mib(nextGrowthBytes)}`,
    },
  ];
}

interface QueueFigures {
  readonly acceptedPerSecond: number;
  /** Growth of the resident set from a process that has just started, V8's heap taking its size included. */
  readonly firstGrowthBytes: number;
  /** Growth by as many again. */
  readonly nextGrowthBytes: number;
}

/** Has ten thousand generations accepted while the provider never answers, so that nearly all of them stay queued. */
async function measureQueue(): Promise<QueueFigures> {
  const silent = createServer(() => {}).listen(0, "127.0.0.1");
  await once(silent, "listening");
  const gateway = await MeasuredProcess.start(GATEWAY, {
    isMonitored: true,
    environment: {
      OPENAI_API_KEY: "none",
      OPENAI_BASE_URL: `http://127.0.0.1:${(silent.address() as AddressInfo).port}/v1`,
      PICTOGRAPH_MAX_CONCURRENCY: "1",
      PICTOGRAPH_MAX_QUEUE: String(3 * QUEUED),
    },
  });
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  const before = await gateway.vitals();
  const startedAt = performance.now();
  await acceptMany(gateway.url, agent, QUEUED);
  const seconds = (performance.now() - startedAt) / 1000;
  const between = await gateway.vitals();
  await acceptMany(gateway.url, agent, QUEUED);
  const after = await gateway.vitals();
  agent.destroy();
  silent.closeAllConnections();
  silent.close();
  await gateway.stop();
  return {
    acceptedPerSecond: QUEUED / seconds,
    firstGrowthBytes: between.residentBytes - before.residentBytes,
    nextGrowthBytes: after.residentBytes - between.residentBytes,
  };
}

const MUTATION = `mutation ($prompt: String!) { generateImages(input: { prompt: $prompt, waitSeconds: 0 }) { id } }`;

async function acceptMany(url: string, agent: Agent, count: number): Promise<void> {
  let next = 0;
  const client = async () => {
    while (next < count) await accept(url, agent, `a picture of ${next++}`);
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, client));
}

/** @throws Error unless the generation was accepted */
function accept(url: string, agent: Agent, prompt: string): Promise<void> {
  const body = JSON.stringify({ query: MUTATION, variables: { prompt } });
  return new Promise((resolve, reject) => {
    const post = request(
      `${url}/graphql`,
      {
        method: "POST",
        agent,
        headers: { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(body) },
      },
      (response) => {
        let text = "";
        response.setEncoding("utf8").on("data", (part) => {
          text += part;
        });
        response.on("end", () => (text.includes('"gen_') ? resolve() : reject(new Error(text))));
      },
    );
    post.on("error", reject).end(body);
  });
}
