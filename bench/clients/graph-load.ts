import autocannon from "autocannon";
import type { MeasuredProcess } from "../processes/measured-process.ts";
import { median } from "../row.ts";

const CONNECTIONS = 20;
const ROUND_SECONDS = 2;
const ROUNDS = 5;

/** How fast a server answers a GraphQL operation. */
export interface Rate {
  readonly requestsPerSecond: number;
  /** Processor time of the server for each request. */
  readonly cpuMicroseconds: number;
}

/**
 * Measures the servers in turns, so that other work of the machine affects all of them. The first round warms them up.
 */
export async function compare(servers: readonly MeasuredProcess[], body: string): Promise<Rate[]> {
  const rounds: Rate[][] = servers.map(() => []);
  for (let round = 0; round <= ROUNDS; round++) {
    for (const [index, server] of servers.entries()) {
      const rate = await rateOf(server, body);
      if (round > 0) rounds[index]?.push(rate);
    }
  }
  return rounds.map((rates) => ({
    requestsPerSecond: median(rates.map(({ requestsPerSecond }) => requestsPerSecond)),
    cpuMicroseconds: median(rates.map(({ cpuMicroseconds }) => cpuMicroseconds)),
  }));
}

/** @throws Error when a request was not answered as it should be */
async function rateOf(server: MeasuredProcess, body: string): Promise<Rate> {
  const before = await server.vitals();
  const { requests, non2xx, errors } = await autocannon({
    url: `${server.url}/graphql`,
    method: "POST",
    headers: { "content-type": "application/json" },
    body,
    connections: CONNECTIONS,
    duration: ROUND_SECONDS,
    verifyBody: (text) => !text?.includes('"errors"'),
  });
  if (non2xx + errors > 0) throw new Error(`${non2xx + errors} requests failed at ${server.url}`);
  const { cpuMs } = await server.vitals();
  return { requestsPerSecond: requests.average, cpuMicroseconds: ((cpuMs - before.cpuMs) * 1000) / requests.total };
}
