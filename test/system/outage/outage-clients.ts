import { httpRequest } from "../../support/clients/http-request.ts";
import { type Random, seededRandom } from "../../support/random.ts";
import { type ChaosBooks, GENERATION_FIELDS, isEnded, type Order, type ToldGeneration } from "../chaos/chaos-books.ts";
import { toEditRequest } from "../chaos/chaos-edits.ts";
import type { EventCount } from "../chaos/chaos-events.ts";
import type { ChaosFleet } from "../chaos/chaos-fleet.ts";
import { ENDED_BADLY, type OutageLedger, type ReadAnswer } from "./outage-ledger.ts";

const GENERATE = `mutation ($input: GenerateImagesInput!) { told: generateImages(input: $input) { ${GENERATION_FIELDS} } }`;
const JSON_TYPE = { "Content-Type": "application/json" };
const WAIT_SECONDS = 1;
/** How many events a client waits after a failure before it repeats its key. */
const PAUSE = 200;
export const APIS = ["REST", "GraphQL"] as const;

/** The gateways that clients call, and the record of their answers. */
export interface OutageSurroundings {
  readonly fleet: ChaosFleet;
  readonly books: ChaosBooks;
  readonly ledger: OutageLedger;
  readonly events: EventCount;
  readonly seed: number;
}

/** Clients that repeat their idempotency key until they have their images, whatever the answers meanwhile. */
export class OutageClients {
  readonly #surroundings: OutageSurroundings;
  /** The URL of an image that was loaded. */
  #knownUrl: string | undefined;

  constructor(surroundings: OutageSurroundings) {
    this.#surroundings = surroundings;
  }

  /** Sends one more order and resolves when its client has loaded its images. @param api any API if omitted */
  async bringOne(api?: Order["api"]): Promise<void> {
    const { books, seed } = this.#surroundings;
    const number = books.orders.length;
    const random = seededRandom(seed * 1_000_003 + number);
    const order = makeOrder(`chaos-${seed}-${number}`, random, api);
    books.orders.push(order);
    if (order.api === "REST") await this.#getImage(order, random);
    const told = await this.#ask(order, random);
    for (const image of told.images) {
      const bytes = await this.#load(image.url, random);
      books.noteBytes(order, bytes, image);
      this.#knownUrl = image.url;
    }
  }

  /** Requests an older image from one gateway, once. */
  async lookAgain(gatewayUrl: string): Promise<void> {
    if (!this.#knownUrl) throw new Error("no image was loaded yet");
    await this.#open(gatewayUrl, this.#knownUrl);
  }

  /** Repeats until there are URLs, or a failure that no outage explains. */
  async #getImage(order: Order, random: Random): Promise<void> {
    const { books, ledger } = this.#surroundings;
    const { marker, n, size } = order;
    const body = JSON.stringify({ prompt: toPrompt(order), n: String(n), size });
    const headers = { ...JSON_TYPE, "Idempotency-Key": marker };
    const answer = await this.#insist(
      (url) => this.#send("REST", () => httpRequest(`${url}/get-image`, { method: "POST", headers, body })),
      random,
      ({ isFailure, label }) => !isFailure || label === ENDED_BADLY || !ledger.isAway,
    );
    if (answer.isFailure) return;
    const urls = answer.body as readonly string[];
    order.isAccepted = true;
    if (urls.length !== n) books.contradict(order, `${urls.length} URLs of ${n}`);
    for (const url of urls) order.restImageIds.add(/img_[0-9a-z]{26}/.exec(url)?.[0] ?? url);
  }

  /** Repeats until the generation has ended. */
  async #ask(order: Order, random: Random): Promise<ToldGeneration> {
    const { books } = this.#surroundings;
    const { marker: idempotencyKey, n, size } = order;
    const input = { prompt: toPrompt(order), n, size, idempotencyKey, waitSeconds: WAIT_SECONDS };
    const request = order.isEdit
      ? await toEditRequest(input)
      : { headers: JSON_TYPE, body: JSON.stringify({ query: GENERATE, variables: { input } }) };
    const answer = await this.#insist(
      (url) => this.#send("GraphQL", () => httpRequest(`${url}/graphql`, { method: "POST", ...request })),
      random,
      ({ isFailure, body }) => {
        if (isFailure) return false;
        books.note(order, body as ToldGeneration);
        return isEnded(body as ToldGeneration);
      },
    );
    return answer.body as ToldGeneration;
  }

  async #load(imageUrl: string, random: Random): Promise<Buffer> {
    for (;;) {
      const { body } = await this.#insist(
        (url) => this.#open(url, imageUrl),
        random,
        ({ isFailure }) => !isFailure,
      );
      // The gateway redirects to S3, which may have gone down since.
      const loaded = await httpRequest(String(body)).catch(() => undefined);
      if (loaded?.status === 200) return loaded.body;
      await this.#surroundings.events.after(PAUSE);
    }
  }

  #open(gatewayUrl: string, imageUrl: string): Promise<ReadAnswer | undefined> {
    const { pathname, search } = new URL(imageUrl);
    return this.#send("image", () => httpRequest(gatewayUrl + pathname + search));
  }

  async #send(...request: Parameters<OutageLedger["send"]>): Promise<ReadAnswer | undefined> {
    const { ledger, events } = this.#surroundings;
    events.tick();
    const answer = await ledger.send(...request);
    events.tick();
    return answer;
  }

  /** Calls any gateway, repeatedly. */
  async #insist(
    attempt: (gatewayUrl: string) => Promise<ReadAnswer | undefined>,
    random: Random,
    isEnough: (answer: ReadAnswer) => boolean,
  ): Promise<ReadAnswer> {
    const { fleet, events } = this.#surroundings;
    for (;;) {
      const answer = await attempt(await fleet.url(random));
      if (answer && isEnough(answer)) return answer;
      if (!answer || answer.isFailure) await events.after(PAUSE);
    }
  }
}

function makeOrder(marker: string, random: Random, wantedEntry: Order["api"] | undefined): Order {
  const api = wantedEntry ?? random.pick(APIS);
  return {
    marker,
    n: random.pick([1, 1, 1, 2]),
    size: random.pick(["256x256", "300x200"]),
    isEdit: api === "GraphQL" && random.whole(1, 4) === 1,
    partialImages: 0,
    api,
    patience: "waits",
    hasTwin: false,
    wantsDerivatives: false,
    ending: "takes",
    hasMetCrash: false,
    isAccepted: false,
    isDeleted: false,
    ids: new Set(),
    restImageIds: new Set(),
    ends: [],
  };
}

function toPrompt({ marker }: Order): string {
  return `A paper boat on a quiet lake, ${marker}.`;
}
