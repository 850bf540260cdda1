import { MeasuredProcess } from "./measured-process.ts";
import { measurePostgres } from "./postgres.ts";
import { measureQueue } from "./queue.ts";

const GATEWAY = new URL("../dist/main.js", import.meta.url);
const BARE = new URL("./bare-server.ts", import.meta.url);
const PROMPTS = [
  "A cute asian girl with long hair smiling and looking at me",
  "a red fox in a snowy forest at night",
  "an astronaut riding a horse on the moon",
  "sushi and ramen on a wooden table, watercolor",
  "一只戴帽子的猫在海边看日落",
  "abstract blue and gold waves",
  "a blue car in a rainy city",
  "a dog on a beach",
];
const STARTS = 7;
const PICTURES = 40;
const CONCURRENT = 50;

interface Row {
  readonly figure: string;
  readonly measured: string;
  readonly target: string;
  readonly comparedWith: string;
}

const rows: Row[] = [
  await measureStart(),
  ...(await measurePictures()),
  ...(await measureLongQueue()),
  ...(await measureDatabase()),
];
console.table(Object.fromEntries(rows.map(({ figure, ...row }) => [figure, row])));

async function measureStart(): Promise<Row> {
  const gateway: number[] = [];
  const bare: number[] = [];
  for (let start = 0; start < STARTS; start++) {
    gateway.push(await readyMs(GATEWAY));
    bare.push(await readyMs(BARE));
  }
  return {
    figure: `ready, median of ${STARTS}`,
    measured: ms(median(gateway)),
    target: "1000 ms",
    comparedWith: `Apollo Server on Express ${ms(median(bare))}`,
  };
}

async function measureLongQueue(): Promise<Row[]> {
  const { acceptedPerSecond, firstGrowthBytes, nextGrowthBytes } = await measureQueue();
  return [
    {
      figure: "accepted a second, 10,000 by GraphQL",
      measured: acceptedPerSecond.toFixed(0),
      target: "500",
      comparedWith: "each record synced to disk before its answer",
    },
    {
      figure: "resident set grown by them, from a fresh start",
      measured: mib(firstGrowthBytes),
      target: "50 MiB",
      comparedWith: `by 10,000 more ${mib(nextGrowthBytes)}`,
    },
  ];
}

async function measureDatabase(): Promise<Row[]> {
  const { acceptedPerSecond, carriedOutPerSecond, bytesPerGeneration } = await measurePostgres();
  const comparedWith = "see docs/scaling.md";
  return [
    { figure: "PostgreSQL: accepted a second", measured: acceptedPerSecond.toFixed(0), target: "none", comparedWith },
    {
      figure: "PostgreSQL: carried out a second",
      measured: carriedOutPerSecond.toFixed(0),
      target: "none",
      comparedWith,
    },
    { figure: "PostgreSQL: bytes a generation", measured: bytesPerGeneration.toFixed(0), target: "none", comparedWith },
  ];
}

async function measurePictures(): Promise<Row[]> {
  const bare = await MeasuredProcess.start(BARE, { isMonitored: true });
  const bareIdle = (await bare.vitals()).residentBytes;
  await bare.stop();

  const gateway = await MeasuredProcess.start(GATEWAY, { isMonitored: true });
  const idle = (await gateway.vitals()).residentBytes;
  const first = await timed(() => getImage(gateway.url, promptOf(0)));
  await gateway.vitals();
  const pictures: number[] = [];
  for (let picture = 0; picture < PICTURES; picture++) {
    pictures.push(await timed(() => getImage(gateway.url, promptOf(picture))));
  }
  const { maxDelayMs } = await gateway.vitals();
  const outcomes: boolean[] = [];
  const burst = await timed(async () => {
    const requests = Array.from({ length: CONCURRENT }, (_, index) => getImage(gateway.url, promptOf(index)));
    outcomes.push(...(await Promise.allSettled(requests)).map(({ status }) => status === "fulfilled"));
  });
  const afterBurst = await gateway.vitals();
  await gateway.stop();
  return [
    {
      figure: "idle memory after the start",
      measured: mib(idle),
      target: "150 MiB",
      comparedWith: `Apollo Server on Express ${mib(bareIdle)}`,
    },
    {
      figure: `1024x1024 picture by POST /get-image, median of ${PICTURES}`,
      measured: ms(median(pictures)),
      target: "200 ms",
      comparedWith: `the slowest ${ms(Math.max(...pictures))}, the first ${ms(first)}`,
    },
    {
      figure: "event loop blocked at most, meanwhile",
      measured: ms(maxDelayMs),
      target: "20 ms",
      comparedWith: `with ${CONCURRENT} at once ${ms(afterBurst.maxDelayMs)}`,
    },
    {
      figure: `errors of ${CONCURRENT} concurrent requests`,
      measured: String(outcomes.filter((isFulfilled) => !isFulfilled).length),
      target: "0",
      comparedWith: `all answered after ${ms(burst)}, memory then ${mib(afterBurst.residentBytes)}`,
    },
  ];
}

function promptOf(index: number): string {
  return PROMPTS[index % PROMPTS.length] ?? "";
}

async function readyMs(script: URL): Promise<number> {
  const process = await MeasuredProcess.start(script);
  await process.stop();
  return process.readyMs;
}

/** @throws Error unless a picture of the size asked for comes back */
async function getImage(url: string, prompt: string): Promise<void> {
  const body = new URLSearchParams({ prompt, n: "1", size: "1024x1024" });
  const response = await fetch(`${url}/get-image`, { method: "POST", body });
  const { errorMessage } = (await response.json()) as { errorMessage: string };
  if (errorMessage !== "OK") throw new Error(errorMessage);
}

async function timed(work: () => Promise<void>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return performance.now() - startedAt;
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

function ms(value: number): string {
  return `${value.toFixed(value < 100 ? 1 : 0)} ms`;
}

function mib(bytes: number): string {
  return `${(bytes / 1024 / 1024).toFixed(0)} MiB`;
}
