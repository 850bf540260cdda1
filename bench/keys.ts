import { once } from "node:events";
import { Agent, createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { startIdentityProvider } from "../test/support/network/identity-provider.ts";
import { post } from "./hot-path/post.ts";
import { GATEWAY, MeasuredProcess } from "./processes/measured-process.ts";
import { median, type Row, timed, us } from "./row.ts";

const ROUNDS = 5;
const REQUESTS = 4_000;
const GENERATIONS = 1_000;
const CONNECTIONS = 16;
const ADMIN_KEY = "an-admin-key-of-32-characters-or-more";
const BUDGETS = [
  { window: "DAY", limitUsd: "1000000" },
  { window: "MONTH", limitImages: 100_000_000 },
];

/** The rest of the keyed gateway's store, besides the measured key. */
const MANY = { projects: 1_000, keysOfEach: 10 };

/**
 * Measures what credentials and limits cost compared with an open gateway: in a store with one project, and in one with
 * a thousand projects of ten keys each. The callers take turns.
 */
export async function measure(): Promise<Row[]> {
  const few = await measureStore("", { projects: 0, keysOfEach: 0 });
  return [...few, ...(await measureStore(", beside 1,000 projects and 10,000 keys", MANY))];
}

async function measureStore(beside: string, others: typeof MANY): Promise<Row[]> {
  const silent = createServer(() => {}).listen(0, "127.0.0.1");
  await once(silent, "listening");
  const provider = await startIdentityProvider(() => new Date());
  const environment = {
    OPENAI_API_KEY: "none",
    OPENAI_BASE_URL: `http://127.0.0.1:${(silent.address() as AddressInfo).port}/v1`,
    PICTOGRAPH_MAX_CONCURRENCY: "1",
    PICTOGRAPH_MAX_QUEUE: "1000000",
  };
  const open = await startOpen(environment);
  const keyed = await MeasuredProcess.start(GATEWAY, {
    isMonitored: true,
    environment: {
      ...environment,
      PICTOGRAPH_ADMIN_KEY: ADMIN_KEY,
      PICTOGRAPH_JWT_ISSUER: provider.config.issuer,
      PICTOGRAPH_JWT_AUDIENCE: provider.config.audience,
      PICTOGRAPH_JWT_JWKS_URL: provider.config.jwksUrl,
    },
  });
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  try {
    const tokens = await createOthers(keyed.url, agent, others);
    const limits = { budgets: BUDGETS, requestsPerMinute: 100_000_000 };
    const { projectId, token } = await createKey(keyed.url, agent, limits);
    const jwt = await provider.sign({ sub: "ann", pictograph_project: projectId });
    const callers: readonly Sender[] = [
      { process: open, agent, secret: undefined },
      { process: keyed, agent, secret: token },
      { process: keyed, agent, secret: jwt },
    ];
    const rows = [...(await measureRequests(callers)), ...(await measureAcceptance(callers.slice(0, 2)))];
    if (tokens.length > 0) rows.push(await measureUncached(keyed, agent, tokens));
    return rows.map((row) => ({ ...row, figure: row.figure + beside }));
  } finally {
    agent.destroy();
    await Promise.all([open.stop(), keyed.stop(), provider.close()]);
    silent.closeAllConnections();
    silent.close();
  }
}

/** Creates projects and keys that are not measured, and returns the keys' tokens. */
async function createOthers(url: string, agent: Agent, { projects, keysOfEach }: typeof MANY): Promise<string[]> {
  const limits = { budgets: BUDGETS.slice(0, 1) };
  const tokens: string[] = [];
  await repeat(projects, async () => {
    const { projectId, token } = await createKey(url, agent, limits);
    tokens.push(token);
    for (let i = 1; i < keysOfEach; i++) tokens.push(await addKey(url, agent, projectId, limits));
  });
  return tokens;
}

/**
 * Measures the processor time of the smallest operation if each request has another key, which must be read from the
 * store.
 */
async function measureUncached(process: MeasuredProcess, agent: Agent, tokens: readonly string[]): Promise<Row> {
  const before = await process.vitals();
  await repeat(tokens.length, (i) => send({ process, agent, secret: tokens[i] }, "{ __typename }"));
  const { cpuMs } = await process.vitals();
  return {
    figure: "processor time of { __typename } with a key that is not cached",
    measured: `${(((cpuMs - before.cpuMs) * 1000) / tokens.length).toFixed(0)} µs`,
    target: "none",
    comparedWith: `${tokens.length} keys, each of which was used for the first time`,
  };
}

interface Sender {
  readonly process: MeasuredProcess;
  readonly agent: Agent;
  readonly secret: string | undefined;
}

function startOpen(environment: Readonly<Record<string, string>>): Promise<MeasuredProcess> {
  return MeasuredProcess.start(GATEWAY, {
    isMonitored: true,
    environment: { ...environment, PICTOGRAPH_DAILY_BUDGET_USD: "1000000" },
  });
}

/** Measures the processor time of the smallest operation, which is little else than authentication. */
async function measureRequests(callers: readonly Sender[]): Promise<Row[]> {
  const times = callers.map((): number[] => []);
  for (let round = 0; round <= ROUNDS; round++) {
    for (const [index, sender] of callers.entries()) {
      const before = await sender.process.vitals();
      await repeat(REQUESTS, () => send(sender, "{ __typename }"));
      const { cpuMs } = await sender.process.vitals();
      // The first round compiles the code.
      if (round > 0) times[index]?.push(((cpuMs - before.cpuMs) * 1000) / REQUESTS);
    }
  }
  const [open = Number.NaN, key = Number.NaN, jwt = Number.NaN] = times.map(median);
  const rowOf = (what: string, added: number, target: string): Row => ({
    figure: `processor time that ${what} adds to { __typename }`,
    measured: `${added.toFixed(0)} µs`,
    target,
    comparedWith: `${open.toFixed(0)} µs at an open gateway, medians of ${ROUNDS}`,
  });
  return [rowOf("a cached key", key - open, "20 µs"), rowOf("a JWT", jwt - open, "none")];
}

/** Measures what acceptance takes, with one budget at an open gateway, and with a key, two budgets and a rate limit. */
async function measureAcceptance(callers: readonly Sender[]): Promise<Row[]> {
  const times = callers.map((): number[] => []);
  const cpuTimes = callers.map((): number[] => []);
  for (let round = 0; round <= ROUNDS; round++) {
    for (const [index, sender] of callers.entries()) {
      const before = await sender.process.vitals();
      const elapsedMs = await timed(() =>
        repeat(GENERATIONS, (i) =>
          send(
            sender,
            `mutation { generateImages(input: { prompt: "picture ${round} ${i}", waitSeconds: 0 }) { id } }`,
          ),
        ),
      );
      const { cpuMs } = await sender.process.vitals();
      if (round === 0) continue;
      times[index]?.push(elapsedMs);
      cpuTimes[index]?.push((cpuMs - before.cpuMs) / GENERATIONS);
    }
  }
  const [open = Number.NaN, limited = Number.NaN] = times.map(median);
  const [openCpu = Number.NaN, limitedCpu = Number.NaN] = cpuTimes.map(median);
  const figure = "acceptance with a key, two budgets and a rate limit";
  return [
    {
      figure: `time of ${figure}`,
      measured: `${(limited / open).toFixed(2)} times`,
      target: "1.25 times",
      comparedWith: `${((GENERATIONS / open) * 1000).toFixed(0)} a second at an open gateway with one budget`,
    },
    {
      figure: `processor time of ${figure}`,
      measured: `${(limitedCpu / openCpu).toFixed(2)} times`,
      target: "none",
      comparedWith: `${us(limitedCpu)} beside ${us(openCpu)} at an open gateway with one budget`,
    },
  ];
}

async function createKey(url: string, agent: Agent, limits: object): Promise<{ projectId: string; token: string }> {
  const query = "mutation ($input: CreateProjectInput!) { createProject(input: $input) { id } }";
  const input = { name: "measured", limits: { budgets: BUDGETS.slice(0, 1) } };
  const projectId = (await askAsAdmin(url, agent, query, input)).createProject.id;
  return { projectId, token: await addKey(url, agent, projectId, { ...limits, budgets: BUDGETS.slice(1) }) };
}

async function addKey(url: string, agent: Agent, projectId: string, limits: object): Promise<string> {
  const query = "mutation ($input: CreateApiKeyInput!) { createApiKey(input: $input) { token } }";
  return (await askAsAdmin(url, agent, query, { projectId, name: "measured", limits })).createApiKey.token;
}

// biome-ignore lint/suspicious/noExplicitAny: each operation reads what it asked for
async function askAsAdmin(url: string, agent: Agent, query: string, input: object): Promise<any> {
  const { text } = await post(`${url}/graphql`, { query, variables: { input } }, agent, ADMIN_KEY);
  return JSON.parse(text).data;
}

/** @throws Error when the answer holds one */
async function send({ process, agent, secret }: Sender, query: string): Promise<void> {
  const { text } = await post(`${process.url}/graphql`, { query }, agent, secret);
  if (text.includes('"errors"')) throw new Error(text);
}

async function repeat(count: number, work: (index: number) => Promise<void>): Promise<void> {
  let next = 0;
  const client = async () => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, client));
}
