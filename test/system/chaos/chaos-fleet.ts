import { type GatewayProcess, startGatewayProcess } from "../../support/processes/gateway-process.ts";
import type { Random } from "../../support/random.ts";
import { type RecordedEnd, readRecordedEnds } from "./chaos-ends.ts";
import type { EventCount } from "./chaos-events.ts";
import type { ChaosGround } from "./chaos-ground.ts";
import { DAILY_BUDGET_USD } from "./chaos-ledger.ts";
import type { ChaosUpstream } from "./chaos-upstream.ts";

/**
 * How a gateway is ended: by a crash, by a supervisor, or by Ctrl-C in a terminal, which npm forwards a second time.
 */
export type Ending = "SIGKILL" | "SIGTERM" | "Ctrl-C";

/** What a gateway was doing when it was ended. */
export interface EndFacts {
  /** Waiting generations, as counted by the next process. */
  readonly queued: number;
  /** Calls that the provider had not completely answered. */
  readonly inProvidersHands: number;
  /** Calls that were completely answered, but whose generations had not ended. */
  readonly storing: number;
}

interface Slot {
  readonly upstream: ChaosUpstream;
  readonly index: number;
  life: number;
  /** Resolves when this slot's gateway accepts requests. */
  up: PromiseWithResolvers<GatewayProcess>;
  gateway: GatewayProcess | undefined;
}

/** The gateways of a run. Each is a real process that is killed and started again on the same data. */
export class ChaosFleet {
  readonly #ground: ChaosGround;
  readonly #events: EventCount;
  readonly #extraEnv: Readonly<Record<string, string>>;
  readonly #slots: Slot[] = [];
  readonly #stoppedLives = new Map<number, number>();
  readonly #gateways = new Map<number, GatewayProcess>();
  readonly #broken = Promise.withResolvers<never>();
  #lives = 0;
  #crashes = 0;

