import type { ExecutionResult } from "graphql";
import { createClient } from "graphql-ws";
import { WebSocket } from "ws";

export interface SocketCaller {
  /** Returns the socket URL of a gateway that accepts requests. */
  url(): Promise<string>;
  /** The payload of `connection_init`. */
  readonly connectionParams: Readonly<Record<string, string>>;
  /** The wait before the library connects again. */
  pause(): Promise<void>;
  /** Called each time the operation is sent again. */
  onRepeat(): void;
}

/**
 * Sends an operation over a WebSocket as browser clients do. If the connection closes before the answer is complete,
 * for any reason, the library connects again and resends the operation.
 * @throws the errors of an operation that did not begin
 */
export async function askOverSocket(query: string, variables: object, caller: SocketCaller): Promise<ExecutionResult> {
  let connections = 0;
  const client = createClient({
    url: () => caller.url(),
    connectionParams: { ...caller.connectionParams },
    webSocketImpl: WebSocket,
    retryAttempts: Number.POSITIVE_INFINITY,
    retryWait: () => caller.pause(),
    shouldRetry: () => true,
    on: {
      connected: () => {
        connections++;
        if (connections > 1) caller.onRepeat();
      },
    },
  });
  try {
    const [result] = await Array.fromAsync(client.iterate({ query, variables: { ...variables } }));
    return result as ExecutionResult;
  } finally {
    await client.dispose();
  }
}
