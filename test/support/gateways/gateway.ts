import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { listen } from "../../../src/api/http/server.ts";
import { createGateway, type Gateway, type GatewayOptions } from "../../../src/gateway.ts";

export interface RunningGateway {
  /** `http://localhost:<a free port>` */
  readonly url: string;
  readonly dataDir: string;
  readonly gateway: Gateway;
  /** Runs a GraphQL operation by POST and returns status and body. */
  graphql(
    query: string,
    variables?: object,
    headers?: Record<string, string>,
  ): Promise<{ status: number; body: GraphQLBody }>;
  /** Closes everything and keeps the data directory. */
  stop(): Promise<void>;
  /** Closes everything and removes the data directory. */
  close(): Promise<void>;
}

export interface GraphQLBody {
  // biome-ignore lint/suspicious/noExplicitAny: a test reads whatever its query asked for
  readonly data?: any;
  readonly errors?: readonly { message: string; path?: string[]; extensions: Record<string, unknown> }[];
}

/** A complete gateway in this process, with its own empty data directory, on a free port. */
export async function startGateway(options: GatewayOptions = {}): Promise<RunningGateway> {
  const dataDir = options.dataDir ?? (await mkdtemp(join(tmpdir(), "pictograph-test-")));
  const server = await listen("127.0.0.1", 0);
  const gateway = await createGateway({ pages: true, ...options, dataDir }).catch(async (error: unknown) => {
    await server.close();
    throw error;
  });
  await server.serve(gateway.app, gateway.handleUpgrade);
  const { url } = server;
  const stop = async () => {
    server.stopAccepting();
    await gateway.close();
    await server.close();
  };
  return {
    url,
    dataDir,
    gateway,
    async graphql(query, variables = {}, headers = {}) {
      const response = await fetch(`${url}/graphql`, {
        method: "POST",
        headers: { "Content-Type": "application/json", ...headers },
        body: JSON.stringify({ query, variables }),
      });
      return { status: response.status, body: (await response.json()) as GraphQLBody };
    },
    stop,
    async close() {
      await stop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}
