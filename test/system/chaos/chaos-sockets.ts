import type { ExecutionResult } from "graphql";
import { createClient } from "graphql-ws";
import { WebSocket } from "ws";

export interface SocketCaller {
  /** The socket of a gateway that takes traffic. */
  url(): Promise<string>;
  /** What the first message carries. */
  readonly connectionParams: Readonly<Record<string, string>>;
  /** What the library waits for before it connects again. */
  pause(): Promise<void>;
  /** Told each time that the operation is sent once more. */
  onRepeat(): void;
}

/**
 * Sends an operation over a WebSocket as the clients of browsers do. When the connection closes before the answer is
 * complete, whatever the reason, the library connects again and sends the operation again.
 *
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
