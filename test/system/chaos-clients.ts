import { type Random, seededRandom } from "../support/random.ts";
import { type ChaosBooks, GENERATION_FIELDS, isEnded, type Order, type ToldGeneration } from "./chaos-books.ts";
import type { EventCount } from "./chaos-events.ts";
import type { ChaosFleet } from "./chaos-fleet.ts";

const GENERATE = `mutation ($input: GenerateImagesInput!) { generateImages(input: $input) { ${GENERATION_FIELDS} } }`;
const CANCEL = `mutation ($id: ID!) { cancelGeneration(id: $id) { ${GENERATION_FIELDS} } }`;
const DELETE = "mutation ($id: ID!) { deleteGeneration(id: $id) }";
const LOOK = "query ($id: ID!) { image(id: $id) { sha256 byteSize } }";
const WAIT_SECONDS = 30;

/** No gateway, or none any more: the connection was refused or broke. */
class Unreachable extends Error {}

/** The clients of a run: each brings one order to its end, whatever happens to the gateway meanwhile. */
export class ChaosClients {
  readonly #fleet: ChaosFleet;
  readonly #books: ChaosBooks;
  readonly #events: EventCount;
  readonly #seed: number;

  constructor(fleet: ChaosFleet, books: ChaosBooks, events: EventCount, seed: number) {
    this.#fleet = fleet;
    this.#books = books;
    this.#events = events;
    this.#seed = seed;
  }

