import { type Message, MessageType } from "graphql-ws";

/** The beginning of every message that `graphql-ws` sends for an operation. */
const OPERATION_MESSAGE = /^\{"id":"([0-9]+)","type":"(next|error|complete)"/;

/**
 * Translates the ids of one connection's operations. Clients may use an id again, but `graphql-ws` then confuses the
 * two operations, so it gets a new id for each one.
 *
 * The protocol allows a client to use an id again as soon as it has sent `complete`. At that moment `graphql-ws`
 * (6.4.2) may still be running the first operation. It checks whether that operation was completed by its id alone (`id
 * in ctx.subscriptions`) and finds the second operation instead. So it sends the first one's results and `complete`
 * under the id of the second one. When the first one ends (`finally { delete ctx.subscriptions[id] }`), it stops
 * sending the second one's results. The library would have to compare the entry, not look for its key:
 *
 * ```js
 * const operation = (ctx.subscriptions[id] = { iterator: null });
 * const isCurrent = () => ctx.subscriptions[id] === operation;
 * ```
 *
 * @see https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md#complete
 */
export class OperationIds {
  /** Holds the operations that neither side has completed. */
  readonly #ownByClientId = new Map<string, string>();
  readonly #clientIdByOwn = new Map<string, string>();
  #count = 0;

  /** Whether an operation that is not completed has this id, so that no other operation may use it. */
  isTaken(clientId: string): boolean {
    return this.#ownByClientId.has(clientId);
  }

  /** Translates a message of the client for the library. */
  fromClient(message: Message): Message {
    switch (message.type) {
      case MessageType.Subscribe: {
        const own = String(++this.#count);
        this.#ownByClientId.set(message.id, own);
        this.#clientIdByOwn.set(own, message.id);
        return { ...message, id: own };
      }
      case MessageType.Complete: {
        const own = this.#ownByClientId.get(message.id);
        if (own === undefined) return message;
        this.#forget(own, message.id);
        return { ...message, id: own };
      }
      default:
        return message;
    }
  }

  /** Translates a message of the library for the client; `undefined` when the client has completed the operation. */
  toClient(text: string): string | undefined {
    const [start = "", own = "", type] = OPERATION_MESSAGE.exec(text) ?? [];
    if (type === undefined) return text;
    const clientId = this.#clientIdByOwn.get(own);
    if (clientId === undefined) return undefined;
    if (type !== "next") this.#forget(own, clientId);
    return `{"id":${JSON.stringify(clientId)},"type":"${type}"${text.slice(start.length)}`;
  }

  #forget(own: string, clientId: string): void {
    this.#clientIdByOwn.delete(own);
    this.#ownByClientId.delete(clientId);
  }
}
