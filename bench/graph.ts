import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { compare, type Rate } from "./clients/graph-load.ts";
import { GATEWAY, MeasuredProcess } from "./processes/measured-process.ts";
import type { Row } from "./row.ts";

const IN_MEMORY = fileURLToPath(new URL("./servers/in-memory-server.js", import.meta.url));

interface Operation {
  readonly name: string;
  readonly target: string;
  readonly body: string;
}

const OPERATIONS: readonly Operation[] = [
  { name: "{ __typename }", target: "0.9 of Apollo Server", body: JSON.stringify({ query: "{ __typename }" }) },
  {
    name: "20 generations with images",
    target: "none",
    body: JSON.stringify({
      query:
        "query ($first: Int) { generations(first: $first) { edges { cursor node { id status prompt images { id url width height } } } pageInfo { hasNextPage endCursor } } }",
      variables: { first: 20 },
    }),
  },
  {
    name: "generateImages, accepted",
    target: "none",
    body: JSON.stringify({
      query: "mutation ($input: GenerateImagesInput!) { generateImages(input: $input) { id status } }",
      variables: { input: { prompt: "a red fox in a snowy forest at night", size: "64x64", waitSeconds: 0 } },
    }),
  },
];

/**
 * Measures the requests a second of the graph, including its log lines, and compares it with servers that do nothing
 * else.
 */
export async function measure(): Promise<Row[]> {
  const silent = createServer(() => {}).listen(0, "127.0.0.1");
  await once(silent, "listening");
  const gateway = await MeasuredProcess.start(GATEWAY, {
    isMonitored: true,
    environment: {
      LOG_LEVEL: "info",
      OPENAI_API_KEY: "none",
      PICTOGRAPH_DAILY_BUDGET_USD: "none",
      PICTOGRAPH_MAX_IMAGES_PER_MINUTE: "1000000",
      OPENAI_BASE_URL: `http://127.0.0.1:${(silent.address() as AddressInfo).port}/v1`,
      PICTOGRAPH_MAX_CONCURRENCY: "8",
      PICTOGRAPH_MAX_QUEUE: "1000000",
    },
  });
  const apollo = await MeasuredProcess.start([IN_MEMORY, "apollo"], { isMonitored: true });
  const yoga = await MeasuredProcess.start([IN_MEMORY, "yoga"], { isMonitored: true });
  await makeGenerations(gateway.url);
  const rows: Row[] = [];
  for (const operation of OPERATIONS)
    rows.push(toRow(operation, await compare([gateway, apollo, yoga], operation.body)));
  await Promise.all([gateway, apollo, yoga].map((server) => server.stop()));
  silent.closeAllConnections();
  silent.close();
  return rows;
}

function toRow({ name, target }: Operation, [gateway, apollo, yoga]: readonly Rate[]): Row {
  const text = (rate: Rate | undefined) =>
    `${rate?.requestsPerSecond.toFixed(0)}/s, ${rate?.cpuMicroseconds.toFixed(0)} µs of CPU each`;
  const ratio = (gateway?.requestsPerSecond ?? 0) / (apollo?.requestsPerSecond ?? 1);
  return {
    figure: `requests a second: ${name}`,
    measured: `${text(gateway)}, ${ratio.toFixed(2)} of Apollo Server`,
    target,
    comparedWith: `in memory, Apollo Server on Express ${text(apollo)}; GraphQL Yoga ${text(yoga)}`,
  };
}

async function makeGenerations(url: string): Promise<void> {
  for (let index = 0; index < 20; index++) {
    const query = `mutation { generateImages(input: { prompt: "a fox", n: 2, size: "64x64", model: "illustrator-1" }) { status } }`;
    const response = await fetch(`${url}/graphql`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ query }),
    });
    const text = await response.text();
    if (!text.includes("SUCCEEDED")) throw new Error(text);
  }
}
