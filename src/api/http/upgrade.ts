import { type IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { Express } from "express";

/** Listener of the `upgrade` event of an `http.Server`. */
export type UpgradeListener = (request: IncomingMessage, socket: Duplex, head: Buffer) => void;

/** A connection that its client wants to switch to another protocol. */
export interface Upgrade {
  /** The bytes of that protocol that have already arrived. */
  readonly head: Buffer;
  /** Takes the connection away from HTTP. The calling code then owns the connection. */
  take(): Duplex;
}

const upgrades = new WeakMap<IncomingMessage, Upgrade>();

/** Returns the upgrade that a request asks for; `undefined` when it asks for none. */
export function upgradeOf(request: IncomingMessage): Upgrade | undefined {
  return upgrades.get(request);
}

/**
 * Creates a listener that passes upgrades through the app like any request. So the same checks of address and origin
 * apply, and the same errors are sent. A handler that does not call {@link Upgrade.take} answers the request over HTTP,
 * and the connection is closed. An upgrade that a client sends before it has the answers to its earlier requests closes
 * the connection too.
 *
 * @param path the path of the upgrade route, in lower case; Express matches it in any case. Anything before it in the URL
 *   is the prefix that the app is mounted at
 */
export function upgradeThrough(app: Express, path: string): UpgradeListener {
  return (request, socket, head) => {
    const abandon = () => socket.destroy();
    socket.on("error", abandon);
    const response = new ServerResponse(request);
    response.shouldKeepAlive = false;
    // Otherwise a client that does not close its side would keep the connection open forever.
    response.on("finish", () => (socket as Socket).destroySoon());
    try {
      response.assignSocket(socket as Socket);
    } catch {
      // The answer to an earlier request of this connection is not sent yet, and the connection can belong to one only.
      abandon();
      return;
    }
    if (!isWebSocket(request)) {
      response.writeHead(426, { Upgrade: "websocket" }).end();
      return;
    }
    upgrades.set(request, {
      head,
      take() {
        response.detachSocket(socket as Socket);
        socket.off("error", abandon);
        // Ends the HTTP response, so that the request is logged and counted as answered.
        response.statusCode = 101;
        response.emit("close");
        return socket;
      },
    });
    mountAt(request, path);
    app(request, response);
  };
}

/**
 * Whether a request asks for a WebSocket. Some clients offer another protocol, such as h2c, with every request and
 * accept a plain HTTP answer.
 */
export function isWebSocket({ headers }: IncomingMessage): boolean {
  return headers.upgrade?.toLowerCase() === "websocket";
}

/** Sets the URLs of a request as Express does for an app that is mounted at a prefix. */
function mountAt(request: IncomingMessage, path: string): void {
  const { url = "" } = request;
  const [pathname = ""] = url.split("?", 1);
  const withoutSlash = pathname.endsWith("/") ? pathname.slice(0, -1) : pathname;
  if (!withoutSlash.toLowerCase().endsWith(path)) return;
  const baseUrl = withoutSlash.slice(0, -path.length);
  Object.assign(request, { originalUrl: url, baseUrl, url: url.slice(baseUrl.length) });
}
