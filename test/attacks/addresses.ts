import { Agent, request } from "node:http";
import { text } from "node:stream/consumers";
import type { Attack, Target } from "./attack.ts";

/** A gateway behind a proxy that reports the client's address. */
const PROXIED = { PICTOGRAPH_OPEN: "true", PICTOGRAPH_TRUST_PROXY: "1" };
const QUERY = { path: "/graphql?query=%7B__typename%7D", headers: { "Apollo-Require-Preflight": "1" } };
const CONNECTIONS = 20;
const expected = /^(200|429 RATE_LIMITED)$/;

/** What clients without a key can do through the operator's proxy. */
export const ADDRESS_ATTACKS: readonly Attack[] = [
  {
    name: "an address that floods the gateway",
    env: PROXIED,
    run: (target, scale) => flood(target, scale === "full" ? 20_000 : 700, () => "192.0.2.1"),
    expected,
  },
  {
    name: "more networks than are counted separately",
    env: PROXIED,
    run: (target, scale) =>
      flood(target, scale === "full" ? 150_000 : 700, (index) => {
        const network = index.toString(16).padStart(8, "0");
        return `2001:db8:${network.slice(0, 4)}:${network.slice(4)}::1`;
      }),
    expected,
  },
];

async function flood(target: Target, count: number, addressOf: (index: number) => string): Promise<string[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  const answers: string[] = [];
  let sent = 0;
  const sendOn = async () => {
    while (sent < count) answers.push(await query(target, agent, addressOf(sent++)));
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, sendOn));
  agent.destroy();
  return answers;
}

function query({ url }: Target, agent: Agent, address: string): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const headers = { ...QUERY.headers, "X-Forwarded-For": address };
  const outgoing = request(url, { ...QUERY, headers, agent }, async (answer) => {
    const { errors } = JSON.parse(await text(answer)) as { errors?: readonly { extensions: { code: string } }[] };
    resolve([answer.statusCode, ...(errors ?? []).map(({ extensions }) => extensions.code)].join(" "));
  });
  outgoing.on("error", (error: NodeJS.ErrnoException) => resolve(`no answer (${error.code})`)).end();
  return promise;
}
