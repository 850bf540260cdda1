import { once } from "node:events";
import { Agent, createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { GATEWAY, MeasuredProcess } from "./measured-process.ts";
import { mib, type Row } from "./row.ts";

const QUEUED = 10_000;
const WARMING = 2_000;
const CONNECTIONS = 32;

/** Measures the cost of a long queue while none of it runs. */
export async function measure(): Promise<Row[]> {
  const { acceptedPerSecond, growthBytes, warmingBytes } = await measureQueue();
  return [
    {
      figure: "accepted a second, 10,000 by GraphQL",
      measured: acceptedPerSecond.toFixed(0),
      target: "500",
      comparedWith: "each record synced to disk before its answer",
    },
    {
      figure: "resident set grown by them",
      measured: mib(growthBytes),
      target: "50 MiB",
      comparedWith: `by ${WARMING} before them, accepted and canceled, ${mib(warmingBytes)}`,
    },
  ];
}

interface QueueFigures {
  readonly acceptedPerSecond: number;
  /** The growth of the resident set of a process that is warmed up. */
  readonly growthBytes: number;
  /** The growth by the first traffic of a fresh process: compiled code, and room in V8's heap. */
  readonly warmingBytes: number;
}

/** Submits ten thousand generations while the provider never answers, so that nearly all of them stay queued. */
async function measureQueue(): Promise<QueueFigures> {
  const silent = createServer(() => {}).listen(0, "127.0.0.1");
  await once(silent, "listening");
  const gateway = await MeasuredProcess.start(GATEWAY, {
    isMonitored: true,
    environment: {
      OPENAI_API_KEY: "none",
      PICTOGRAPH_DAILY_BUDGET_USD: "1000000",
      OPENAI_BASE_URL: `http://127.0.0.1:${(silent.address() as AddressInfo).port}/v1`,
      PICTOGRAPH_MAX_CONCURRENCY: "1",
      PICTOGRAPH_MAX_QUEUE: String(3 * QUEUED),
    },
  });
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  const started = await gateway.vitals();
  await repeat(WARMING, async (index) => {
    await cancel(gateway.url, agent, await accept(gateway.url, agent, `a picture of ${index}`));
  });
  const before = await gateway.vitals();
  const startedAt = performance.now();
  await repeat(QUEUED, async (index) => {
    await accept(gateway.url, agent, `a picture of ${index}`);
  });
  const seconds = (performance.now() - startedAt) / 1000;
  const after = await gateway.vitals();
  agent.destroy();
  silent.closeAllConnections();
  silent.close();
  await gateway.stop();
  return {
    acceptedPerSecond: QUEUED / seconds,
    growthBytes: after.residentBytes - before.residentBytes,
    warmingBytes: before.residentBytes - started.residentBytes,
  };
}

async function repeat(count: number, work: (index: number) => Promise<void>): Promise<void> {
  let next = 0;
  const client = async () => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, client));
}

const ACCEPT = `mutation ($prompt: String!) { generateImages(input: { prompt: $prompt, waitSeconds: 0 }) { id } }`;
const CANCEL = `mutation ($id: ID!) { cancelGeneration(id: $id) { id } }`;

async function accept(url: string, agent: Agent, prompt: string): Promise<string> {
  const { generateImages } = await ask(url, agent, ACCEPT, { prompt });
  return generateImages?.id ?? "";
}

async function cancel(url: string, agent: Agent, id: string): Promise<void> {
  await ask(url, agent, CANCEL, { id });
}

type Answer = Readonly<Record<string, { readonly id: string }>>;

/** @throws Error when the answer holds one */
function ask(url: string, agent: Agent, query: string, variables: Readonly<Record<string, string>>): Promise<Answer> {
  const body = JSON.stringify({ query, variables });
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
        response.on("end", () => {
          const { data, errors } = JSON.parse(text);
          if (errors) reject(new Error(text));
          else resolve(data);
        });
      },
    );
    post.on("error", reject).end(body);
  });
}