  /**
   * @param startUpstream makes the provider of one slot; `life` counts the starts of its gateway
   * @param extraEnv additional environment of every gateway
   */
  static async create(
    ground: ChaosGround,
    events: EventCount,
    startUpstream: (life: () => number) => Promise<ChaosUpstream>,
    extraEnv: Readonly<Record<string, string>> = { PICTOGRAPH_DAILY_BUDGET_USD: DAILY_BUDGET_USD },
  ): Promise<ChaosFleet> {
    const fleet = new ChaosFleet(ground, events, extraEnv);
    for (let index = 0; index < ground.gatewayCount; index++) {
      const upstream = await startUpstream(() => fleet.#slots[index]?.life ?? 0);
      fleet.#slots.push({ upstream, index, life: 0, up: Promise.withResolvers(), gateway: undefined });
    }
    return fleet;
  }

  private constructor(ground: ChaosGround, events: EventCount, extraEnv: Readonly<Record<string, string>>) {
    this.#ground = ground;
    this.#events = events;
    this.#extraEnv = extraEnv;
    this.#broken.promise.catch(() => {});
  }

  /** Rejects if a gateway exits by itself. */
  get broken(): Promise<never> {
    return this.#broken.promise;
  }

  get upstreams(): readonly ChaosUpstream[] {
    return this.#slots.map(({ upstream }) => upstream);
  }

  /** How often a gateway was killed. */
  get crashes(): number {
    return this.#crashes;
  }

  /**
   * The starts that were stopped in order, with the milliseconds each took to stop. Generations that waited for their
   * next attempt continue in another process.
   */
  get stoppedLives(): ReadonlyMap<number, number> {
    return this.#stoppedLives;
  }

  /** The ends that gateways recorded for the generations they ran. */
  get recordedEnds(): readonly RecordedEnd[] {
    return [...this.#gateways].flatMap(([life, { lines }]) => readRecordedEnds(life, lines));
  }

  /** The URL of a gateway that accepts requests, as soon as there is one. */
  async url(random: Random): Promise<string> {
    const living = this.#slots.filter(({ gateway }) => gateway);
    const slots = living.length > 0 ? [random.pick(living)] : this.#slots;
    return (await Promise.race(slots.map(({ up }) => up.promise))).url;
  }

  async start(env: Readonly<Record<string, string>> = {}): Promise<readonly GatewayProcess[]> {
    return Promise.all(this.#slots.map((slot) => this.#start(slot, env)));
  }

  /**
   * Ends one gateway and starts the next one in its slot.
   * @throws Error if a gateway that is told to stop does not exit with code 0
   */
  async endOne(ending: Ending, random: Random): Promise<EndFacts> {
    const slot = random.pick(this.#slots);
    const gateway = vacate(slot) as GatewayProcess;
    const ownCalls = slot.upstream.calls.filter(({ life }) => life === slot.life);
    const inProvidersHands = ownCalls.filter(({ end }) => end === "open").length;
    const answered = ownCalls.filter(({ end, isTurnedAway }) => end === "finished" && !isTurnedAway).length;
    const ended = readRecordedEnds(slot.life, gateway.lines).length;
    if (ending === "SIGKILL") {
      this.#crashes++;
      await gateway.kill();
      await gateway.stop();
      if (random.whole(1, 4) === 1) await this.#killWhileStarting(slot, random);
    } else {
      const startedAtMs = performance.now();
      if (ending === "Ctrl-C") await interruptTwice(gateway);
      else await gateway.stop();
      this.#stoppedLives.set(slot.life, performance.now() - startedAtMs);
    }
    const successor = await this.#start(slot);
    return { queued: queuedOf(successor), inProvidersHands, storing: Math.max(0, answered - ended) };
  }

  /** Sends SIGTERM to one gateway, which must exit with code 0. The slot stays empty until {@link start}. */
  async stopOne(index: number): Promise<void> {
    await vacate(this.#slots[index] as Slot)?.stop();
  }

  /** Sends SIGTERM to all gateways; each must exit with code 0. */
  async stop(): Promise<void> {
    await Promise.all(this.#slots.map((slot) => vacate(slot)?.stop()));
  }

  /** Crashes a gateway while it takes over the work of the one before. */
  async #killWhileStarting(slot: Slot, random: Random): Promise<void> {
    slot.life = ++this.#lives;
    const crash = new AbortController();
    void this.#events.after(random.whole(1, 60)).then(() => crash.abort());
    const started = startGatewayProcess({ env: this.#env(slot), signal: crash.signal });
    await started.then(
      // The gateway was faster.
      async (gateway) => {
        await gateway.kill();
        await gateway.stop();
      },
      (error) => {
        if (!crash.signal.aborted) throw error;
      },
    );
  }

  #env(slot: Slot): Readonly<Record<string, string>> {
    const { baseUrl, apiKey } = slot.upstream;
    const common = {
      OPENAI_BASE_URL: baseUrl,
      OPENAI_API_KEY: apiKey,
      PICTOGRAPH_MAX_CONCURRENCY: "4",
      PICTOGRAPH_MAX_IMAGES_PER_MINUTE: "1000000",
    };
    return { ...common, ...this.#extraEnv, ...this.#ground.env(slot.index) };
  }

  async #start(slot: Slot, env: Readonly<Record<string, string>> = {}): Promise<GatewayProcess> {
    slot.life = ++this.#lives;
    const gateway = await startGatewayProcess({ env: { ...this.#env(slot), ...env } });
    slot.gateway = gateway;
    this.#gateways.set(slot.life, gateway);
    void gateway.exited.then(() => {
      if (slot.gateway !== gateway) return;
      this.#broken.reject(
        new Error(`a gateway exited by itself\n${gateway.stderr}\n${gateway.lines.slice(-20).join("\n")}`),
      );
    });
    this.#followLines(gateway);
    slot.up.resolve(gateway);
    return gateway;
  }

  /** Each logged line of the gateway is an event. */
  #followLines(gateway: GatewayProcess): void {
    gateway
      .waitForLine((line) => {
        if (gateway.lines.at(-1) === line) this.#events.tick();
        return false;
      })
      .catch(() => {});
  }
}

/** Sends two signals as Ctrl-C under npm does: the second one after the process has received the first. */
async function interruptTwice(gateway: GatewayProcess): Promise<void> {
  gateway.signal("SIGINT");
  await gateway.waitForLine((line) => line.includes('"msg":"stopping"'));
  gateway.signal("SIGINT");
  const { code } = await gateway.exited;
  // Only cleans up: the process has exited.
  await gateway.stop().catch(() => {});
  if (code !== 0) throw new Error(`a gateway exited with ${code} after Ctrl-C\n${gateway.lines.slice(-20).join("\n")}`);
}

/** Sends no more clients to its gateway. */
function vacate(slot: Slot): GatewayProcess | undefined {
  const { gateway } = slot;
  slot.gateway = undefined;
  slot.up = Promise.withResolvers();
  return gateway;
}

/** The numbers that a gateway logs at its start about the work it takes over. */
function queuedOf(gateway: GatewayProcess): number {
  const line = gateway.lines.find((candidate) =>
    candidate.includes('"msg":"took over generations of another process"'),
  );
  return line ? (JSON.parse(line) as { queued: number }).queued : 0;
}
