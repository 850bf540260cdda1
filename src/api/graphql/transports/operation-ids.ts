import { type Message, MessageType } from "graphql-ws";

/** How `graphql-ws` begins every message of an operation. */
const OPERATION_MESSAGE = /^\{"id":"([0-9]+)","type":"(next|error|complete)"/;

/**
 * Gives each operation of a connection an id of its own towards `graphql-ws`, which confuses operations that have the
 * same id after each other.
 *
 * The protocol lets a client use an id again as soon as it has sent `complete`. `graphql-ws` (6.4.2) then still works at
 * the first operation, and tells whether it was completed by looking for its id alone (`id in ctx.subscriptions`). It
 * finds the second operation there, and so sends the first one's results and its `complete` under the second one's id;
 * when the first one ends (`finally { delete ctx.subscriptions[id] }`), the second one's results are no longer sent.
 * Comparing the entry instead of looking for its key would mend it:
 *
 * ```js
 * const operation = (ctx.subscriptions[id] = { iterator: null });
 * const isCurrent = () => ctx.subscriptions[id] === operation;
 * ```
 *
 * @see https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md#complete
 */
export class OperationIds {
  /** Of operations that neither side has completed. */
  readonly #ownByClientId = new Map<string, string>();
  readonly #clientIdByOwn = new Map<string, string>();
  #count = 0;

  /** Whether the client may not use the id for another operation yet. */
  isTaken(clientId: string): boolean {
    return this.#ownByClientId.has(clientId);
  }

  /** A message of the client as the library is to see it. */
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

  /** What the library sends as the client is to see it; `undefined` for what it has completed. */
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
