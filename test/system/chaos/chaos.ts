import { setTimeout as delay } from "node:timers/promises";
import { seededRandom } from "../../support/random.ts";
import { ChaosBooks } from "./chaos-books.ts";
import { ChaosClients } from "./chaos-clients.ts";
import { EventCount } from "./chaos-events.ts";
import { ChaosFleet, type EndFacts, type Ending } from "./chaos-fleet.ts";
import { type ChaosGround, distributedGround, embeddedGround } from "./chaos-ground.ts";
import { ADMIN_HEADERS, createProjects, KEYED_ENV } from "./chaos-projects.ts";
import { startChaosUpstream } from "./chaos-upstream.ts";
import { judge, query, type Verdict } from "./chaos-verdict.ts";
import { ChaosWebhooks, WEBHOOK_ENV } from "./chaos-webhooks.ts";

export interface ChaosOptions {
  /** How often a gateway is ended, half of the times by a crash. */
  readonly rounds: number;
  readonly topology: "embedded" | "distributed";
  /** The same seed makes a similar run, not the same one: processes and sockets have their own timing. */
  readonly seed: number;
  /** How many clients are at work at any time. @defaultValue 16 */
  readonly clients?: number;
  /** Whether every event has to arrive at a receiver. @defaultValue true */
  readonly hasWebhooks?: boolean;
  /** Called for each round. */
  readonly onRound?: (round: number) => void;
}

export interface ChaosReport extends Verdict {
  readonly rounds: number;
  /** How often gateways were killed, and told to stop in order. */
  readonly kills: EndCounts;
  readonly stops: EndCounts;
  /** How often clients sent an order over a WebSocket once more. */
  readonly repeats: number;
  /**
   * Orders over WebSockets without a key that were in progress while gateways were stopped in order and none was
   * killed.
   */
  readonly throughStops: number;
  /** Bytes without a record before the sweep, as left by crashes. */
  readonly swept: Swept;
  /** Ends and images without a delivered webhook. */
  readonly untold: readonly string[];
  /** Webhooks that arrived, and how many of them had arrived before. */
  readonly webhooks: number;
  readonly repeatedWebhooks: number;
  readonly upstreamCalls: number;
  /** Images that were loaded and compared with the promised ones. */
  readonly imagesLoaded: number;
  /** Previews that were loaded while their images were made. */
  readonly previewsLoaded: number;
  readonly durationMs: number;
}

/** How many files of each kind were removed. */
export interface Swept {
  readonly images: number;
  readonly previews: number;
  /** The sources of edits. */
  readonly sources: number;
}

/** How many endings met waiting generations, submitted ones, images being stored, or no work. */
export interface EndCounts {
  all: number;
  queued: number;
  inProvidersHands: number;
  storing: number;
  idle: number;
}

/** The endings of the rounds, in order. */
const ENDINGS: readonly Ending[] = ["SIGKILL", "SIGTERM", "SIGKILL", "Ctrl-C"];
/** An ending comes after at most this many events: logged lines, requests, answers, calls, pieces written to disk. */
const MAX_EVENTS = [40, 200, 800];
/** If everyone waits for everyone, this time counts as an event. */
export const STANDSTILL_MS = 10;
/** A generation that has not ended by this time after the last round never will. */
const GIVE_UP_MS = 5 * 60_000;

/**
 * Kills and stops gateways under load repeatedly, and checks every accepted generation.
 * @throws Error if a gateway exits by itself, does not start, or gives a forbidden answer
 */
export async function runChaos(options: ChaosOptions): Promise<ChaosReport> {
  const { rounds, seed, clients: clientCount = 16, hasWebhooks = true } = options;
  const startedAt = performance.now();
  await using stack = new AsyncDisposableStack();
  const random = seededRandom(seed);
  const events = new EventCount();
  const books = new ChaosBooks();
  const ground = stack.use(await openGround(options.topology));
  const startUpstream = async (life: () => number) =>
    stack.use(await startChaosUpstream(seededRandom(random.whole(0, 2 ** 31)), events, life));
  const webhooks = stack.use(await ChaosWebhooks.start());
  const fleet = await ChaosFleet.create(ground, events, startUpstream, { ...KEYED_ENV, ...WEBHOOK_ENV });
  stack.defer(() => fleet.stop());
  const pump = setInterval(() => events.tick(), STANDSTILL_MS);
  stack.defer(() => clearInterval(pump));
  const [kills, stops] = [newCounts(), newCounts()];

  const work = async () => {
    await fleet.start();
    const projects = await createProjects(await fleet.url(random));
    if (hasWebhooks) await webhooks.subscribe(await fleet.url(random), projects);
    const load = new Load(new ChaosClients(fleet, books, events, seed, projects), clientCount);
    for (let round = 1; round <= rounds; round++) {
      const unfollow = ground.follow(events);
      await Promise.race([events.after(random.whole(1, random.pick(MAX_EVENTS))), load.failed]);
      unfollow();
      const ending = ENDINGS[(round - 1) % ENDINGS.length] ?? "SIGKILL";
      countEnd(ending === "SIGKILL" ? kills : stops, await fleet.endOne(ending, random));
      options.onRound?.(round);
    }
    for (const upstream of fleet.upstreams) upstream.calmDown();
    await within(GIVE_UP_MS, load.end());
    const verdict = await settle(fleet, ground, books, ADMIN_HEADERS);
    // A process presumed dead may finish its generations until it has stopped.
    const untold = hasWebhooks ? await webhooks.missing(await fleet.url(random), ADMIN_HEADERS, books) : [];
    return { ...verdict, untold };
  };
  const verdict = await Promise.race([work(), fleet.broken]);
  return {
    ...verdict,
    rounds,
    kills,
    stops,
    repeats: books.repeats,
    throughStops: books.throughStops.length,
    webhooks: webhooks.receivedCount,
    repeatedWebhooks: webhooks.repeatedCount,
    upstreamCalls: fleet.upstreams.reduce((sum, { calls }) => sum + calls.length, 0),
    imagesLoaded: books.imageCount,
    previewsLoaded: books.previewCount,
    durationMs: performance.now() - startedAt,
  };
}

