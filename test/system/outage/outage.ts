import { setTimeout as delay } from "node:timers/promises";
import { httpRequest } from "../../support/clients/http-request.ts";
import type { GatewayProcess } from "../../support/processes/gateway-process.ts";
import { seededRandom } from "../../support/random.ts";
import { Load, STANDSTILL_MS, settle } from "../chaos/chaos.ts";
import { ChaosBooks } from "../chaos/chaos-books.ts";
import { EventCount } from "../chaos/chaos-events.ts";
import { ChaosFleet } from "../chaos/chaos-fleet.ts";
import { type DistributedGround, distributedGround } from "../chaos/chaos-ground.ts";
import { startChaosUpstream, type UpstreamCall } from "../chaos/chaos-upstream.ts";
import { query, type Verdict } from "../chaos/chaos-verdict.ts";
import { APIS, OutageClients } from "./outage-clients.ts";
import { OutageGate } from "./outage-gate.ts";
import { OutageLedger } from "./outage-ledger.ts";

export type Outage = "database" | "storage" | "both";

/** The course of an outage. */
export interface OutageReport {
  /** The gateways' work when it began. */
  readonly before: { readonly queued: number; readonly inProvidersHands: number; readonly storing: number };
  /** Each gateway's own report during the outage. */
  readonly health: readonly GatewayHealth[];
  /** For example `REST 500` and its number, for requests answered during the outage. */
  readonly answersMeanwhile: ReadonlyMap<string, number>;
  /** The same for requests that were still open when the outage ended. */
  readonly answersAfterWaiting: ReadonlyMap<string, number>;
  /** How often a runner found the database down and tried again. */
  readonly storeRetries: number;
  /** The orders whose pictures the provider sent during the outage, for which it was paid. */
  readonly paidMeanwhile: readonly string[];
}

export interface GatewayHealth {
  readonly healthz: number;
  readonly readyz: number;
  readonly failedChecks: readonly string[];
}

export interface OutageVerdict extends Verdict {
  /** Orders whose pictures the provider sent at any time, and that did not succeed. */
  readonly paidAndLost: readonly string[];
  /** Answers that no client may receive. */
  readonly misshapen: readonly string[];
  readonly imagesLoaded: number;
}

export interface OutageOptions {
  readonly seed: number;
  /** The number of clients working at any time. */
  readonly clients: number;
  /** How long processes wait for a gateway before they presume it dead; longer than any outage. */
  readonly leaseSeconds: number;
}

const GATEWAYS = 2;
/** The number of simultaneous calls of each gateway. */
const CONCURRENCY = 4;
/** Unless a time is given, an outage ends when its effect was seen this often. */
const ENOUGH_ANSWERS = 12;
const ENOUGH_STORE_RETRIES = 6;
/** What takes longer than this never happens. */
const GIVE_UP_MS = 30_000;

/** Two gateways on one PostgreSQL and one S3, either of which can be stopped under load. */
export class OutageRun implements AsyncDisposable {
  readonly #stack: AsyncDisposableStack;
  readonly #ground: DistributedGround;
  readonly #fleet: ChaosFleet;
  readonly #gateways: readonly GatewayProcess[];
  readonly #events: EventCount;
  readonly #gate: OutageGate;
  readonly #books = new ChaosBooks();
  readonly #ledger = new OutageLedger();
  readonly #clients: OutageClients;
  readonly #load: Load;

  static async start(options: OutageOptions): Promise<OutageRun> {
    await using stack = new AsyncDisposableStack();
    const random = seededRandom(options.seed);
    const events = new EventCount();
    const gate = new OutageGate();
    const ground = stack.use(await distributedGround());
    const fleet = await ChaosFleet.create(ground, events, async (life) => {
      const upstreamRandom = seededRandom(random.whole(0, 2 ** 31));
      const upstream = await startChaosUpstream(upstreamRandom, events, life, {
        isReliable: true,
        gate: () => gate.pass(),
      });
      return stack.use(upstream);
    });
    stack.defer(() => fleet.stop());
    const pump = setInterval(() => events.tick(), STANDSTILL_MS);
    stack.defer(() => clearInterval(pump));
    const gateways = await fleet.start({
      PICTOGRAPH_LEASE_SECONDS: String(options.leaseSeconds),
      PICTOGRAPH_MAX_CONCURRENCY: String(CONCURRENCY),
    });
    return new OutageRun(stack.move(), { ground, fleet, gateways, events, gate }, options);
  }

