import { listen } from "./api/http/server.ts";
import { readConfig } from "./config.ts";
import { createGateway } from "./gateway.ts";

/** A gateway inside the process of a command. */
export interface LocalGateway {
  readonly url: string;
  /** Its admin key; `undefined` if it is open. */
  readonly apiKey: string | undefined;
  /** Accepts nothing new and lets running generations finish for at most this many milliseconds. */
  drain(graceMs: number): Promise<void>;
  close(): Promise<void>;
}

/**
 * Starts a gateway with the settings of this environment on a free port of this machine. It serves no pages, and its
 * image URLs lead to it.
 *
 * @throws StartError when the configuration is wrong or a part of the gateway cannot be opened
 */
export async function startLocalGateway(): Promise<LocalGateway> {
  const config = readConfig();
  const gateway = await createGateway({
    ...config,
    publicUrl: undefined,
    trustProxy: undefined,
    role: "all",
    metrics: "off",
    traces: undefined,
    pages: false,
    hasStudio: false,
    isRedirecting: false,
  });
  const server = await listen("127.0.0.1", 0);
  await server.serve(gateway.app);
  return {
    url: server.url,
    apiKey: config.adminKeys[0],
    drain: (graceMs) => gateway.drain(graceMs),
    async close() {
      server.stopAccepting();
      // The failures do not concern what the command has stored.
      await gateway.close().catch(() => {});
      await server.close();
    },
  };
}
