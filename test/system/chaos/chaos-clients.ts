import type { ExecutionResult } from "graphql-sse";
import { overStream, socketUrl } from "../../support/clients/live-clients.ts";
import { type Random, seededRandom } from "../../support/random.ts";
import { type ChaosBooks, GENERATION_FIELDS, isEnded, type Order, type ToldGeneration } from "./chaos-books.ts";
import { toEditRequest } from "./chaos-edits.ts";
import type { EventCount } from "./chaos-events.ts";
import type { ChaosFleet } from "./chaos-fleet.ts";
import type { ChaosProject } from "./chaos-projects.ts";
import { askOverSocket } from "./chaos-sockets.ts";

const GENERATE = `mutation ($input: GenerateImagesInput!) {
  told: generateImages(input: $input) { ${GENERATION_FIELDS} } }`;
const WATCH = `subscription ($id: ID!) { generationEvents(id: $id) { ... on PartialImageReady { url } } }`;
const CANCEL = `mutation ($id: ID!) { cancelGeneration(id: $id) { ${GENERATION_FIELDS} } }`;
const DELETE = "mutation ($id: ID!) { deleteGeneration(id: $id) }";
const FIND = `query ($id: ID!) { generation(id: $id) { ${GENERATION_FIELDS} } }`;
const LOOK = "query ($id: ID!) { image(id: $id) { sha256 byteSize } }";
const WAIT_SECONDS = 30;
/** In events. */
const PAUSE_WHEN_REFUSED = 20;

/** There is no gateway, or it has gone: the connection was refused or broke. */
class Unreachable extends Error {}
/** A budget does not cover the order. */
class Refused extends Error {}

/** The clients of a run. Each gets the final answer to one order, whatever happens to the gateway meanwhile. */
export class ChaosClients {
  readonly #fleet: ChaosFleet;
  readonly #books: ChaosBooks;
  readonly #events: EventCount;
  readonly #seed: number;
  readonly #projects: readonly ChaosProject[];

  constructor(
    fleet: ChaosFleet,
    books: ChaosBooks,
    events: EventCount,
    seed: number,
    projects: readonly ChaosProject[],
  ) {
    this.#fleet = fleet;
    this.#books = books;
    this.#events = events;
    this.#seed = seed;
    this.#projects = projects;
  }

