import { Agent } from "node:http";
import { fileURLToPath } from "node:url";
import { writeHotPathChart } from "./hot-path/chart.ts";
import { CONTESTANTS, type Contestant, OWN, order, startContestant } from "./hot-path/contestants.ts";
import { drawPicture, MODEL, PICTURES, type PictureKind, PROVIDER_KEY } from "./hot-path/pictures.ts";
import { post } from "./hot-path/post.ts";
import type { Load, Reading } from "./hot-path/reading.ts";
import { type Measured, MeasuredProcess } from "./processes/measured-process.ts";
import { median, mib, ms, type Row } from "./row.ts";

/** In this order, so that the most memory comes last. */
const LOADS: readonly Load[] = [
  { n: 1, callers: 1 },
  { n: 1, callers: 8 },
  { n: 1, callers: 32 },
  { n: 4, callers: 32 },
];
const MOST_CALLERS = Math.max(...LOADS.map(({ callers }) => callers));
/** The contestants take turns, so that other work of the machine slows all of them alike. */
const ROUNDS = 3;
/** For the loads that have targets. */
const TARGET_ROUNDS = 7;
/** Enough calls to compile most of the code, because a process at work is to be measured. */
const WARM_UP_CALLS = 300;
const LATENCY_CALLS = 40;
const [SMALLEST, MIDDLE] = PICTURES as [PictureKind, PictureKind];
/** The least bytes of images in one measurement. */
const LEAST_BYTES = { "0.3 MB": 20e6, "2 MB": 120e6, "8 MB": 200e6 } as Record<string, number>;

const PROVIDER = [fileURLToPath(new URL("./hot-path/provider.ts", import.meta.url))];

/** A picture and how long its base64 text is, by which a whole answer is known. */
type Ordered = PictureKind & { readonly base64Length: number };

/** What an image costs on its way from the provider to the caller, beside the least and the usual ways. */
export async function measure(): Promise<Row[]> {
  const provider = await MeasuredProcess.start(PROVIDER);
  try {
    const readings: Reading[] = [];
    for (const picture of PICTURES) readings.push(...(await measurePicture(picture, provider.url)));
    await writeHotPathChart(readings);
    return [...toCpuRows(readings), ...toMemoryRows(readings), await measureLatency(provider.url)];
  } finally {
    await provider.stop();
  }
}

/** Measures every contestant that this machine has, in turns, with one picture. */
async function measurePicture(picture: PictureKind, providerUrl: string): Promise<Reading[]> {
  const [ordered, small] = await Promise.all([picture, SMALLEST].map(toOrdered));
  const entered: Entered[] = [];
  try {
    for (const contestant of CONTESTANTS) {
      const measured = await startContestant(contestant, providerUrl, MOST_CALLERS);
      if (measured) entered.push(new Entered(contestant, measured));
    }
    for (const one of entered) {
      for (let call = 0; call < WARM_UP_CALLS; call++) await one.order(small as Ordered, 1);
    }
    const readings: Reading[] = [];
    for (const load of LOADS) {
      const cpu = new Map<Entered, number[]>(entered.map((one) => [one, []]));
      const rounds = hasTargets(picture, load) ? TARGET_ROUNDS : ROUNDS;
      for (let round = 0; round < rounds; round++) {
        for (const [one, taken] of cpu) taken.push(await one.measure(ordered as Ordered, load));
      }
      for (const [one, taken] of cpu) {
        const { peakBytes } = await one.measured.vitals();
        readings.push({ ...load, contestant: one.contestant, picture, cpuMsAnImage: median(taken), peakBytes });
      }
    }
    return readings;
  } finally {
    await Promise.all(entered.map((one) => one.stop()));
  }
}

function hasTargets({ label }: PictureKind, { n, callers }: Load): boolean {
  return label in TARGETS && n === 1 && callers === 8;
}

async function toOrdered(picture: PictureKind): Promise<Ordered> {
  return { ...picture, base64Length: (await drawPicture(picture)).toString("base64").length };
}

/** A contestant that runs, and its connections. */
class Entered {
  readonly contestant: Contestant;
  readonly measured: Measured;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: MOST_CALLERS });

  constructor(contestant: Contestant, measured: Measured) {
    this.contestant = contestant;
    this.measured = measured;
  }

  order(picture: Ordered, n: number): Promise<void> {
    return order(this.contestant, this.measured.url, this.#agent, picture, n);
  }

  /** @returns the processor time of an image, in milliseconds */
  async measure(picture: Ordered, { n, callers }: Load): Promise<number> {
    const megabytes = Number.parseFloat(picture.label) * n;
    const calls = Math.max(callers, Math.ceil((LEAST_BYTES[picture.label] ?? 0) / 1e6 / megabytes));
    const before = await this.measured.vitals();
    await callMany(callers, calls, () => this.order(picture, n));
    const { cpuMs } = await this.measured.vitals();
    return (cpuMs - before.cpuMs) / (calls * n);
  }

  stop(): Promise<void> {
    this.#agent.destroy();
    return this.measured.stop();
  }
}

