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

/** What an outage was like. */
export interface OutageReport {
  /** What the gateways were at when it began. */
  readonly before: { readonly queued: number; readonly inProvidersHands: number; readonly storing: number };
  /** What each gateway said of itself meanwhile. */
  readonly health: readonly GatewayHealth[];
  /** Such as `REST 500` → how many; of requests that were answered meanwhile. */
  readonly answersMeanwhile: ReadonlyMap<string, number>;
  /** The same of requests that were open when everything was back. */
  readonly answersAfterWaiting: ReadonlyMap<string, number>;
  /** How often a runner found the database away, and went on trying. */
  readonly storeRetries: number;
  /** The orders whose pictures the provider sent, and so was paid for, meanwhile. */
  readonly paidMeanwhile: readonly string[];
}

export interface GatewayHealth {
  readonly healthz: number;
  readonly readyz: number;
  readonly failedChecks: readonly string[];
}

export interface OutageVerdict extends Verdict {
  /** Orders whose pictures the provider sent, at whatever time, and that did not succeed. */
  readonly paidAndLost: readonly string[];
  /** Answers that no client may get. */
  readonly misshapen: readonly string[];
  readonly imagesLoaded: number;
}

export interface OutageOptions {
  readonly seed: number;
  /** How many clients are at work at any time. */
  readonly clients: number;
  /** How long others wait for a gateway before they presume that it is dead; longer than any outage. */
  readonly leaseSeconds: number;
}

const GATEWAYS = 2;
/** Calls that each gateway makes at a time. */
const CONCURRENCY = 4;
/** Unless a time is given, an outage is over when it was felt so often. */
const ENOUGH_ANSWERS = 12;
const ENOUGH_STORE_RETRIES = 6;
/** What takes longer never happens. */
const GIVE_UP_MS = 30_000;

/** Two gateways on one PostgreSQL and one S3, either of which can be taken away under load. */
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
   * Takes something away while generations wait, are in the provider's hands and are being stored; and brings it back.
   * Resolves when both gateways are ready again.
   *
   * @param seconds how long it is away; until it was felt often enough when left out
   * @throws Error when a gateway exits, or what has to happen does not
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
      // What was asked for before is made now, and paid.
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

  /** Lets every client get its images, and judges what is there then. */
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

  /** Until each gateway has all that it takes at a time, others wait, and of some the pictures have just been sent. */
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
    // Ends are logged of other generations too: those that were canceled, or that another process took over.
    const storing = finished() - this.#fleet.recordedEnds.length;
    return { queued, inProvidersHands: this.#calls.filter(({ end }) => end === "open").length, storing };
  }

  /** Clients who come while something is away. */
  #newcomers(): Promise<void>[] {
    const newcomers = [
      ...APIS.map((api) => this.#clients.bringOne(api)),
      ...this.#gateways.map(({ url }) => this.#clients.lookAgain(url)),
    ];
    // They are awaited once everything is back, or not at all.
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

  /** Looks after each event; a run in which it never happens fails. */
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
