import type { Duplex } from "node:stream";
import { Router } from "express";
import { type ExecutionArgs, GraphQLError, parse } from "graphql";
import {
  CloseCode,
  GRAPHQL_TRANSPORT_WS_PROTOCOL,
  type Message,
  MessageType,
  makeServer,
  parseMessage,
} from "graphql-ws";
import { type WebSocket, WebSocketServer } from "ws";
import type { GatewayError } from "../../../errors.ts";
import type { OperationsInFlight } from "../../../lifecycle.ts";
import type { Routes } from "../../http/app.ts";
import type { Arrivals } from "../../http/bodies/arrivals.ts";
import { type UnsentAnswers, unsentAnswers } from "../../http/connections/unsent-answers.ts";
import { contextOf } from "../../http/request-context.ts";
import { upgradeOf } from "../../http/upgrade.ts";
import { ApiRequest } from "../context.ts";
import { toClientError } from "../errors.ts";
import { IncomingMessages } from "./incoming-messages.ts";
import type { LiveOperations, LiveResult } from "./live-operations.ts";
import { OperationIds } from "./operation-ids.ts";
import { OutgoingMessages } from "./outgoing-messages.ts";

export const SOCKET_PATH = "/graphql";

export interface WebSocketTransportOptions {
  /** The largest message, in bytes. */
  readonly maxBodyBytes: number;
  /** The memory budget that messages share with request bodies. */
  readonly arrivals: Arrivals;
  /**
   * Counts each operation until it is answered. Subscriptions do not count, because they continue until they are ended.
   */
  readonly inFlight: OperationsInFlight;
  /** Aborts during a stop, when every waiting client has its answer. */
  readonly released: AbortSignal;
  /** How long a client may take to send `connection_init`. @defaultValue 10 seconds */
  readonly initTimeoutMs?: number;
  /** How often a client must show that it is alive. @defaultValue 12 seconds */
  readonly keepAliveMs?: number;
  /** The memory budget for unread messages. @defaultValue that of this process */
  readonly unsent?: UnsentAnswers;
}

/** The most operations at once on one connection, subscriptions included. */
const MAX_OPERATIONS = 100;
/** The same, including operations that the client has completed and that have not ended yet. */
const MAX_RUNNING = 2 * MAX_OPERATIONS;
/** The most characters of an operation's id. It is kept while the operation runs, and sent with each result. */
const MAX_ID_LENGTH = 255;
/** The most bytes of the reason in a WebSocket's close frame. */
const MAX_REASON_BYTES = 123;
const INIT_TIMEOUT_MS = 10_000;
const KEEP_ALIVE_MS = 12_000;
/** How long a client may take to close its side of the connection. */
const CLOSE_MS = 1_000;
/** @see https://www.iana.org/assignments/websocket/websocket.xhtml#close-code-number */
const GOING_AWAY = 1001;
const POLICY_VIOLATION = 1008;
const TRY_AGAIN_LATER = 1013;

/** One client's connection. */
interface Connection {
  readonly socket: WebSocket;
  readonly context: ApiRequest;
  readonly messages: IncomingMessages;
  readonly outgoing: OutgoingMessages;
  /** By id of each unanswered operation: the function that stops counting it. */
  readonly unanswered: Map<string, () => void>;
  hasShownLife: boolean;
  /** Operations that have begun and not ended, including those that the client has completed. */
  running: number;
}

/**
 * Serves operations over `graphql-transport-ws`, on the same path as over HTTP.
 *
 * @see https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md
 */
