import { once } from "node:events";
import { Agent, createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { GATEWAY, MeasuredProcess } from "./measured-process.ts";
import { mib, ms, type Row } from "./row.ts";

const QUEUED = 10_000;
const WARMING = 2_000;
const CONNECTIONS = 32;

const ADMIN_KEY = "the-admin-key-of-a-measurement-with-32-characters";

/** Measures the cost of a long queue while none of it runs: on an open gateway, and with an API key under two budgets. */
export async function measure(): Promise<Row[]> {
  const open = await measureQueue(false);
  const keyed = await measureQueue(true);
  return [
    {
      figure: "accepted a second, 10,000 by GraphQL",
      measured: open.acceptedPerSecond.toFixed(0),
      target: "500",
      comparedWith: "each record synced to disk before its answer",
    },
    {
      figure: "processor time of one of them",
      measured: ms(open.cpuMsEach),
      target: "none",
      comparedWith: "the gateway alone",
    },
    {
      figure: "resident set grown by them",
      measured: mib(open.growthBytes),
      target: "50 MiB",
      comparedWith: `by ${WARMING} before them, accepted and canceled, ${mib(open.warmingBytes)}`,
    },
    {
      figure: "accepted a second with an API key and two budgets",
      measured: keyed.acceptedPerSecond.toFixed(0),
      target: "500",
      comparedWith: "a budget of dollars of the project, one of images of the key",
    },
    {
      figure: "processor time of one of them with a key",
      measured: ms(keyed.cpuMsEach),
      target: ms(1.25 * open.cpuMsEach),
      comparedWith: "1.25 times that on an open gateway",
    },
  ];
}

interface QueueFigures {
  readonly acceptedPerSecond: number;
  readonly cpuMsEach: number;
  /** The growth of the resident set of a process that is warmed up. */
  readonly growthBytes: number;
  /** The growth by the first traffic of a fresh process: compiled code, and room in V8's heap. */
  readonly warmingBytes: number;
}

/** Submits ten thousand generations while the provider never answers, so that nearly all of them stay queued. */
async function measureQueue(isKeyed: boolean): Promise<QueueFigures> {
  const silent = createServer(() => {}).listen(0, "127.0.0.1");
  await once(silent, "listening");
  const gateway = await MeasuredProcess.start(GATEWAY, {
    isMonitored: true,
    environment: {
      OPENAI_API_KEY: "none",
      ...(isKeyed ? { PICTOGRAPH_ADMIN_KEY: ADMIN_KEY } : { PICTOGRAPH_DAILY_BUDGET_USD: "1000000" }),
      OPENAI_BASE_URL: `http://127.0.0.1:${(silent.address() as AddressInfo).port}/v1`,
      PICTOGRAPH_MAX_CONCURRENCY: "1",
      PICTOGRAPH_MAX_QUEUE: String(3 * QUEUED),
    },
  });
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  const client: Client = { url: gateway.url, agent, token: isKeyed ? await createKey(gateway.url, agent) : undefined };
  const started = await gateway.vitals();
  await repeat(WARMING, async (index) => {
    await cancel(client, await accept(client, `a picture of ${index}`));
  });
  const before = await gateway.vitals();
  const startedAt = performance.now();
  await repeat(QUEUED, async (index) => {
    await accept(client, `a picture of ${index}`);
  });
  const seconds = (performance.now() - startedAt) / 1000;
  const after = await gateway.vitals();
  agent.destroy();
  silent.closeAllConnections();
  silent.close();
  await gateway.stop();
  return {
    acceptedPerSecond: QUEUED / seconds,
    cpuMsEach: (after.cpuMs - before.cpuMs) / QUEUED,
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

/** Who calls, and how. */
interface Client {
  readonly url: string;
  readonly agent: Agent;
  /** `undefined` on an open gateway. */
  readonly token: string | undefined;
}

/** Creates a project and a key of it, each with a budget that is never used up, and returns the token. */
async function createKey(url: string, agent: Agent): Promise<string> {
  const admin = { url, agent, token: ADMIN_KEY };
  const { createProject } = await ask(
    admin,
    `mutation { createProject(input: { name: "a", limits: { budgets: [{ window: MONTH, limitUsd: "1000000" }] } }) { id } }`,
  );
  const { createApiKey } = await ask(
    admin,
    `mutation ($id: ID!) { createApiKey(input: {
      projectId: $id, name: "a", limits: { budgets: [{ window: DAY, limitImages: 1000000 }] }
    }) { id: token } }`,
    { id: createProject?.id ?? "" },
  );
  return createApiKey?.id ?? "";
}

async function accept(client: Client, prompt: string): Promise<string> {
  const { generateImages } = await ask(client, ACCEPT, { prompt });
  return generateImages?.id ?? "";
}

async function cancel(client: Client, id: string): Promise<void> {
  await ask(client, CANCEL, { id });
}

type Answer = Readonly<Record<string, { readonly id: string }>>;

/** @throws Error when the answer holds one */
function ask(
  { url, agent, token }: Client,
  query: string,
  variables: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const body = JSON.stringify({ query, variables });
  return new Promise((resolve, reject) => {
    const post = request(
      `${url}/graphql`,
      {
        method: "POST",
        agent,
        headers: {
          "Content-Type": "application/json",
          "Content-Length": Buffer.byteLength(body),
          ...(token !== undefined && { Authorization: `Bearer ${token}` }),
        },
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
