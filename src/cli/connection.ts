import type { ClientConfig } from "../config.ts";
import { GatewayClient } from "./gateway-client.ts";
import type { Terminal } from "./terminal.ts";

/** A gateway that a command calls. */
export interface Connection extends AsyncDisposable {
  readonly client: GatewayClient;
  /**
   * Present if the gateway runs inside this process. Accepts nothing new, and lets what runs finish; resolves when it
   * has ended.
   */
  drain?(): Promise<void>;
}

/**
 * Returns the signal that cuts off the calls of a connection. Ctrl-C leaves a gateway elsewhere at once; one inside this
 * process must answer first, because what it has accepted ends with the process.
 */
export function callSignal({ drain }: Connection, interrupted: AbortSignal): AbortSignal {
  return drain ? NEVER : interrupted;
}

const NEVER = new AbortController().signal;
const DEFAULT_URL = "http://localhost:8080";
/** How long the default address may take to show that a gateway is there. Its own checks take up to 2 s. */
const PROBE_TIMEOUT_MS = 3_000;
/** The largest answer of a probe that is read, in bytes. */
const MAX_PROBE_BYTES = 4096;
/** How long generations may continue after Ctrl-C. The gateway stops in 30 s. */
const GRACE_MS = 27_000;

/** Connects to the gateway that the environment names, or that is at the default address. */
export function connectTo({ url, apiKey }: ClientConfig, projectId: string | undefined): Connection {
  const client = new GatewayClient({ url: url ?? DEFAULT_URL, apiKey, projectId });
  return { client, async [Symbol.asyncDispose]() {} };
}

/**
 * Connects as {@link connectTo} does. If the environment names no gateway and none is at the default address, starts
 * one inside this process.
 *
 * @throws StartError when it cannot start
 */
export async function connectOrStart(
  config: ClientConfig,
  projectId: string | undefined,
  terminal: Terminal,
): Promise<Connection> {
  if (config.url !== undefined || config.apiKey !== undefined) return connectTo(config, projectId);
  terminal.progress("Looking for a gateway");
  if (await isGatewayAt(DEFAULT_URL)) return connectTo(config, projectId);
  terminal.progress("Starting");
  // Loading the gateway takes most of a second.
  const { startLocalGateway } = await import("../local-gateway.ts");
  const gateway = await startLocalGateway();
  return {
    client: new GatewayClient({ ...gateway, projectId }),
    drain: () => gateway.drain(GRACE_MS),
    [Symbol.asyncDispose]: () => gateway.close(),
  };
}

/** Whether a gateway listens there; other programs use this port too. */
async function isGatewayAt(url: string): Promise<boolean> {
  try {
    const response = await fetch(`${url}/readyz`, {
      signal: AbortSignal.timeout(PROBE_TIMEOUT_MS),
      redirect: "manual",
    });
    let text = "";
    const decoder = new TextDecoder();
    for await (const chunk of response.body ?? []) {
      text += decoder.decode(chunk, { stream: true });
      if (text.length > MAX_PROBE_BYTES) return false;
    }
    const { status, checks } = JSON.parse(text);
    return typeof status === "string" && typeof checks?.store === "string";
  } catch {
    return false;
  }
}