/** The counts that must be 0, with what happened. */
export function brokenPromises(
  report: Verdict & Partial<Pick<ChaosReport, "untold">>,
): ReadonlyMap<string, readonly string[]> {
  const { lost, submittedTwice, paidTwice, cutOff, miscounted, overspent, orphans, halfWritten } = report;
  const { recordsWithoutBytes, contradictions, untold = [] } = report;
  const counted = { lost, submittedTwice, paidTwice, cutOff, miscounted, overspent, orphans, halfWritten };
  const all = { ...counted, recordsWithoutBytes, contradictions, untold };
  return new Map(Object.entries(all).filter(([, list]) => list.length > 0));
}

/** Keeps a number of clients busy, one order after another. */
export class Load {
  /** Rejects when a client does. */
  readonly failed: Promise<never>;
  readonly #workers: readonly Promise<void>[];
  #isOver = false;

  constructor(clients: { bringOne(): Promise<void> }, count: number) {
    this.#workers = Array.from({ length: count }, async () => {
      while (!this.#isOver) await clients.bringOne();
    });
    const failure = Promise.withResolvers<never>();
    this.failed = failure.promise;
    failure.promise.catch(() => {});
    for (const worker of this.#workers) worker.catch(failure.reject);
  }

  /** Takes no more orders, and resolves when every client has its final answer. */
  async end(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#workers);
  }
}

/**
 * Waits until all work is done, runs the sweep of bytes without a record, and audits the result.
 * @param headers of a caller that sees everything
 */
export async function settle(
  fleet: ChaosFleet,
  ground: ChaosGround,
  books: ChaosBooks,
  headers: Readonly<Record<string, string>> = {},
): Promise<Verdict & { readonly swept: Swept }> {
  const random = seededRandom(0);
  const url = await fleet.url(random);
  await within(GIVE_UP_MS, untilNothingIsLeftToDo(url, headers));
  await fleet.stop();
  const ledger = await ground.ledger();
  const before = await ground.storedKeys();
  await ground.makeOld();
  const gateways = await fleet.start({ LOG_LEVEL: "debug" });
  await Promise.all(gateways.map((gateway) => gateway.waitForLine((line) => line.includes('"msg":"swept"'))));
  const after = await ground.storedKeys();
  const verdict = await judge(books, fleet, await fleet.url(random), { storedKeys: after, ledger, headers });
  const left = new Set(after);
  return { ...verdict, swept: countKinds(before.filter((key) => !left.has(key))) };
}

/** Keys are `<generation>/<image>/…`, `<generation>/previews/…` or `<generation>/sources/…`. */
function countKinds(keys: readonly string[]): Swept {
  const previews = keys.filter((key) => key.includes("/previews/")).length;
  const sources = keys.filter((key) => key.includes("/sources/")).length;
  return { images: keys.length - previews - sources, previews, sources };
}

async function untilNothingIsLeftToDo(url: string, headers: Readonly<Record<string, string>>): Promise<void> {
  const text = `{ queued: generations(first: 1, status: QUEUED) { edges { node { id } } }
                  running: generations(first: 1, status: RUNNING) { edges { node { id } } } }`;
  for (;;) {
    const { queued, running } = await query<Record<"queued" | "running", { edges: unknown[] }>>(url, headers, text);
    if (queued.edges.length + running.edges.length === 0) return;
    await delay(50);
  }
}

/** Resolves when the work is done or the time is over. What has not ended by then is reported as lost. */
async function within(ms: number, work: Promise<void>): Promise<void> {
  const over = new AbortController();
  await Promise.race([work, delay(ms, undefined, { signal: over.signal }).catch(() => {})]);
  over.abort();
}

function openGround(topology: ChaosOptions["topology"]): Promise<ChaosGround> {
  return topology === "embedded" ? embeddedGround() : distributedGround();
}

function newCounts(): EndCounts {
  return { all: 0, queued: 0, inProvidersHands: 0, storing: 0, idle: 0 };
}

function countEnd(counts: EndCounts, { queued, inProvidersHands, storing }: EndFacts): void {
  counts.all++;
  if (queued > 0) counts.queued++;
  if (inProvidersHands > 0) counts.inProvidersHands++;
  if (storing > 0) counts.storing++;
  if (queued + inProvidersHands + storing === 0) counts.idle++;
}
