import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { Webhook } from "standardwebhooks";

export interface ReceivedWebhook {
  readonly id: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  // biome-ignore lint/suspicious/noExplicitAny: a test reads whatever it expects
  readonly event: any;
}

/** The receiver's answer: a status, or `hang` for none. */
export type ReceiverAnswer = number | "hang";

/** A server that receives webhooks. */
export interface WebhookReceiver extends AsyncDisposable {
  readonly url: string;
  /** Everything that arrived so far. */
  readonly received: readonly ReceivedWebhook[];
  /** Answers with this from now on. */
  answer: ReceiverAnswer | ((webhook: ReceivedWebhook) => ReceiverAnswer | Promise<ReceiverAnswer>);
  /** Resolves with the first webhook, past or future, that matches. */
  next(matches: (webhook: ReceivedWebhook) => boolean): Promise<ReceivedWebhook>;
  close(): Promise<void>;
}

export async function startWebhookReceiver(port = 0): Promise<WebhookReceiver> {
  const received: ReceivedWebhook[] = [];
  const waiting = new Set<() => void>();
  const server: Server = createServer(async (incoming, outgoing) => {
    try {
      const body = await text(incoming);
      const webhook = {
        id: String(incoming.headers["webhook-id"]),
        headers: incoming.headers,
        body,
        event: JSON.parse(body),
      };
      received.push(webhook);
      for (const look of [...waiting]) look();
      const { answer } = receiver;
      const status = typeof answer === "function" ? await answer(webhook) : answer;
      if (status !== "hang") outgoing.writeHead(status).end();
    } catch {
      // The sender disconnected.
      outgoing.destroy();
    }
  });
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  const receiver: WebhookReceiver = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`,
    received,
    answer: 204,
    next(matches) {
      return new Promise((resolve) => {
        const look = () => {
          const found = received.find(matches);
          if (!found) return;
          waiting.delete(look);
          resolve(found);
        };
        waiting.add(look);
        look();
      });
    },
    async close() {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
    [Symbol.asyncDispose]: () => receiver.close(),
  };
  return receiver;
}

/** Returns which of these secrets have signed a webhook, checked with the specification's own library. */
export function signersOf({ body, headers }: ReceivedWebhook, secrets: readonly string[]): readonly string[] {
  return secrets.filter((secret) => {
    try {
      new Webhook(secret).verify(body, headers as Record<string, string>);
      return true;
    } catch {
      return false;
    }
  });
}