  /** Sends one more order and resolves when its client has the final answer. */
  async bringOne(): Promise<void> {
    const number = this.#books.orders.length;
    const random = seededRandom(this.#seed * 1_000_003 + number);
    const project = random.pick(this.#projects);
    const order = { ...makeOrder(`chaos-${this.#seed}-${number}`, random), project };
    this.#books.orders.push(order);
    try {
      if (order.api === "WebSocket") await this.#bringOverSocket(order, random);
      else await this.#bring(order, random);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      order.isRefused = true;
      // A refused client does not return immediately.
      await this.#events.after(PAUSE_WHEN_REFUSED);
    }
  }

  async #bring(order: Order, random: Random): Promise<void> {
    const contacts = await Promise.allSettled([
      this.#approach(order, random),
      order.hasTwin && this.#approach(order, random),
      order.partialImages > 0 && order.ending !== "deletes" && this.#watch(order, random),
    ]);
    // If one of them was refused, another may have been accepted: the next answer shows which.
    for (const contact of contacts) {
      if (contact.status === "rejected" && !(contact.reason instanceof Refused)) throw contact.reason;
    }
    if (order.ending !== "takes") await this.#endIt(order, random);
    if (order.isDeleted) return;
    for (let told = await this.#ask(order, random, 0); ; told = await this.#ask(order, random, WAIT_SECONDS)) {
      await this.#lookAtAll(order, random, told);
      if (isEnded(told)) return;
    }
  }

  /** Sends an order without a key. Its client has only the one answer, and the id in it. */
  async #bringOverSocket(order: Order, random: Random): Promise<void> {
    const { crashes, stoppedLives } = this.#fleet;
    const stops = stoppedLives.size;
    let told = await this.#insist(() => this.#sendOverSocket(order, random)).finally(() => {
      order.hasMetCrash = this.#fleet.crashes > crashes;
    });
    if (!order.hasMetCrash && stoppedLives.size > stops) this.#books.throughStops.push(order);
    for (;;) {
      this.#books.note(order, told);
      await this.#lookAtAll(order, random, told);
      if (isEnded(told)) return;
      await this.#events.after(3);
      told = await this.#insist(async () => {
        const { data } = await this.#graphql(order, random, FIND, { id: told.id });
        return data?.generation as ToldGeneration;
      });
    }
  }

  async #sendOverSocket(order: Order, random: Random): Promise<ToldGeneration> {
    const { n, size } = order;
    const input = { prompt: toPrompt(order), n, size, waitSeconds: WAIT_SECONDS };
    this.#events.tick();
    const { data, errors } = await askOverSocket(
      GENERATE,
      { input },
      {
        url: async () => socketUrl(await this.#fleet.url(random)),
        connectionParams: headersOf(order),
        pause: () => this.#events.after(3),
        onRepeat: () => this.#books.repeats++,
      },
    );
    this.#events.tick();
    // The gateway is stopping: nothing was accepted.
    if (errors?.[0]?.extensions.code === "OVERLOADED") throw new Unreachable();
    if (errors?.[0]?.extensions.code === "BUDGET_EXCEEDED") throw new Refused();
    if (errors) throw new Error(`${order.marker}: ${JSON.stringify(errors)}`);
    return data?.told as ToldGeneration;
  }

  async #lookAtAll(order: Order, random: Random, { images }: ToldGeneration): Promise<void> {
    for (const image of images) {
      await this.#look(order, random, image.url);
      if (!order.wantsDerivatives) continue;
      await this.#lookAt(order, random, image.derivative, (bytes) => this.#books.noteDerivative(order, bytes));
      await this.#lookAt(order, random, image.original, (bytes) => this.#books.noteOriginal(order, bytes));
    }
  }

  /** Makes the first request, over this client's API, with its waiting time. */
  async #approach(order: Order, random: Random): Promise<void> {
    if (order.patience === "leaves") await this.#leave(order, random);
    else if (order.api === "REST") await this.#insist(() => this.#getImage(order, random));
    else await this.#ask(order, random, order.patience === "waits" ? WAIT_SECONDS : 0);
  }

  /** Sends the request and closes the connection after a few events, whether or not it was answered. */
  async #leave(order: Order, random: Random): Promise<void> {
    const leaver = new AbortController();
    void this.#events.after(random.whole(1, 15)).then(() => leaver.abort());
    const sent =
      order.api === "REST" ? this.#getImage(order, random, leaver.signal) : this.#send(order, random, 0, leaver.signal);
    await sent.catch((error) => {
      if (!(error instanceof Unreachable)) throw error;
    });
  }

  async #endIt(order: Order, random: Random): Promise<void> {
    const { id } = await this.#ask(order, random, 0);
    await this.#events.after(random.whole(0, 25));
    await this.#insist(async () => {
      const isDelete = order.ending === "deletes";
      const { data, errors } = await this.#graphql(order, random, isDelete ? DELETE : CANCEL, { id });
      const code = errors?.[0]?.extensions.code;
      // The deletion was carried out, and the crash lost its answer.
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
    const { marker: idempotencyKey, n, size, partialImages } = order;
    const input = { prompt: toPrompt(order), n, size, partialImages, idempotencyKey, waitSeconds };
    const { data, errors } = order.isEdit
      ? await this.#post(order, random, { ...(await toEditRequest(input)), ...(signal && { signal }) })
      : await this.#graphql(order, random, GENERATE, { input }, signal);
    const code = errors?.[0]?.extensions.code;
    if (code === "INTERNAL") this.#books.contradict(order, "was answered with an internal error");
    if (code === "OVERLOADED" || code === "INTERNAL") throw new Unreachable();
    if (code === "BUDGET_EXCEEDED") throw new Refused();
    if (errors) throw new Error(`${order.marker}: ${JSON.stringify(errors)}`);
    const told = data?.told as ToldGeneration;
    this.#books.note(order, told);
    return told;
  }

  /** Follows the generation to its end, and loads each preview in its events. */
  async #watch(order: Order, random: Random): Promise<void> {
    const { id } = await this.#ask(order, random, 0);
    await this.#insist(async () => {
      const events = overStream(await this.#fleet.url(random), { query: WATCH, variables: { id } }, headersOf(order));
      for await (const { data, errors } of untilBroken(events)) {
        this.#events.tick();
        if (errors) this.#books.contradict(order, `was not told what happens: ${JSON.stringify(errors)}`);
        const { url } = (data?.generationEvents ?? {}) as { readonly url?: string };
        if (url) await this.#lookAtPreview(order, random, url);
      }
    });
  }

  async #lookAtPreview(order: Order, random: Random, url: string): Promise<void> {
    const { status, bytes } = await this.#load(random, url);
    if (status === 200) await this.#books.notePreview(order, bytes);
    // The generation may have ended already.
    else if (status !== 404) this.#books.contradict(order, `${status} for a preview`);
  }

  async #getImage(order: Order, random: Random, signal?: AbortSignal): Promise<void> {
    const { marker, n, size } = order;
    const response = await this.#fetch(random, "/get-image", {
      method: "POST",
      headers: { "Content-Type": "application/json", "Idempotency-Key": marker, ...headersOf(order) },
      body: JSON.stringify({ prompt: toPrompt(order), n: String(n), size }),
      ...(signal && { signal }),
    });
    const text = await response.text().catch(() => Promise.reject(new Unreachable()));
    const { urlResponse, errorMessage } = JSON.parse(text) as {
      urlResponse: { urlList: string[] };
      errorMessage: string;
    };
    if (response.status === 503) throw new Unreachable();
    if (response.status === 402) throw new Refused();
    order.isAccepted = true;
    if (response.status !== 200) {
      if (![422, 429, 502, 504].includes(response.status))
        this.#books.contradict(order, `${response.status} ${errorMessage}`);
      return;
    }
    if (urlResponse.urlList.length !== n) this.#books.contradict(order, `${urlResponse.urlList.length} URLs of ${n}`);
    for (const url of urlResponse.urlList) {
      order.restImageIds.add(toImageId(url));
      await this.#look(order, random, url);
    }
  }

  /** Loads a promised image. */
  async #look(order: Order, random: Random, url: string): Promise<void> {
    await this.#insist(async () => {
      const { data } = await this.#graphql(order, random, LOOK, { id: toImageId(url) });
      const promised = data?.image as { readonly sha256: string; readonly byteSize: number } | null;
      const { status, bytes } = await this.#load(random, url);
      if (status === 200 && promised) this.#books.noteBytes(order, bytes, promised);
      else this.#miss(order, status, url);
    });
  }

  /** Loads another form of a promised image. */
  async #lookAt(order: Order, random: Random, url: string, note: (bytes: Buffer) => Promise<void>): Promise<void> {
    await this.#insist(async () => {
      const { status, bytes } = await this.#load(random, url);
      if (status === 200) await note(bytes);
      else this.#miss(order, status, url);
    });
  }

  #miss(order: Order, status: number, url: string): void {
    if (order.ending === "deletes") return;
    this.#books.withoutBytes.push(`${order.marker}: ${status} for ${new URL(url).pathname}`);
  }

  async #graphql(
    order: Order,
    random: Random,
    query: string,
    variables: object,
    signal?: AbortSignal,
  ): Promise<GraphQLAnswer> {
    const headers = { "Content-Type": "application/json" };
    return this.#post(order, random, {
      headers,
      body: JSON.stringify({ query, variables }),
      ...(signal && { signal }),
    });
  }

  async #post(
    order: Order,
    random: Random,
    init: RequestInit & { readonly headers: Readonly<Record<string, string>> },
  ): Promise<GraphQLAnswer> {
    const headers = { ...init.headers, ...headersOf(order) };
    const response = await this.#fetch(random, "/graphql", { method: "POST", ...init, headers });
    return response.json().catch(() => Promise.reject(new Unreachable())) as Promise<GraphQLAnswer>;
  }

  /** Returns what identifies a URL: its path and signature. The origin changes with the gateway. */
  async #load(random: Random, url: string): Promise<{ readonly status: number; readonly bytes: Buffer }> {
    const { pathname, search } = new URL(url);
    const response = await this.#fetch(random, pathname + search);
    const bytes = await response.arrayBuffer().catch(() => Promise.reject(new Unreachable()));
    return { status: response.status, bytes: Buffer.from(bytes) };
  }

  async #fetch(random: Random, path: string, init: RequestInit = {}): Promise<Response> {
    const url = await this.#fleet.url(random);
    this.#events.tick();
    const response = await fetch(url + path, init).catch(() => Promise.reject(new Unreachable()));
    this.#events.tick();
    return response;
  }

  /** Repeats until there is an answer. */
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

