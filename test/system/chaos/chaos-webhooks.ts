import { setTimeout as delay } from "node:timers/promises";
import {
  type ReceivedWebhook,
  startWebhookReceiver,
  type WebhookReceiver,
} from "../../support/network/webhook-receiver.ts";
import type { ChaosBooks, ToldGeneration } from "./chaos-books.ts";
import type { ChaosProject } from "./chaos-projects.ts";
import { query } from "./chaos-verdict.ts";

/** Lets the gateways send to a receiver on this machine. */
export const WEBHOOK_ENV = { PICTOGRAPH_WEBHOOK_ALLOW_HTTP: "true", PICTOGRAPH_WEBHOOK_ALLOW_PRIVATE: "true" };
/** The receiver refuses the first attempt of every tenth webhook, so that repeated attempts occur too. */
const REFUSED_EACH = 10;
/**
 * A webhook not delivered by this time after the last round never will be: the claim of a killed process and the wait
 * after the first attempt have long ended.
 */
const GIVE_UP_MS = 90_000;

const CREATE = "mutation ($input: CreateWebhookEndpointInput!) { createWebhookEndpoint(input: $input) { secret } }";
const PAGE = `query ($after: String) { generations(first: 100, after: $after) {
  nodes { id status images { id } } pageInfo { hasNextPage endCursor } } }`;

/** A generation that has ended, with its images, for which there are webhooks too. */
type End = Pick<ToldGeneration, "id" | "status"> & { readonly images: readonly { readonly id: string }[] };

interface Page {
  readonly nodes: readonly End[];
  readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string };
}

/** A receiver for all events of a run. */
export class ChaosWebhooks implements AsyncDisposable {
  readonly #receiver: WebhookReceiver;
  /** The webhooks that the receiver accepted. A refused attempt does not count. */
  readonly #accepted: ReceivedWebhook[] = [];
  readonly #refusedIds = new Set<string>();
  #count = 0;

  private constructor(receiver: WebhookReceiver) {
    this.#receiver = receiver;
    receiver.answer = (webhook) => this.#answer(webhook);
  }

  static async start(): Promise<ChaosWebhooks> {
    return new ChaosWebhooks(await startWebhookReceiver());
  }

  /** Refuses no webhook twice, because its third attempt would come minutes later. */
  #answer(webhook: ReceivedWebhook): number {
    if (++this.#count % REFUSED_EACH === 0 && !this.#refusedIds.has(webhook.id)) {
      this.#refusedIds.add(webhook.id);
      return 503;
    }
    this.#accepted.push(webhook);
    return 204;
  }

  /** How many webhooks arrived. */
  get receivedCount(): number {
    return this.#receiver.received.length;
  }

  /** How many arrived more than once, which is allowed. */
  get repeatedCount(): number {
    return this.receivedCount - new Set(this.#receiver.received.map(({ id }) => id)).size;
  }

  /** Sends the events of these projects to the receiver. */
  async subscribe(url: string, projects: readonly ChaosProject[]): Promise<void> {
    for (const { headers } of projects) await query(url, headers, CREATE, { input: { url: this.#receiver.url } });
  }

  /**
   * Waits until the receiver has accepted the events of all ended generations, of every end that a client saw, and of
   * all images. Returns the missing ones.
   */
  async missing(url: string, headers: Readonly<Record<string, string>>, books: ChaosBooks): Promise<readonly string[]> {
    const ends: readonly End[] = [...(await endsOf(url, headers)), ...books.orders.flatMap((order) => order.ends)];
    const expected = new Set([
      ...ends.map(({ id, status }) => `${id}: ${status}`),
      ...ends.flatMap(({ images }) => images.map(({ id }) => `${id}: ready`)),
      ...books.orders.flatMap(({ isDeleted, ids }) => (isDeleted ? [...ids].map((id) => `${id}: ended`) : [])),
    ]);
    const giveUpAt = performance.now() + GIVE_UP_MS;
    for (;;) {
      const delivered = new Set(this.#accepted.flatMap(factsOf));
      const missing = [...expected].filter((fact) => !delivered.has(fact));
      if (missing.length === 0 || performance.now() > giveUpAt) return missing;
      await delay(100);
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#receiver.close();
  }
}

/** Describes a webhook as in {@link ChaosWebhooks.missing}. */
function factsOf({ event }: ReceivedWebhook): string[] {
  const { generation, image } = event.data;
  if (image) return [`${image.id}: ready`];
  return generation ? [`${generation.id}: ${generation.status}`, `${generation.id}: ended`] : [];
}

async function endsOf(url: string, headers: Readonly<Record<string, string>>): Promise<End[]> {
  const ends: End[] = [];
  for (let after: string | null = null; ; ) {
    const { generations }: { generations: Page } = await query(url, headers, PAGE, { after });
    ends.push(...generations.nodes);
    if (!generations.pageInfo.hasNextPage) return ends;
    after = generations.pageInfo.endCursor;
  }
}
