import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse, request as sendRequest } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";

/** What goes wrong with a request. */
export type Fault =
  /** The proxy answers by itself, as S3 does when it refuses or fails. */
  | { readonly kind: "answer"; readonly status: number; readonly code: string }
  /** The connection breaks after this many bytes of the request's body. */
  | { readonly kind: "reset"; readonly afterBytes: number }
  /** The server carries out the request, and its answer is lost. */
  | { readonly kind: "lose-answer" }
  /** The connection breaks or goes silent after this many bytes of the answer's body. */
  | { readonly kind: "cut-answer" | "stall-answer"; readonly afterBytes: number }
  /** The request is never answered. */
  | { readonly kind: "hang" };

export interface ProxiedRequest {
  /** The method and its subject: `PUT`, `PUT part 2`, `POST uploads`, `POST uploadId`, `GET list`. */
  readonly operation: string;
  readonly headers: IncomingMessage["headers"];
  /** Resolves when the client's connection is closed or the answer is complete. */
  readonly over: Promise<unknown>;
}

export interface FaultyProxy {
  readonly endpoint: string;
  /** Every request so far. */
  readonly requests: readonly ProxiedRequest[];
  /** The operations of {@link requests}. */
  readonly operations: readonly string[];
  /** Bytes of request bodies that arrived. */
  readonly receivedBytes: number;
  /** Bytes of answers that were passed on. */
  readonly answeredBytes: number;
  /** Called for each request; `undefined` means that it passes. */
  fault: (request: ProxiedRequest) => Fault | undefined;
  /** Resolves with the first (or n-th) request for this operation from now on. */
  next(operation: string, count?: number): Promise<ProxiedRequest>;
  close(): Promise<void>;
}

/** A proxy between a client and a server that causes faults on demand. */
export async function startFaultyProxy(target: string): Promise<FaultyProxy> {
  const requests: ProxiedRequest[] = [];
  const waiting: { readonly operation: string; count: number; resolve(request: ProxiedRequest): void }[] = [];
  let receivedBytes = 0;
  let answeredBytes = 0;
  const count = async function* (answer: AsyncIterable<Buffer>) {
    for await (const chunk of answer) {
      answeredBytes += chunk.length;
      yield chunk;
    }
  };
  const server = createServer((incoming, outgoing) => {
    const proxied = { operation: operationOf(incoming), headers: incoming.headers, over: once(outgoing, "close") };
    requests.push(proxied);
    const fault = proxy.fault(proxied);
    for (const waiter of waiting.filter(({ operation }) => operation === proxied.operation)) {
      waiter.count--;
      if (waiter.count === 0) waiter.resolve(proxied);
    }
    const { socket } = incoming;
    let bodyBytes = 0;
    incoming.on("data", (chunk: Buffer) => {
      receivedBytes += chunk.length;
      bodyBytes += chunk.length;
      if (fault?.kind === "reset" && bodyBytes > fault.afterBytes) socket.resetAndDestroy();
    });
    forward({ target, incoming, outgoing, fault, count }).catch(() => socket.resetAndDestroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const proxy: FaultyProxy = {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    get operations() {
      return requests.map(({ operation }) => operation);
    },
    get answeredBytes() {
      return answeredBytes;
    },
    get receivedBytes() {
      return receivedBytes;
    },
    fault: () => undefined,
    next(operation, count = 1) {
      const { promise, resolve } = Promise.withResolvers<ProxiedRequest>();
      waiting.push({ operation, count, resolve });
      return promise;
    },
    async close() {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
  return proxy;
}

interface Exchange {
  readonly target: string;
  readonly incoming: IncomingMessage;
  readonly outgoing: ServerResponse;
  readonly fault: Fault | undefined;
  count(answer: AsyncIterable<Buffer>): AsyncIterable<Buffer>;
}

async function forward({ target, incoming, outgoing, fault, count }: Exchange): Promise<void> {
  if (fault?.kind === "hang") return;
  if (fault?.kind === "answer") {
    incoming.resume();
    await once(incoming, "end");
    outgoing.writeHead(fault.status, { "Content-Type": "application/xml" });
    outgoing.end(incoming.method === "HEAD" ? undefined : `<Error><Code>${fault.code}</Code></Error>`);
    return;
  }
  const { method, headers } = incoming;
  const onward = sendRequest(new URL(incoming.url ?? "/", target), { method, headers, agent: false });
  const answered = once(onward, "response") as Promise<[IncomingMessage]>;
  await Promise.all([pipeline(incoming, onward), answered]);
  const [answer] = await answered;
  if (fault?.kind === "lose-answer") {
    answer.resume();
    await once(answer, "end");
    throw new Error("the answer gets lost");
  }
  outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
  if (fault?.kind !== "cut-answer" && fault?.kind !== "stall-answer") return pipeline(answer, count, outgoing);
  const beginning = (await buffer(answer)).subarray(0, fault.afterBytes);
  outgoing.flushHeaders();
  await new Promise((resolve) => outgoing.write(beginning, resolve));
  if (fault.kind === "cut-answer") incoming.socket.end();
}

function operationOf({ method, url }: IncomingMessage): string {
  const { searchParams } = new URL(url ?? "", "http://s3");
  if (searchParams.has("list-type")) return `${method} list`;
  if (searchParams.has("partNumber")) return `${method} part ${searchParams.get("partNumber")}`;
  const subject = ["uploads", "uploadId"].find((name) => searchParams.has(name));
  return subject === undefined ? String(method) : `${method} ${subject}`;
}