  /** Sends one more order and resolves when its client has its final answer. */
  async bringOne(): Promise<void> {
    const number = this.#books.orders.length;
    const random = seededRandom(this.#seed * 1_000_003 + number);
    const order = makeOrder(`chaos-${this.#seed}-${number}`, random);
    this.#books.orders.push(order);
    await Promise.all([this.#approach(order, random), order.hasTwin && this.#approach(order, random)]);
    if (order.ending !== "takes") await this.#endIt(order, random);
    if (order.isDeleted) return;
    for (let told = await this.#ask(order, random, 0); ; told = await this.#ask(order, random, WAIT_SECONDS)) {
      for (const image of told.images) {
        await this.#look(order, random, image.url);
        if (order.wantsDerivatives) await this.#lookAtDerivative(order, random, image.derivative);
      }
      if (isEnded(told)) return;
    }
  }

  /** The first contact, with the door and the patience of this client. */
  async #approach(order: Order, random: Random): Promise<void> {
    if (order.patience === "leaves") await this.#leave(order, random);
    else if (order.door === "REST") await this.#insist(() => this.#getImage(order, random));
    else await this.#ask(order, random, order.patience === "waits" ? WAIT_SECONDS : 0);
  }

  /** Sends the request and closes the connection after a few events, answered or not. */
  async #leave(order: Order, random: Random): Promise<void> {
    const leaver = new AbortController();
    void this.#events.after(random.whole(1, 15)).then(() => leaver.abort());
    const sent =
      order.door === "REST"
        ? this.#getImage(order, random, leaver.signal)
        : this.#send(order, random, 0, leaver.signal);
    await sent.catch((error) => {
      if (!(error instanceof Unreachable)) throw error;
    });
  }

  async #endIt(order: Order, random: Random): Promise<void> {
    const { id } = await this.#ask(order, random, 0);
    await this.#events.after(random.whole(0, 25));
    await this.#insist(async () => {
      const isDelete = order.ending === "deletes";
      const { data, errors } = await this.#graphql(random, isDelete ? DELETE : CANCEL, { id });
      const code = errors?.[0]?.extensions.code;
      // A deletion that was carried out, and whose answer the crash swallowed.
      if (isDelete && code === "NOT_FOUND") order.isDeleted = true;
      else if (errors) throw new Error(`${order.marker}: ${JSON.stringify(errors)}`);
      else if (isDelete) order.isDeleted = true;
      else this.#books.note(order, data?.cancelGeneration as ToldGeneration);
    });
  }

  #ask(order: Order, random: Random, waitSeconds: number): Promise<ToldGeneration> {
    return this.#insist(() => this.#send(order, random, waitSeconds));
  }

  async #send(order: Order, random: Random, waitSeconds: number, signal?: AbortSignal): Promise<ToldGeneration> {
    const { marker: idempotencyKey, n, size } = order;
    const input = { prompt: toPrompt(order), n, size, idempotencyKey, waitSeconds };
    const { data, errors } = await this.#graphql(random, GENERATE, { input }, signal);
    const code = errors?.[0]?.extensions.code;
    if (code === "INTERNAL") this.#books.contradict(order, "was answered with an internal error");
    if (code === "OVERLOADED" || code === "INTERNAL") throw new Unreachable();
    if (errors) throw new Error(`${order.marker}: ${JSON.stringify(errors)}`);
    const told = data?.generateImages as ToldGeneration;
    this.#books.note(order, told);
    return told;
  }

  async #getImage(order: Order, random: Random, signal?: AbortSignal): Promise<void> {
    const { marker, n, size } = order;
    const response = await this.#fetch(random, "/get-image", {
      method: "POST",
      headers: { "Content-Type": "application/json", "Idempotency-Key": marker },
      body: JSON.stringify({ prompt: toPrompt(order), n: String(n), size }),
      ...(signal && { signal }),
    });
    const text = await response.text().catch(() => Promise.reject(new Unreachable()));
    const { urlResponse, errorMessage } = JSON.parse(text) as {
      urlResponse: { urlList: string[] };
      errorMessage: string;
    };
    if (response.status === 503) throw new Unreachable();
    order.isAccepted = true;
    if (response.status !== 200) {
      if (![402, 422, 429, 502, 504].includes(response.status))
        this.#books.contradict(order, `${response.status} ${errorMessage}`);
      return;
    }
    if (urlResponse.urlList.length !== n) this.#books.contradict(order, `${urlResponse.urlList.length} URLs of ${n}`);
    for (const url of urlResponse.urlList) {
      order.restImageIds.add(toImageId(url));
      await this.#look(order, random, url);
    }
  }

  /** Loads an image that was promised. Its place may have moved with its gateway; path and signature stay. */
  async #look(order: Order, random: Random, url: string): Promise<void> {
    const { pathname, search } = new URL(url);
    await this.#insist(async () => {
      const { data } = await this.#graphql(random, LOOK, { id: toImageId(url) });
      const promised = data?.image as { readonly sha256: string; readonly byteSize: number } | null;
      const response = await this.#fetch(random, pathname + search);
      const bytes = await response.arrayBuffer().catch(() => Promise.reject(new Unreachable()));
      if (response.status === 200 && promised) this.#books.noteBytes(order, Buffer.from(bytes), promised);
      else if (order.ending !== "deletes") {
        this.#books.withoutBytes.push(`${order.marker}: ${response.status} for ${pathname}`);
      }
    });
  }

  async #lookAtDerivative(order: Order, random: Random, url: string): Promise<void> {
    const { pathname, search } = new URL(url);
    await this.#insist(async () => {
      const response = await this.#fetch(random, pathname + search);
      const bytes = await response.arrayBuffer().catch(() => Promise.reject(new Unreachable()));
      if (response.status === 200) await this.#books.noteDerivative(order, Buffer.from(bytes));
      else if (order.ending !== "deletes") {
        this.#books.withoutBytes.push(`${order.marker}: ${response.status} for ${pathname}`);
      }
    });
  }

  async #graphql(random: Random, query: string, variables: object, signal?: AbortSignal): Promise<GraphQLAnswer> {
    const response = await this.#fetch(random, "/graphql", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ query, variables }),
      ...(signal && { signal }),
    });
    return response.json().catch(() => Promise.reject(new Unreachable())) as Promise<GraphQLAnswer>;
  }

  async #fetch(random: Random, path: string, init: RequestInit = {}): Promise<Response> {
    const url = await this.#fleet.url(random);
    this.#events.tick();
    const response = await fetch(url + path, init).catch(() => Promise.reject(new Unreachable()));
    this.#events.tick();
    return response;
  }

  /** Tries until there is an answer. */
  async #insist<Answer>(attempt: () => Promise<Answer>): Promise<Answer> {
    for (;;) {
      try {
        return await attempt();
      } catch (error) {
        if (!(error instanceof Unreachable)) throw error;
        await this.#events.after(3);
      }
    }
  }
}

interface GraphQLAnswer {
  readonly data?: Record<string, unknown> | null;
  readonly errors?: readonly { readonly message: string; readonly extensions: { readonly code?: string } }[];
}

function makeOrder(marker: string, random: Random): Order {
  const ending = random.pick(["takes", "takes", "takes", "takes", "takes", "takes", "cancels", "deletes"] as const);
  return {
    marker,
    n: random.pick([1, 1, 1, 2]),
    size: random.pick(["256x256", "256x256", "300x200", "816x816"]),
    door: random.pick(["REST", "GraphQL"] as const),
    // A request that outlived its deletion would be a new order under the key that became free.
    patience: random.pick(["waits", "waits", "asks again", ending === "deletes" ? "waits" : "leaves"] as const),
    wantsDerivatives: random.whole(1, 3) === 1,
    hasTwin: ending !== "deletes" && random.whole(1, 5) === 1,
    ending,
    isAccepted: false,
    isDeleted: false,
    ids: new Set(),
    restImageIds: new Set(),
    ended: undefined,
  };
}

function toImageId(url: string): string {
  return /img_[0-9a-z]{26}/.exec(url)?.[0] ?? url;
}

function toPrompt({ marker }: Order): string {
  return `A paper boat on a quiet lake, ${marker}.`;
}