export function webSocketTransport(operations: LiveOperations, options: WebSocketTransportOptions): Routes {
  const { maxBodyBytes, arrivals, inFlight, released } = options;
  const { initTimeoutMs = INIT_TIMEOUT_MS, keepAliveMs = KEEP_ALIVE_MS, unsent = unsentAnswers } = options;
  const protocol = makeProtocol(operations, inFlight, initTimeoutMs);
  const connections = new Set<Connection>();
  const upgrader = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    // Compression would take more memory for each connection than everything else together.
    perMessageDeflate: false,
    maxPayload: maxBodyBytes,
    // A client with an unsupported protocol is still accepted. The library then closes the connection with the code for
    // that, which the client's library understands.
    handleProtocols: (offered) =>
      offered.has(GRAPHQL_TRANSPORT_WS_PROTOCOL) ? GRAPHQL_TRANSPORT_WS_PROTOCOL : ([...offered][0] ?? false),
  });
  const keepAlive = setInterval(() => pingAll(connections), keepAliveMs).unref();
  released.addEventListener("abort", () => {
    clearInterval(keepAlive);
    for (const { socket } of connections) closeForStop(socket);
  });

  const connect = (socket: WebSocket, duplex: Duplex, context: ApiRequest) => {
    const messages = new IncomingMessages(arrivals, duplex, socket, (error) => cutOff(socket, duplex, error));
    const connection: Connection = {
      socket,
      context,
      messages,
      outgoing: new OutgoingMessages(socket, duplex, unsent, () => context.logger),
      unanswered: new Map(),
      hasShownLife: true,
      running: 0,
    };
    connections.add(connection);
    const closed = protocol.opened(toTransport(connection), connection);
    socket.on("pong", () => {
      connection.hasShownLife = true;
    });
    socket.on("error", (err) => context.logger.debug({ err }, "a client violated the WebSocket protocol"));
    socket.once("close", (code, reason) => {
      connections.delete(connection);
      for (const end of connection.unanswered.values()) end();
      context.logger.info({ code }, "connection closed");
      void closed(code, reason.toString());
    });
    if (released.aborted) closeForStop(socket);
  };

  const router = Router();
  router.get(SOCKET_PATH, (request, _response, next) => {
    const upgrade = upgradeOf(request);
    if (!upgrade) return next();
    operations.checkRoom(connections.size);
    const context = new ApiRequest(contextOf(request), undefined);
    const duplex = upgrade.take();
    upgrader.handleUpgrade(request, duplex, upgrade.head, (socket) => connect(socket, duplex, context));
  });
  return { router };
}

/** The library requires a document to execute. It is never executed: the result is already there. */
const PLACEHOLDER_DOCUMENT = parse("{ __typename }");

function makeProtocol(operations: LiveOperations, inFlight: OperationsInFlight, connectionInitWaitTimeout: number) {
  const takeResult = ({ contextValue }: ExecutionArgs) => contextValue as LiveResult;
  return makeServer<Record<string, unknown> | undefined, Connection>({
    connectionInitWaitTimeout,
    async onConnect(client) {
      const { connectionParams = {}, extra } = client;
      // These parameters can be as large as a message, and are not needed any more.
      delete (client as { connectionParams?: unknown }).connectionParams;
      try {
        await extra.context.introduce(connectionParams);
      } catch (error) {
        const { message, extensions } = toClientError(error, extra.context.logger);
        // Clients connect again by themselves after this code, and not after Unauthorized.
        const code = extensions.code === "OVERLOADED" ? TRY_AGAIN_LATER : CloseCode.Unauthorized;
        extra.socket.close(code, toReason(message));
        return false;
      }
      closeWithCredentials(extra);
      return true;
    },
    async onSubscribe({ extra, subscriptions }, id, payload) {
      const open = Object.keys(subscriptions).length;
      if (open > MAX_OPERATIONS || extra.running > MAX_RUNNING) return [tooMany()];
      let release: () => void;
      try {
        extra.context.countOperation();
        release = extra.messages.hold(payload);
      } catch (error) {
        return [toClientError(error, extra.context.logger)];
      }
      const end = inFlight.begin();
      let isAnswerLeft = false;
      try {
        const { socket, context } = extra;
        const isWaiting = () => isOpen(socket) && id in subscriptions;
        const result = await operations.run(payload, context, { connection: socket, hasRoom: false, isWaiting });
        // The message is counted until its operation ends.
        Object.assign(payload, { query: "", variables: undefined, extensions: undefined });
        if ("errors" in result && result.errors && result.data === undefined) return result.errors;
        isAnswerLeft = !(Symbol.asyncIterator in result) && id in subscriptions;
        if (isAnswerLeft) extra.unanswered.set(id, end);
        return { schema: undefined as never, document: PLACEHOLDER_DOCUMENT, contextValue: result };
      } finally {
        release();
        if (!isAnswerLeft) end();
      }
    },
    execute: takeResult,
    onComplete({ extra }, id) {
      extra.unanswered.get(id)?.();
      extra.unanswered.delete(id);
    },
    onNext({ extra }, _id, _payload, _args, result) {
      const answer = operations.toAnswer(result, extra.context);
      // The library keeps the last result in memory until the next one comes.
      result.data = null;
      return answer;
    },
    onError: ({ extra }, _id, _payload, errors) => operations.toClientErrors(errors, extra.context),
  });
}