  private constructor(
    stack: AsyncDisposableStack,
    parts: {
      readonly ground: DistributedGround;
      readonly fleet: ChaosFleet;
      readonly gateways: readonly GatewayProcess[];
      readonly events: EventCount;
      readonly gate: OutageGate;
    },
    { seed, clients }: OutageOptions,
  ) {
    this.#stack = stack;
    this.#ground = parts.ground;
    this.#fleet = parts.fleet;
    this.#gateways = parts.gateways;
    this.#events = parts.events;
    this.#gate = parts.gate;
    this.#clients = new OutageClients({ ...parts, books: this.#books, ledger: this.#ledger, seed });
    this.#load = new Load(this.#clients, clients);
  }

  /**
   * Stops a service while generations wait, are submitted and are being stored, and then starts it again. Resolves when
   * both gateways are ready again.
   * @param seconds the duration; if omitted, until the effect was seen often enough
   * @throws Error if a gateway exits, or an expected effect does not occur
   */
  async suffer(outage: Outage, seconds?: number): Promise<OutageReport> {
    const before = await this.#fillHands();
    const open = this.#calls.filter(({ end }) => end === "open");
    const retriesBefore = this.#storeRetries;
    this.#ledger.goAway();
    await this.#takeAway(outage);
    const newcomers: Promise<void>[] = [];
    let health: readonly GatewayHealth[] = [];
    try {
      const isOver = delay(seconds === undefined ? 0 : seconds * 1000);
      // Images requested before are made and paid for now.
      this.#gate.open();
      newcomers.push(...this.#newcomers());
      health = await Promise.all(this.#gateways.map((gateway) => this.#untilUnready(gateway)));
      await this.#until("the provider's answers", () => open.every(({ end }) => end !== "open"));
      await this.#until("answers to clients", () => sum(this.#ledger.answersWhileAway) >= ENOUGH_ANSWERS);
      if (outage === "database") {
        await this.#until("retries", () => this.#storeRetries - retriesBefore >= ENOUGH_STORE_RETRIES);
      }
      await Promise.race([isOver, this.#fleet.broken, this.#load.failed]);
    } finally {
      await this.#bringBack(outage);
    }
    const paidMeanwhile = open.filter(({ end }) => end === "finished").map(({ marker }) => marker);
    for (const gateway of this.#gateways) {
      await this.#until("readiness", async () => (await healthOf(gateway)).readyz === 200);
    }
    this.#ledger.comeBack();
    await Promise.all(newcomers);
    const waiting = new Set(paidMeanwhile);
    await this.#until("the ends of what was paid for", () =>
      this.#books.orders.every(({ marker, ends }) => !waiting.has(marker) || ends.length > 0),
    );
    return {
      before,
      health,
      answersMeanwhile: this.#ledger.answersWhileAway,
      answersAfterWaiting: this.#ledger.answersAfterWaiting,
      storeRetries: this.#storeRetries - retriesBefore,
      paidMeanwhile,
    };
  }

  /** Waits until every client has its images, and checks the result. */
  async settle(): Promise<OutageVerdict> {
    await Promise.race([this.#load.end(), this.#fleet.broken]);
    const verdict = await settle(this.#fleet, this.#ground, this.#books);
    const succeeded = new Set(
      this.#books.orders.filter(({ ends }) => ends.at(-1)?.status === "SUCCEEDED").map(({ marker }) => marker),
    );
    return {
      ...verdict,
      paidAndLost: this.#calls
        .filter(({ end, marker }) => end === "finished" && !succeeded.has(marker))
        .map(({ marker }) => marker),
      misshapen: this.#ledger.misshapen,
      imagesLoaded: this.#books.imageCount,
    };
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#gate.open();
    return this.#stack.disposeAsync();
  }

  get #calls(): readonly UpstreamCall[] {
    return this.#fleet.upstreams.flatMap(({ calls }) => calls);
  }

  get #storeRetries(): number {
    const lines = this.#gateways.flatMap((gateway) => gateway.lines);
    return lines.filter((line) => line.includes("the store does not answer; the write is repeated")).length;
  }

  /** Waits until each gateway has all the calls it may make, others wait, and some pictures have just been sent. */
  async #fillHands(): Promise<OutageReport["before"]> {
    await this.#until("images", () => this.#books.imageCount > 0);
    this.#gate.shut();
    await this.#until("calls of the provider", () => this.#gate.waitingCount === GATEWAYS * CONCURRENCY);
    let queued = 0;
    await this.#until("generations that wait", async () => {
      queued = await countQueued(this.#gateways[0] as GatewayProcess);
      return queued > CONCURRENCY;
    });
    const finished = () => this.#calls.filter(({ end }) => end === "finished").length;
    const finishedBefore = finished();
    this.#gate.letThrough(CONCURRENCY);
    await this.#until("pictures", () => finished() > finishedBefore);
    // Ends of other generations are logged too: canceled ones, and those taken over by another process.
    const storing = finished() - this.#fleet.recordedEnds.length;
    return { queued, inProvidersHands: this.#calls.filter(({ end }) => end === "open").length, storing };
  }

  /** Sends clients during the outage. */
  #newcomers(): Promise<void>[] {
    const newcomers = [
      ...APIS.map((api) => this.#clients.bringOne(api)),
      ...this.#gateways.map(({ url }) => this.#clients.lookAgain(url)),
    ];
    // They are awaited when the outage is over, or not at all.
    for (const newcomer of newcomers) newcomer.catch(() => {});
    return newcomers;
  }

  async #takeAway(outage: Outage): Promise<void> {
    const { postgres, s3 } = this.#ground;
    await Promise.all([outage !== "storage" && postgres.stopServer(), outage !== "database" && s3.takeAway()]);
  }

  async #bringBack(outage: Outage): Promise<void> {
    const { postgres, s3 } = this.#ground;
    await Promise.all([outage !== "storage" && postgres.startServer(), outage !== "database" && s3.bringBack()]);
  }

  async #untilUnready(gateway: GatewayProcess): Promise<GatewayHealth> {
    let health = await healthOf(gateway);
    await this.#until("a gateway that is not ready", async () => {
      health = await healthOf(gateway);
      return health.readyz !== 200;
    });
    return health;
  }

  /** Checks a condition after each event; a run in which it never holds fails. */
  async #until(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
    const giveUpAt = performance.now() + GIVE_UP_MS;
    while (!(await isSo())) {
      if (performance.now() > giveUpAt) throw new Error(`waited in vain for ${what}`);
      await Promise.race([this.#events.after(1), this.#fleet.broken, this.#load.failed]);
    }
  }
}

async function healthOf({ url }: GatewayProcess): Promise<GatewayHealth> {
  const [healthz, readyz] = await Promise.all([httpRequest(`${url}/healthz`), httpRequest(`${url}/readyz`)]);
  const { checks } = JSON.parse(readyz.body.toString()) as { readonly checks: Readonly<Record<string, string>> };
  const failedChecks = Object.keys(checks).filter((name) => checks[name] !== "ok");
  return { healthz: healthz.status, readyz: readyz.status, failedChecks };
}

async function countQueued({ url }: GatewayProcess): Promise<number> {
  const text = "{ generations(first: 100, status: QUEUED) { edges { node { id } } } }";
  const { generations } = await query<{ readonly generations: { readonly edges: readonly unknown[] } }>(url, {}, text);
  return generations.edges.length;
}

function sum(counts: ReadonlyMap<string, number>): number {
  return [...counts.values()].reduce((total, count) => total + count, 0);
}
