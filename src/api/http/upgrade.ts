import { type IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { Express } from "express";

/** What `http.Server` hands over with its `upgrade` event. */
export type UpgradeListener = (request: IncomingMessage, socket: Duplex, head: Buffer) => void;

/** A connection that its client wants to speak another protocol on. */
export interface Upgrade {
  /** The first bytes of that protocol, as far as they came. */
  readonly head: Buffer;
  /** Takes the connection over: from now on it is the caller's. */
  take(): Duplex;
}

const upgrades = new WeakMap<IncomingMessage, Upgrade>();

/** The connection that a request wants to take over; `undefined` for most requests. */
export function upgradeOf(request: IncomingMessage): Upgrade | undefined {
  return upgrades.get(request);
}

/**
 * Sends upgrades through the app like any request, so that they have the same address, the same origins and the same
 * errors. Who does not take the connection over answers the request, and the connection is closed.
 *
 * @param path where upgrades are answered. What the request has before it is where the app is mounted
 */
export function upgradeThrough(app: Express, path: string): UpgradeListener {
  return (request, socket, head) => {
    const response = new ServerResponse(request);
    response.shouldKeepAlive = false;
    response.assignSocket(socket as Socket);
    // A client that does not close its side would keep the connection for ever.
    response.on("finish", () => (socket as Socket).destroySoon());
    const abandon = () => socket.destroy();
    socket.on("error", abandon);
    if (!isWebSocket(request)) {
      response.writeHead(426, { Upgrade: "websocket" }).end();
      return;
    }
    upgrades.set(request, {
      head,
      take() {
        response.detachSocket(socket as Socket);
        socket.off("error", abandon);
        // This was its last word in HTTP.
        response.statusCode = 101;
        response.emit("close");
        return socket;
      },
    });
    mountAt(request, path);
    app(request, response);
  };
}

/** Some clients offer another protocol with every request, and are content when it is answered as it is. */
export function isWebSocket({ headers }: IncomingMessage): boolean {
  return headers.upgrade?.toLowerCase() === "websocket";
}

/** As Express does for an app that is mounted below a prefix. */
function mountAt(request: IncomingMessage, path: string): void {
  const { url = "" } = request;
  const [pathname = ""] = url.split("?", 1);
  const withoutSlash = pathname.endsWith("/") ? pathname.slice(0, -1) : pathname;
  if (!withoutSlash.endsWith(path)) return;
  const baseUrl = withoutSlash.slice(0, -path.length);
  Object.assign(request, { originalUrl: url, baseUrl, url: url.slice(baseUrl.length) });
}
