import { createClient, type ExecutionResult, type RequestParams } from "graphql-sse";
import { createClient as createSocketClient } from "graphql-ws";
import { type RawData, WebSocket } from "ws";

export const PROTOCOL = "graphql-transport-ws";

/** All fields of `generationEvents`. */
export const GENERATION_EVENTS = `subscription ($id: ID!) {
  generationEvents(id: $id) {
    __typename
    ... on GenerationStatusChanged { generation { id status images { index } failure { code } } }
    ... on PartialImageReady { generation { id } imageIndex partialIndex url }
    ... on ImageReady { image { id index url width height generation { status } } }
  }
}`;

/** The fields of an event that tests check. */
export interface SeenEvent {
  readonly __typename: "GenerationStatusChanged" | "PartialImageReady" | "ImageReady";
  readonly generation?: {
    readonly id: string;
    readonly status: string;
    readonly images: readonly { readonly index: number }[];
    readonly failure: { readonly code: string } | null;
  };
  readonly imageIndex?: number;
  readonly partialIndex?: number;
  readonly url?: string;
  readonly image?: { readonly index: number; readonly url: string; readonly width: number };
}

/** Returns an event in words: `status QUEUED`, `image 0`. */
export function toWords({ __typename, generation, image, imageIndex, partialIndex }: SeenEvent): string {
  if (__typename === "GenerationStatusChanged") return `status ${generation?.status}`;
  return image ? `image ${image.index}` : `partial ${imageIndex}.${partialIndex}`;
}

/** Runs an operation as a client library does, until it ends or the caller stops. */
export type Follow = (gatewayUrl: string, request: RequestParams) => AsyncIterableIterator<ExecutionResult>;

/** Uses the library of graphql-transport-ws, without reconnecting. */
export async function* overSocket(gatewayUrl: string, request: RequestParams): AsyncIterableIterator<ExecutionResult> {
  const client = createSocketClient({ url: socketUrl(gatewayUrl), webSocketImpl: WebSocket, retryAttempts: 0 });
  try {
    yield* client.iterate(request) as AsyncIterable<ExecutionResult>;
  } finally {
    await client.dispose();
  }
}

/** Uses the library of server-sent events, without reconnecting. */
export async function* overStream(
  gatewayUrl: string,
  request: RequestParams,
  headers: Readonly<Record<string, string>> = {},
): AsyncIterableIterator<ExecutionResult> {
  const client = createClient({ url: `${gatewayUrl}/graphql/stream`, retryAttempts: 0, headers: { ...headers } });
  try {
    yield* client.iterate(request);
  } finally {
    client.dispose();
  }
}

/** Collects the events of several generations, each until it ends. */
export async function* follow(transport: Follow, gatewayUrl: string, id: string): AsyncIterableIterator<SeenEvent> {
  for await (const { data, errors } of transport(gatewayUrl, { query: GENERATION_EVENTS, variables: { id } })) {
    if (errors) throw new Error(JSON.stringify(errors));
    yield (data as { generationEvents: SeenEvent }).generationEvents;
  }
}

export function socketUrl(gatewayUrl: string): string {
  return `${gatewayUrl.replace("http", "ws")}/graphql`;
}

export interface Message {
  readonly type: string;
  readonly id?: string;
  // biome-ignore lint/suspicious/noExplicitAny: a test reads whatever it asked for
  readonly payload?: any;
}

/** A socket on which a test writes every message itself. */
export class RawSocket {
  readonly socket: WebSocket;
  readonly messages: Message[] = [];
  /** How the server closed it. */
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>;
  #arrived = Promise.withResolvers<void>();

  private constructor(socket: WebSocket) {
    this.socket = socket;
    const { promise, resolve } = Promise.withResolvers<{ code: number; reason: string }>();
    this.closed = promise;
    socket.on("error", () => {});
    socket.once("close", (code, reason) => {
      resolve({ code, reason: reason.toString() });
      this.#arrived.resolve();
    });
    socket.on("message", (data: RawData) => {
      this.messages.push(JSON.parse(data.toString()));
      this.#arrived.resolve();
      this.#arrived = Promise.withResolvers<void>();
    });
  }

  /** @throws Error with the status if the server refuses the upgrade */
  static async open(url: string, protocols: string | string[] = PROTOCOL, origin?: string): Promise<RawSocket> {
    const socket = new WebSocket(url, protocols, { ...(origin !== undefined && { origin }) });
    const raw = new RawSocket(socket);
    await new Promise((resolve, reject) => {
      socket.once("open", resolve);
      socket.once("error", reject);
    });
    return raw;
  }

  /** Opens a socket and sends `connection_init`. */
  static async introduced(url: string): Promise<RawSocket> {
    const raw = await RawSocket.open(url);
    raw.send({ type: "connection_init" });
    await raw.message(({ type }) => type === "connection_ack");
    return raw;
  }

  send(message: object | string): void {
    this.socket.send(typeof message === "string" ? message : JSON.stringify(message));
  }

  subscribe(id: string, query: string, variables: object = {}): void {
    this.send({ type: "subscribe", id, payload: { query, variables } });
  }

  /** The first message, past or future, that matches. */
  async message(matches: (message: Message) => boolean): Promise<Message> {
    for (;;) {
      const found = this.messages.find(matches);
      if (found) return found;
      if (this.socket.readyState === WebSocket.CLOSED) throw new Error("the socket closed without the awaited message");
      await this.#arrived.promise;
    }
  }
}