function headersOf({ project }: Order): Readonly<Record<string, string>> {
  return project?.headers ?? {};
}

function makeOrder(marker: string, random: Random): Order {
  const api = random.pick(["REST", "GraphQL", "WebSocket"] as const);
  const isOverSocket = api === "WebSocket";
  const ending = isOverSocket
    ? "takes"
    : random.pick(["takes", "takes", "takes", "takes", "takes", "takes", "cancels", "deletes"] as const);
  const isEdit = api === "GraphQL" && random.whole(1, 3) === 1;
  const n = random.pick([1, 1, 1, 2]);
  // The vendor shows previews only of single images.
  const hasPreviews = api === "GraphQL" && n === 1 && random.whole(1, 2) === 1;
  return {
    marker,
    n,
    size: random.pick(["256x256", "256x256", "300x200", "816x816"]),
    isEdit,
    partialImages: hasPreviews ? 2 : 0,
    api,
    // A request repeated after the deletion would be a new order under the freed key.
    patience: random.pick(["waits", "waits", "asks again", ending === "deletes" ? "waits" : "leaves"] as const),
    wantsDerivatives: random.whole(1, 3) === 1,
    hasTwin: !isOverSocket && ending !== "deletes" && random.whole(1, 5) === 1,
    ending,
    hasMetCrash: false,
    isAccepted: false,
    isDeleted: false,
    ids: new Set(),
    restImageIds: new Set(),
    ends: [],
  };
}

/** A stream breaks when its gateway ends. */
async function* untilBroken(events: AsyncIterable<ExecutionResult>): AsyncGenerator<ExecutionResult, void, void> {
  try {
    yield* events;
  } catch {
    throw new Unreachable();
  }
}

function toImageId(url: string): string {
  return /img_[0-9a-z]{26}/.exec(url)?.[0] ?? url;
}

function toPrompt({ marker }: Order): string {
  return `A paper boat on a quiet lake, ${marker}.`;
}
