import { once } from "node:events";
import { Agent, createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { post } from "./hot-path/post.ts";
import { GATEWAY, MeasuredProcess, type Vitals } from "./processes/measured-process.ts";
import { median, mib, type Row, timed, us } from "./row.ts";

const QUEUED = 10_000;
const ROUNDS = 10;
const WARMING = 2_000;
const CONNECTIONS = 32;
/** The most that a key, two budgets and a rate limit may cost, compared with an open gateway. */
const MOST_TIMES = 1.25;

const ADMIN_KEY = "the-admin-key-of-a-measurement-with-32-characters";

/**
 * Measures the cost of a long queue while none of it runs: on an open gateway, and with an API key, two budgets and a
 * rate limit. Both gateways run at once and take turns.
 */
export async function measure(): Promise<Row[]> {
  await using stack = new AsyncDisposableStack();
  const silent = createServer(() => {}).listen(0, "127.0.0.1");
  stack.defer(() => void silent.close());
  stack.defer(() => silent.closeAllConnections());
  await once(silent, "listening");
  const provider = `http://127.0.0.1:${(silent.address() as AddressInfo).port}/v1`;
  const start = async (environment: Record<string, string>) => {
    const gateway = await startGateway(provider, environment);
    stack.defer(() => gateway.stop());
    return gateway;
  };
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  stack.defer(() => agent.destroy());
  const open = await Queue.warmUp({
    gateway: await start({ PICTOGRAPH_DAILY_BUDGET_USD: "1000000" }),
    agent,
    token: undefined,
  });
  const gateway = await start({ PICTOGRAPH_ADMIN_KEY: ADMIN_KEY });
  const keyed = await Queue.warmUp({ gateway, agent, token: await createKey(gateway.url, agent) });
  for (let round = 0; round < ROUNDS; round++) {
    await open.fill(QUEUED / ROUNDS);
    await keyed.fill(QUEUED / ROUNDS);
  }
  return rowsOf(await open.figures(), await keyed.figures());
}

function rowsOf(open: QueueFigures, keyed: QueueFigures): Row[] {
  const inTurns = `medians of ${ROUNDS} rounds in turns`;
  return [
    {
      figure: "accepted a second, 10,000 by GraphQL",
      measured: (1000 / open.msEach).toFixed(0),
      target: "500",
      comparedWith: "each record synced to disk before its answer",
    },
    {
      figure: "processor time of one of them",
      measured: us(open.cpuMsEach),
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
      figure: "accepted a second with a key, two budgets and a rate limit",
      measured: (1000 / keyed.msEach).toFixed(0),
      target: "500",
      comparedWith: "a budget of dollars of the project, one of images of the key, and requests a minute of the key",
    },
    {
      figure: "time of one with a key, compared with an open gateway",
      measured: `${(keyed.msEach / open.msEach).toFixed(2)} times`,
      target: `${MOST_TIMES} times`,
      comparedWith: `${(1000 / open.msEach).toFixed(0)} accepted a second there, ${inTurns}`,
    },
    {
      figure: "processor time of one with a key, compared with an open gateway",
      measured: `${(keyed.cpuMsEach / open.cpuMsEach).toFixed(2)} times`,
      target: "none",
      comparedWith: `${us(keyed.cpuMsEach)} beside ${us(open.cpuMsEach)}, ${inTurns}`,
    },
  ];
}

function startGateway(providerUrl: string, environment: Record<string, string>): Promise<MeasuredProcess> {
  return MeasuredProcess.start(GATEWAY, {
    isMonitored: true,
    environment: {
      OPENAI_API_KEY: "none",
      OPENAI_BASE_URL: providerUrl,
      PICTOGRAPH_MAX_CONCURRENCY: "1",
      PICTOGRAPH_MAX_QUEUE: String(3 * QUEUED),
      ...environment,
    },
  });
}

interface QueueFigures {
  readonly msEach: number;
  readonly cpuMsEach: number;
  /** The growth of the resident set of a process that is warmed up. */
  readonly growthBytes: number;
  /** The growth caused by the first traffic of a fresh process: compiled code, and V8's heap. */
  readonly warmingBytes: number;
}

/** The queue of a gateway whose provider never answers, so that nearly all generations stay queued. */
class Queue {
  readonly #caller: Caller;
  readonly #started: Vitals;
  readonly #before: Vitals;
  readonly #msEach: number[] = [];
  readonly #cpuMsEach: number[] = [];
  #count = 0;

  private constructor(caller: Caller, started: Vitals, before: Vitals) {
    this.#caller = caller;
    this.#started = started;
    this.#before = before;
  }

  static async warmUp(caller: Caller): Promise<Queue> {
    const started = await caller.gateway.vitals();
    await repeat(WARMING, async (index) => {
      await cancel(caller, await accept(caller, `a picture of ${index}`));
    });
    return new Queue(caller, started, await caller.gateway.vitals());
  }

  async fill(count: number): Promise<void> {
    const { gateway } = this.#caller;
    const before = await gateway.vitals();
    const elapsedMs = await timed(() =>
      repeat(count, async () => {
        await accept(this.#caller, `a picture of ${this.#count++}`);
      }),
    );
    const after = await gateway.vitals();
    this.#msEach.push(elapsedMs / count);
    this.#cpuMsEach.push((after.cpuMs - before.cpuMs) / count);
  }

  async figures(): Promise<QueueFigures> {
    const { residentBytes } = await this.#caller.gateway.vitals();
    return {
      msEach: median(this.#msEach),
      cpuMsEach: median(this.#cpuMsEach),
      growthBytes: residentBytes - this.#before.residentBytes,
      warmingBytes: this.#before.residentBytes - this.#started.residentBytes,
    };
  }
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

/** The caller. */
interface Caller {
  readonly gateway: MeasuredProcess;
  readonly agent: Agent;
  /** `undefined` on an open gateway. */
  readonly token: string | undefined;
}

/** Creates a project and a key of it, with limits that are never used up, and returns the token. */
async function createKey(url: string, agent: Agent): Promise<string> {
  const askAsAdmin = (query: string, variables = {}) => ask(url, agent, ADMIN_KEY, query, variables);
  const { createProject } = await askAsAdmin(
    `mutation { createProject(input: { name: "a", limits: { budgets: [{ window: MONTH, limitUsd: "1000000" }] } }) { id } }`,
  );
  const { createApiKey } = await askAsAdmin(
    `mutation ($id: ID!) { createApiKey(input: { projectId: $id, name: "a", limits: {
      budgets: [{ window: DAY, limitImages: 1000000 }], requestsPerMinute: 1000000
    } }) { id: token } }`,
    { id: createProject?.id ?? "" },
  );
  return createApiKey?.id ?? "";
}

async function accept({ gateway, agent, token }: Caller, prompt: string): Promise<string> {
  const { generateImages } = await ask(gateway.url, agent, token, ACCEPT, { prompt });
  return generateImages?.id ?? "";
}

async function cancel({ gateway, agent, token }: Caller, id: string): Promise<void> {
  await ask(gateway.url, agent, token, CANCEL, { id });
}

type Answer = Readonly<Record<string, { readonly id: string }>>;

/** @throws Error when the answer holds one */
async function ask(
  url: string,
  agent: Agent,
  token: string | undefined,
  query: string,
  variables: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const { text } = await post(`${url}/graphql`, { query, variables }, agent, token);
  const { data, errors } = JSON.parse(text);
  if (errors) throw new Error(text);
  return data;
}
