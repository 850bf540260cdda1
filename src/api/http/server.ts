import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { StartError } from "../../errors.ts";
import { isWebSocket, type UpgradeListener } from "./upgrade.ts";

/** How long answers that are being written may take after the server stopped listening. */
const LAST_ANSWERS_MS = 3_000;
/** Longer than load balancers keep an idle connection, 60 s for most: none is closed just as they use it again. */
const KEEP_ALIVE_MS = 75_000;
/** How long the head of a request may take. A body has a minimum rate instead: see {@link watchBodies}. */
const HEAD_TIMEOUT_MS = 60_000;
/** How often Node looks for heads that take too long. */
const HEAD_CHECK_MS = 10_000;
/** Connections at once. More are closed as they come, and the kept-alive ones that are idle make room for the next. */
const MAX_CONNECTIONS = 10_000;
/** Requests that a client may send on one connection without waiting for answers. Hardly any client sends more than one. */
const MAX_PIPELINED = 64;
/** A kept-alive connection becomes idle with its last answer, and would be kept for seconds more. */
const CLOSE_IDLE_EVERY_MS = 50;

export interface HttpServer {
  /** Where it listens: `http://127.0.0.1:8080`. */
  readonly url: string;
  /** Hands requests and upgrades over from now on; until then they are answered with 503. */
  serve(app: RequestListener, upgrade?: UpgradeListener): void;
  /** Takes no new connections from now on; requests that are being answered go on. */
  stopAccepting(): void;
  /** Resolves when every connection is closed, the last ones by force. */
  close(): Promise<void>;
}

const answerNotReady: RequestListener = (_request, response) => {
  response.writeHead(503, { "Retry-After": "1", Connection: "close" }).end();
};

const refuseUpgrade: UpgradeListener = (_request, socket) => {
  socket.on("error", () => socket.destroy());
  socket.end("HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nConnection: close\r\n\r\n", () => socket.destroy());
};

/**
 * Takes the address, before anything is begun that a refused address would have to undo.
 *
 * @param port 0 for any free one
 * @param maxConnections at once
 * @throws StartError when the address cannot be had
 */
export async function listen(host: string, port: number, maxConnections = MAX_CONNECTIONS): Promise<HttpServer> {
  let app = answerNotReady;
  let upgrade = refuseUpgrade;
  const options = {
    shouldUpgradeCallback: isWebSocket,
    keepAliveTimeout: KEEP_ALIVE_MS,
    requestTimeout: 0,
    headersTimeout: HEAD_TIMEOUT_MS,
    connectionsCheckingInterval: HEAD_CHECK_MS,
  };
  const isFlood = limitPipelining();
  const server = createServer(options, (request, response) => {
    if (!isFlood(request, response)) app(request, response);
  });
  server.maxConnections = maxConnections;
  server.on("drop", () => server.closeIdleConnections());
  server.on("upgrade", (request, socket, head) => upgrade(request, socket, head));
  const closed = Promise.withResolvers<void>();
  await new Promise<void>((resolve, reject) => {
    server.once("error", (cause) => reject(toStartError(cause, host, port)));
    server.listen(port, host, resolve);
  });
  server.once("close", closed.resolve);
  return {
    url: toUrl(host, (server.address() as AddressInfo).port),
    serve: (requestListener, upgradeListener = refuseUpgrade) => {
      app = requestListener;
      upgrade = upgradeListener;
    },
    stopAccepting: () => void server.close(),
    async close() {
      const force = setTimeout(() => server.closeAllConnections(), LAST_ANSWERS_MS);
      const closeIdle = setInterval(() => server.closeIdleConnections(), CLOSE_IDLE_EVERY_MS);
      await closed.promise;
      clearTimeout(force);
      clearInterval(closeIdle);
    },
  };
}

/**
 * Closes connections that send many requests without waiting for answers. One chunk of a connection's data can hold
 * hundreds of requests, and Node handles all of them before it looks at another connection.
 *
 * @returns tells whether a request is one too many on its connection
 */
function limitPipelining(): (request: IncomingMessage, response: ServerResponse) => boolean {
  /** Requests of each connection in this turn of the event loop. */
  const inThisTurn = new Map<Socket, number>();
  /** Requests of each connection that wait for the answers to earlier ones. */
  const waiting = new WeakMap<Socket, number>();
  return ({ socket }, response) => {
    if (socket.destroyed) return true;
    if (inThisTurn.size === 0) setImmediate(() => inThisTurn.clear());
    const count = (inThisTurn.get(socket) ?? 0) + 1;
    inThisTurn.set(socket, count);
    // A response gets the connection once all earlier ones are sent.
    const waitingCount = response.socket ? 0 : (waiting.get(socket) ?? 0) + 1;
    if (waitingCount > 0) {
      waiting.set(socket, waitingCount);
      response.once("close", () => waiting.set(socket, (waiting.get(socket) ?? 1) - 1));
    }
    const isTooMany = Math.max(count, waitingCount) > MAX_PIPELINED;
    if (isTooMany) socket.destroy();
    return isTooMany;
  };
}

function toUrl(host: string, port: number): string {
  const isEverywhere = host === "0.0.0.0" || host === "::";
  const name = isEverywhere || host === "127.0.0.1" ? "localhost" : host.includes(":") ? `[${host}]` : host;
  return `http://${name}:${port}`;
}

function toStartError(cause: NodeJS.ErrnoException, host: string, port: number): StartError {
  switch (cause.code) {
    case "EADDRINUSE":
      return new StartError([`PORT: ${port} on ${host} is in use by another process; stop it or set another PORT`], {
        cause,
      });
    case "EACCES":
      return new StartError([`PORT: this user may not listen on ${port}; set another PORT`], { cause });
    default:
      return new StartError([`HOST: cannot listen on ${host} (${cause.code}); set an address of this machine`], {
        cause,
      });
  }
}