function toTransport(connection: Connection) {
  const { socket, context } = connection;
  const ids = new OperationIds();
  return {
    protocol: socket.protocol,
    send: (text: string) => {
      const message = ids.toClient(text);
      if (message === undefined || !isOpen(socket)) return;
      // The library requests the next event of the operation only when this one has been sent.
      return connection.outgoing.send(message);
    },
    close: (code?: number, reason?: string) => socket.close(code, reason),
    onMessage(take: (message: string) => Promise<void>) {
      socket.on("message", (bytes) => {
        if (!isOpen(socket)) return;
        connection.hasShownLife = true;
        const message = parseClientMessage(bytes.toString());
        if (!message) return socket.close(CloseCode.BadRequest, "Invalid message received");
        const isOperation = message.type === MessageType.Subscribe;
        if (isOperation && ids.isTaken(message.id)) {
          return socket.close(CloseCode.SubscriberAlreadyExists, alreadyExists(message.id));
        }
        if (isOperation) connection.running++;
        // The library also accepts a parsed message, although its types allow only strings.
        take(ids.fromClient(message) as unknown as string)
          .catch((err: unknown) => {
            context.logger.error({ err }, "unexpected error");
            socket.close(CloseCode.InternalServerError, "Internal server error");
          })
          .finally(() => {
            if (isOperation) connection.running--;
          });
      });
    },
  };
}

function isOpen({ readyState, OPEN }: WebSocket): boolean {
  return readyState === OPEN;
}

function alreadyExists(id: string): string {
  const reason = `Subscriber for ${id} already exists`;
  return Buffer.byteLength(reason) <= MAX_REASON_BYTES ? reason : "Subscriber already exists";
}

/** Closes a connection when its credentials end. */
function closeWithCredentials({ socket, context }: Connection): void {
  const forget = context.onCredentialsEnd(({ message }) => {
    socket.close(CloseCode.Unauthorized, toReason(message));
    setTimeout(() => socket.terminate(), CLOSE_MS).unref();
  });
  if (isOpen(socket)) socket.once("close", forget);
  else forget();
}

/** Cuts a text to the longest reason that a close frame can carry. */
function toReason(message: string): string {
  return Buffer.from(message)
    .subarray(0, MAX_REASON_BYTES)
    .toString()
    .replace(/\ufffd$/, "");
}

/** Parses a client's message; `undefined` if the protocol does not allow clients to send it. */
function parseClientMessage(text: string): Message | undefined {
  try {
    const message = parseMessage(text);
    switch (message.type) {
      case MessageType.Subscribe:
      case MessageType.Complete:
        return message.id.length > MAX_ID_LENGTH ? undefined : message;
      case MessageType.ConnectionInit:
      case MessageType.Ping:
      case MessageType.Pong:
        return message;
      default:
        return undefined;
    }
  } catch {
    return undefined;
  }
}

/**
 * Pings every client. Live clients answer automatically. A client that has vanished or does not read is disconnected.
 */
function pingAll(connections: ReadonlySet<Connection>): void {
  for (const connection of connections) {
    const { socket } = connection;
    if (!connection.hasShownLife) socket.terminate();
    else if (isOpen(socket)) socket.ping();
    connection.hasShownLife = false;
  }
}

/** Closes a connection during a stop. Its client then reconnects, to another process. */
function closeForStop(socket: WebSocket): void {
  close(socket, GOING_AWAY, "the gateway is stopping");
}

/**
 * Closes a connection because of an error, as soon as the reason is sent. It does not wait for the client, because the
 * unfinished message stays in memory as long as the connection.
 */
function cutOff(socket: WebSocket, connection: Duplex, { code, message }: GatewayError): void {
  close(socket, code === "OVERLOADED" ? TRY_AGAIN_LATER : POLICY_VIOLATION, message);
  socket.pause();
  connection.end(() => connection.destroy());
}

function close(socket: WebSocket, code: number, reason: string): void {
  socket.close(code, reason);
  setTimeout(() => socket.terminate(), CLOSE_MS).unref();
}

function tooMany(): GraphQLError {
  const message = `at most ${MAX_OPERATIONS} operations may run at once on one connection; end one, or open another connection`;
  return new GraphQLError(message, { extensions: { code: "RATE_LIMITED" } });
}
