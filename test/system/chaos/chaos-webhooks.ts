import { setTimeout as delay } from "node:timers/promises";
import { startWebhookReceiver, type WebhookReceiver } from "../../support/webhook-receiver.ts";
import type { ChaosBooks } from "./chaos-books.ts";
import type { ChaosProject } from "./chaos-projects.ts";
import { query } from "./chaos-verdict.ts";

/** The gateways of a run may send to a receiver on this machine. */
export const WEBHOOK_ENV = { PICTOGRAPH_WEBHOOK_ALLOW_HTTP: "true", PICTOGRAPH_WEBHOOK_ALLOW_PRIVATE: "true" };
/** So many of the receiver's answers are refusals, so that attempts are repeated too. */
const REFUSED_EACH = 10;
/** What has not arrived so long after the last round never will: a claim, and the first wait, are over long before. */
const GIVE_UP_MS = 90_000;

const CREATE = "mutation ($input: CreateWebhookEndpointInput!) { createWebhookEndpoint(input: $input) { secret } }";
const PAGE = `query ($after: String) { generations(first: 100, after: $after) {
  nodes { id status } pageInfo { hasNextPage endCursor } } }`;

interface Page {
  readonly nodes: readonly { readonly id: string; readonly status: string }[];
  readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string };
}

/** A receiver of everything that happens in a run. */
export class ChaosWebhooks implements AsyncDisposable {
  readonly #receiver: WebhookReceiver;

  private constructor(receiver: WebhookReceiver) {
    this.#receiver = receiver;
  }

  static async start(): Promise<ChaosWebhooks> {
    const receiver = await startWebhookReceiver();
    let count = 0;
    receiver.answer = () => (++count % REFUSED_EACH === 0 ? 503 : 204);
    return new ChaosWebhooks(receiver);
  }

  /** How many webhooks arrived. */
  get receivedCount(): number {
    return this.#receiver.received.length;
  }

  /** How many arrived more than once, as they may. */
  get repeatedCount(): number {
    return this.receivedCount - new Set(this.#receiver.received.map(({ id }) => id)).size;
  }

  /** Has the events of these projects sent to the receiver. */
  async subscribe(url: string, projects: readonly ChaosProject[]): Promise<void> {
    for (const { headers } of projects) await query(url, headers, CREATE, { input: { url: this.#receiver.url } });
  }

  /**
   * Waits for the events of all generations that have ended, and of every end that a client was told, and returns those
   * that did not arrive.
   */
  async missing(url: string, headers: Readonly<Record<string, string>>, books: ChaosBooks): Promise<readonly string[]> {
    const deleted = books.orders.filter(({ isDeleted }) => isDeleted).flatMap(({ ids }) => [...ids]);
    const kept = books.orders.filter(({ isDeleted }) => !isDeleted);
    const told = kept.flatMap(({ ends }) => ends.map(({ id, status }) => [id, status] as const));
    const expected = [...(await endsOf(url, headers)), ...told];
    const giveUpAt = performance.now() + GIVE_UP_MS;
    for (;;) {
      const ends = new Map<string, Set<string>>();
      for (const { event } of this.#receiver.received) {
        const { id, status } = event.data.generation ?? {};
        if (id !== undefined) ends.set(id, (ends.get(id) ?? new Set()).add(status));
      }
      const missing = [
        ...expected.filter(([id, status]) => !ends.get(id)?.has(status)).map(([id, status]) => `${id}: ${status}`),
        ...deleted.filter((id) => !ends.has(id)).map((id) => `${id}: deleted`),
      ];
      if (missing.length === 0 || performance.now() > giveUpAt) return missing;
      await delay(100);
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#receiver.close();
  }
}

async function endsOf(url: string, headers: Readonly<Record<string, string>>): Promise<[id: string, status: string][]> {
  const ends: [string, string][] = [];
  for (let after: string | null = null; ; ) {
    const { generations }: { generations: Page } = await query(url, headers, PAGE, { after });
    for (const { id, status } of generations.nodes) ends.push([id, status]);
    if (!generations.pageInfo.hasNextPage) return ends;
    after = generations.pageInfo.endCursor;
  }
}
