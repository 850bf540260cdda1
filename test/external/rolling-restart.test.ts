import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect } from "@jest/globals";
import { generateImages, graphql } from "../support/clients/graphql-client.ts";
import type { GatewayProcess } from "../support/processes/gateway-process.ts";
import { gatewayProcesses } from "../support/processes/gateway-processes.ts";
import { freePort, type ProxyProcess, startCaddy, startNginx } from "../support/processes/proxies.ts";
import { type PostgresServer, startPostgresServer } from "../support/stores/postgres.ts";
import { S3_CREDENTIALS, type S3Server, startS3Server } from "../support/stores/s3-server.ts";
import { temporaryDirectories } from "../support/temporary-directory.ts";
import { runsHere, testWhere } from "./when-present.ts";

const has = { nginx: await runsHere("nginx", "-v"), caddy: await runsHere("caddy", "version") };
const CLIENTS = 4;
/** How many orders are answered between two ends of gateways. */
const ANSWERS = 10;
/** How often an order is sent. It may meet a stopping gateway twice. */
const ATTEMPTS = 4;

const newDirectory = temporaryDirectories();
const start = gatewayProcesses();

let postgres: PostgresServer;
let s3: S3Server;

beforeAll(async () => {
  if (!has.nginx && !has.caddy) return;
  postgres = await startPostgresServer();
  s3 = await startS3Server("s3rver");
});

afterAll(async () => {
  await s3?.stop();
  await postgres?.stop();
});

type Start = (directory: string, port: number, gateways: readonly number[]) => Promise<ProxyProcess>;

/** Both settings follow docs/operating.md. */
const PROXIES: readonly (readonly ["nginx" | "caddy", Start])[] = [
  [
    "nginx",
    (directory, port, gateways) => {
      const servers = gateways.map((gateway) => `server 127.0.0.1:${gateway} max_fails=0;`).join(" ");
      const location = "location / { proxy_pass http://gateways; proxy_set_header Host $host; }";
      const server = `server { listen 127.0.0.1:${port}; ${location} }`;
      return startNginx(directory, `upstream gateways { ${servers} } ${server}`, { host: "127.0.0.1", port });
    },
  ],
  [
    "caddy",
    (directory, port, gateways) => {
      const addresses = gateways.map((gateway) => `127.0.0.1:${gateway}`).join(" ");
      const proxy = `reverse_proxy ${addresses} {\nlb_policy round_robin\nlb_try_duration 10s\n}`;
      const file = `{\nadmin off\n}\nhttp://127.0.0.1:${port} {\nbind 127.0.0.1\n${proxy}\n}\n`;
      return startCaddy(directory, file, { host: "127.0.0.1", port });
    },
  ],
];

for (const [program, startProxy] of PROXIES) {
  testWhere(
    has[program],
    program,
    `behind ${program}, every order gets its image, made once, while gateways restart in turn`,
    async () => {
      const env = {
        DATABASE_URL: await postgres.createDatabase(),
        S3_BUCKET: await s3.newBucket(),
        S3_ENDPOINT: s3.endpoint,
        AWS_ACCESS_KEY_ID: S3_CREDENTIALS.accessKeyId,
        AWS_SECRET_ACCESS_KEY: S3_CREDENTIALS.secretAccessKey,
        PICTOGRAPH_SIGNING_SECRET: "a-signing-secret-of-the-test",
        PICTOGRAPH_MAX_CONCURRENCY: String(2 * CLIENTS),
      };
      const ports = [await freePort(), await freePort()];
      const run = (port: number) => start({ ...env, PORT: String(port) });
      const gateways: GatewayProcess[] = await Promise.all(ports.map(run));
      const port = await freePort();
      const proxy = await startProxy(await newDirectory(), port, ports);
      const load = new Load(`http://127.0.0.1:${port}`);
      try {
        for (const [index, gatewayPort] of [...ports, ...ports].entries()) {
          await load.answers(ANSWERS);
          await gateways[index]?.stop();
          await load.answers(ANSWERS);
          gateways.push(await run(gatewayPort));
        }
        await load.answers(ANSWERS);
      } finally {
        await load.end();
        await proxy.stop();
      }

      const { data } = await graphql(gateways.at(-1)?.url ?? "", "{ generations(first: 1) { totalCount } }");
      expect(load.failures).toEqual([]);
      expect(data.generations.totalCount).toBe(load.count);
    },
  );
}

/** Clients that order one image after another. */
class Load {
  /** The reasons why orders did not get their image, one entry per attempt. */
  readonly failures: (readonly string[])[] = [];
  readonly #clients: readonly Promise<void>[];
  #count = 0;
  #isOver = false;
  #next = Promise.withResolvers<void>();

  constructor(url: string) {
    this.#clients = Array.from({ length: CLIENTS }, async () => {
      while (!this.#isOver) await this.#order(url);
    });
  }

  /** The number of finished orders. */
  get count(): number {
    return this.#count;
  }

  /** Resolves after this many more orders. */
  async answers(count: number): Promise<void> {
    const end = this.#count + count;
    while (this.#count < end) await this.#next.promise;
  }

  async end(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#clients);
  }

  /** Sends an order with its key until it gets its image, as clients should. */
  async #order(url: string): Promise<void> {
    const idempotencyKey = randomUUID();
    const reasons: string[] = [];
    while (reasons.length < ATTEMPTS) {
      const status = await generateImages(url, { idempotencyKey }).then((answer) => answer.status, String);
      if (status === "SUCCEEDED") break;
      reasons.push(status);
    }
    if (reasons.length === ATTEMPTS) this.failures.push(reasons);
    this.#count++;
    this.#next.resolve();
    this.#next = Promise.withResolvers();
  }
}