async function measureLatency(providerUrl: string): Promise<Row> {
  const picture = await toOrdered(MIDDLE);
  const measured = await startContestant("/get-image", providerUrl, MOST_CALLERS);
  if (!measured) throw new Error("the gateway was not started");
  const gateway = new Entered("/get-image", measured);
  const agent = new Agent({ keepAlive: true });
  const direct = {
    model: MODEL,
    prompt: picture.label,
    n: 1,
    size: `${picture.side}x${picture.side}`,
    quality: "auto",
  };
  const times = { direct: [] as number[], gateway: [] as number[] };
  for (let call = 0; call < WARM_UP_CALLS + LATENCY_CALLS; call++) {
    const startedAt = performance.now();
    await post(`${providerUrl}/v1/images/generations`, direct, agent, PROVIDER_KEY);
    const betweenAt = performance.now();
    await gateway.order(picture, 1);
    if (call < WARM_UP_CALLS) continue;
    times.direct.push(betweenAt - startedAt);
    times.gateway.push(performance.now() - betweenAt);
  }
  agent.destroy();
  await gateway.stop();
  return {
    figure: "added latency, 2 MB, 1 caller, median",
    measured: ms(median(times.gateway) - median(times.direct)),
    target: "5 ms",
    comparedWith: `the provider alone ${ms(median(times.direct))}`,
  };
}

/** What an image may cost with one image a call and eight callers, as multiples of what others take. */
const TARGETS: Readonly<Record<string, Partial<Record<Contestant, number>>>> = {
  "0.3 MB": { floor: 2.5, shim: 1 },
  "2 MB": { floor: 1.7, shim: 0.75 },
};
const BASE64_TARGETS: Readonly<Record<string, Partial<Record<Contestant, number>>>> = {
  "2 MB": { floor: 2.5, "shim base64": 1, LiteLLM: 0.6 },
};

function toCpuRows(readings: readonly Reading[]): Row[] {
  const cpuOf = (contestant: Contestant, { picture, n, callers }: Reading): number | undefined =>
    readings.find((r) => r.contestant === contestant && r.picture === picture && r.n === n && r.callers === callers)
      ?.cpuMsAnImage;
  return readings
    .filter(({ contestant }) => OWN.has(contestant))
    .map((reading) => {
      const { contestant, picture, n, callers, cpuMsAnImage } = reading;
      const all = contestant === "/v1 base64" ? BASE64_TARGETS : TARGETS;
      const targets = hasTargets(picture, reading) ? (all[picture.label] ?? {}) : {};
      const compared = (["floor", ...(OWN.get(contestant) ?? [])] as Contestant[]).map((other) => {
        const cpu = cpuOf(other, reading);
        return cpu === undefined ? `${other} not measured` : `${other} ${ms(cpu)}: ${(cpuMsAnImage / cpu).toFixed(2)}x`;
      });
      return {
        figure: `CPU an image, ${picture.label}, n = ${n}, ${callers} callers: ${contestant}`,
        measured: ms(cpuMsAnImage),
        target:
          Object.entries(targets)
            .map(([other, multiple]) => `${multiple}x ${other}`)
            .join(", ") || "none",
        comparedWith: compared.join("; "),
      };
    });
}

function toMemoryRows(readings: readonly Reading[]): Row[] {
  return PICTURES.flatMap((picture) => {
    const last = readings.filter((reading) => reading.picture === picture && reading.n === 4);
    const others = last.filter(({ contestant }) => !OWN.has(contestant));
    const comparedWith = others.map(({ contestant, peakBytes }) => `${contestant} ${mib(peakBytes)}`).join(", ");
    return last
      .filter(({ contestant }) => OWN.has(contestant))
      .map(({ contestant, peakBytes }) => ({
        figure: `peak memory, ${picture.label}, n = 4, ${MOST_CALLERS} callers: ${contestant}`,
        measured: mib(peakBytes),
        target: "200 MiB",
        comparedWith,
      }));
  });
}

async function callMany(callers: number, calls: number, work: () => Promise<void>): Promise<void> {
  let left = calls;
  const caller = async () => {
    while (left-- > 0) await work();
  };
  await Promise.all(Array.from({ length: callers }, caller));
}
