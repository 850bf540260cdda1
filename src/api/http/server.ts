import { once } from "node:events";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { StartError } from "../../errors.ts";
import { fairTurns } from "./connections/fair-turns.ts";
import { oneAtATime } from "./connections/one-at-a-time.ts";
import { isWebSocket, type UpgradeListener } from "./upgrade.ts";

/** How long unfinished answers may take after the server has stopped listening. */
const LAST_ANSWERS_MS = 3_000;
/**
 * How long an idle connection stays open. Most load balancers keep one for 60 s, so the gateway never closes a
 * connection that a load balancer is about to use.
 */
const KEEP_ALIVE_MS = 75_000;
/** How long the head of a request may take to arrive. A body has a minimum rate instead: see `watchBodies`. */
const HEAD_TIMEOUT_MS = 60_000;
/** How often Node checks for heads that take too long. */
const HEAD_CHECK_MS = 10_000;
/** The most connections that the operating system accepts before the gateway does. Linux allows 4,096 by default. */
const MAX_BACKLOG = 4_096;
/** The most connections at once. A further one is closed immediately, and so are all idle ones, to make room. */
const MAX_CONNECTIONS = 10_000;
/**
 * How often idle connections are closed during a stop. A connection becomes idle after its last answer and would stay
 * open.
 */
const CLOSE_IDLE_EVERY_MS = 50;

export interface HttpServer {
  /** The address it listens on: `http://localhost:8080`. */
  readonly url: string;
  /**
   * Passes requests and upgrades on from now on. Before this call connections are refused, so that a proxy asks another
   * process. Only a port that the system chose listens already, and answers with 503.
   *
   * @throws StartError when another program has taken the port since
   */
  serve(app: RequestListener, upgrade?: UpgradeListener): Promise<void>;
  /** Accepts no new connections from now on. Requests that are being answered continue. */
  stopAccepting(): void;
  /**
   * Stops accepting, and resolves when every connection is closed. After {@link LAST_ANSWERS_MS} the remaining ones
   * are closed by force.
   */
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
 * Prepares to listen on the address, and checks that it is free. Do this first: if it is refused, nothing has to be
 * undone.
 *
 * @param port 0 for any free port
 * @param maxConnections the most connections at once
 * @param setting the setting that the port comes from, for errors
 * @throws StartError when the gateway cannot listen on the address
 */
export async function listen(
  host: string,
  port: number,
  maxConnections = MAX_CONNECTIONS,
  setting = "PORT",
): Promise<HttpServer> {
  let app = answerNotReady;
  let upgrade = refuseUpgrade;
  const options = {
    IncomingMessage: fairTurns.messageClass(),
    shouldUpgradeCallback: isWebSocket,
    keepAliveTimeout: KEEP_ALIVE_MS,
    requestTimeout: 0,
    headersTimeout: HEAD_TIMEOUT_MS,
    connectionsCheckingInterval: HEAD_CHECK_MS,
  };
  const server = createServer(
    options,
    oneAtATime((request, response) => app(request, response)),
  );
  server.maxConnections = maxConnections;
  // Node's own listener begins to read a connection as soon as it is accepted.
  const [serveConnection] = server.listeners("connection") as [(this: typeof server, connection: Socket) => void];
  server.removeAllListeners("connection");
  server.on("connection", (socket) => fairTurns.accept(socket, () => serveConnection.call(server, socket)));
  server.on("drop", () => server.closeIdleConnections());
  server.on("upgrade", (request, socket, head) => {
    fairTurns.remove(socket as Socket);
    upgrade(request, socket, head);
  });
  const closed = Promise.withResolvers<void>();
  const open = () =>
    new Promise<void>((resolve, reject) => {
      const refuse = (cause: Error) => reject(toStartError(cause, host, port, setting));
      server.once("error", refuse);
      server.listen({ port, host, backlog: MAX_BACKLOG }, () => {
        server.removeListener("error", refuse);
        resolve();
      });
    });
  await open();
  const url = toUrl(host, (server.address() as AddressInfo).port);
  let isOpen = port === 0;
  if (!isOpen) await closeAtOnce(server);
  server.once("close", closed.resolve);
  return {
    url,
    async serve(requestListener, upgradeListener = refuseUpgrade) {
      app = requestListener;
      upgrade = upgradeListener;
      if (!isOpen) await open();
      isOpen = true;
    },
    stopAccepting: () => void server.close(),
    async close() {
      if (!isOpen) return;
      server.close();
      const force = setTimeout(() => server.closeAllConnections(), LAST_ANSWERS_MS);
      const closeIdle = setInterval(() => server.closeIdleConnections(), CLOSE_IDLE_EVERY_MS);
      await closed.promise;
      clearTimeout(force);
      clearInterval(closeIdle);
    },
  };
}

async function closeAtOnce(server: Server): Promise<void> {
  const closed = once(server, "close");
  server.close();
  server.closeAllConnections();
  await closed;
}

function toUrl(host: string, port: number): string {
  const isEverywhere = host === "0.0.0.0" || host === "::";
  const name = isEverywhere || host === "127.0.0.1" ? "localhost" : host.includes(":") ? `[${host}]` : host;
  return `http://${name}:${port}`;
}

function toStartError(cause: NodeJS.ErrnoException, host: string, port: number, setting: string): StartError {
  switch (cause.code) {
    case "EADDRINUSE":
      return new StartError(
        [`${setting}: ${port} on ${host} is in use by another process; stop it or set another ${setting}`],
        {
          cause,
        },
      );
    case "EACCES":
      return new StartError([`${setting}: this user may not listen on ${port}; set another ${setting}`], { cause });
    default:
      return new StartError([`HOST: cannot listen on ${host} (${cause.code}); set an address of this machine`], {
        cause,
      });
  }
}
