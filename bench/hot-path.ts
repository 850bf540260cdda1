import { Agent, request } from "node:http";
import { fileURLToPath } from "node:url";
import { writeHotPathChart } from "./hot-path/chart.ts";
import { PICTURES, type PictureKind, PROVIDER_KEY } from "./hot-path/pictures.ts";
import { CONTESTANTS, type Contestant, type Reading } from "./hot-path/reading.ts";
import { GATEWAY, MeasuredProcess } from "./measured-process.ts";
import { median, mib, ms, type Row } from "./row.ts";

const CALLERS = [1, 8, 32];
const COUNTS = [1, 4];
const MOST_CALLERS = Math.max(...CALLERS);
/** Until most of the code is compiled: what is measured is a process at work. */
const WARM_UP_CALLS = 300;
const LATENCY_CALLS = 40;
const [SMALLEST, MIDDLE] = PICTURES as [PictureKind, PictureKind];
/** How many bytes of images a measurement takes at least. */
const LEAST_BYTES = { "0.3 MB": 20e6, "2 MB": 120e6, "8 MB": 200e6 } as Record<string, number>;

const COMMANDS: Readonly<Record<Contestant, readonly string[]>> = {
  floor: [fileURLToPath(new URL("./hot-path/floor.ts", import.meta.url))],
  "/get-image": GATEWAY,
  generateImages: GATEWAY,
  shim: [fileURLToPath(new URL("./hot-path/shim.ts", import.meta.url))],
};
const PROVIDER = [fileURLToPath(new URL("./hot-path/provider.ts", import.meta.url))];

/** What an image costs on its way from the provider to the disk, beside the least and the usual way. */
export async function measure(): Promise<Row[]> {
  const provider = await MeasuredProcess.start(PROVIDER);
  try {
    const readings: Reading[] = [];
    for (const picture of PICTURES) {
      for (const contestant of CONTESTANTS)
        readings.push(...(await measureContestant(contestant, picture, provider.url)));
    }
    await writeHotPathChart(readings);
    return [...toCpuRows(readings), ...toMemoryRows(readings), await measureLatency(provider.url)];
  } finally {
    await provider.stop();
  }
}

async function measureContestant(
  contestant: Contestant,
  picture: PictureKind,
  providerUrl: string,
): Promise<Reading[]> {
  const measured = await startContestant(contestant, providerUrl);
  const agent = new Agent({ keepAlive: true, maxSockets: MOST_CALLERS });
  try {
    for (let call = 0; call < WARM_UP_CALLS; call++) await order(contestant, measured.url, agent, SMALLEST, 1);
    const readings: Reading[] = [];
    for (const n of COUNTS) {
      for (const callers of CALLERS) {
        const megabytes = Number.parseFloat(picture.label) * n;
        const calls = Math.max(callers, Math.ceil((LEAST_BYTES[picture.label] ?? 0) / 1e6 / megabytes));
        const before = await measured.vitals();
        await callMany(callers, calls, () => order(contestant, measured.url, agent, picture, n));
        const { cpuMs, peakBytes } = await measured.vitals();
        readings.push({
          contestant,
          picture,
          n,
          callers,
          cpuMsAnImage: (cpuMs - before.cpuMs) / (calls * n),
          peakBytes,
        });
      }
    }
    return readings;
  } finally {
    agent.destroy();
    await measured.stop();
  }
}

function startContestant(contestant: Contestant, providerUrl: string): Promise<MeasuredProcess> {
  return MeasuredProcess.start(COMMANDS[contestant], {
    isMonitored: true,
    environment: {
      OPENAI_API_KEY: PROVIDER_KEY,
      PICTOGRAPH_DAILY_BUDGET_USD: "none",
      PICTOGRAPH_MAX_IMAGES_PER_MINUTE: "1000000",
      OPENAI_BASE_URL: `${providerUrl}/v1`,
      PICTOGRAPH_MAX_CONCURRENCY: String(MOST_CALLERS),
    },
  });
}

async function measureLatency(providerUrl: string): Promise<Row> {
  const picture = MIDDLE;
  const gateway = await startContestant("/get-image", providerUrl);
  const agent = new Agent({ keepAlive: true });
  const size = `${picture.side}x${picture.side}`;
  const direct = { model: "gpt-image-2.6-flare", prompt: picture.label, n: 1, size, quality: "auto" };
  const headers = { authorization: `Bearer ${PROVIDER_KEY}` };
  const times = { direct: [] as number[], gateway: [] as number[] };
  for (let call = 0; call < WARM_UP_CALLS + LATENCY_CALLS; call++) {
    const startedAt = performance.now();
    await post(`${providerUrl}/v1/images/generations`, direct, agent, headers);
    const betweenAt = performance.now();
    await order("/get-image", gateway.url, agent, picture, 1);
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

function toCpuRows(readings: readonly Reading[]): Row[] {
  return readings
    .filter(({ contestant }) => contestant === "floor")
    .map(({ picture, n, callers }) => {
      const cpu = (contestant: Contestant) =>
        readings.find((r) => r.contestant === contestant && r.picture === picture && r.n === n && r.callers === callers)
          ?.cpuMsAnImage ?? Number.NaN;
      const [floor, shim] = [cpu("floor"), cpu("shim")];
      const ours = [cpu("/get-image"), cpu("generateImages")];
      const times = (reference: number) => ours.map((value) => `${(value / reference).toFixed(2)}x`).join(" / ");
      return {
        figure: `CPU an image, ${picture.label}, n = ${n}, ${callers} callers: /get-image / generateImages`,
        measured: ours.map(ms).join(" / "),
        target: "1.5x floor, 0.6x shim",
        comparedWith: `floor ${ms(floor)}: ${times(floor)}; shim ${ms(shim)}: ${times(shim)}`,
      };
    });
}

function toMemoryRows(readings: readonly Reading[]): Row[] {
  const peak = (contestant: Contestant, label: string) =>
    readings.findLast((reading) => reading.contestant === contestant && reading.picture.label === label)?.peakBytes ??
    0;
  return PICTURES.map(({ label }) => {
    const ours = [peak("/get-image", label), peak("generateImages", label)];
    const targets: Record<string, string> = { "2 MB": "200 MiB, 0.33x shim", "8 MB": "1.3x that of 2 MB" };
    return {
      figure: `peak memory, ${label}, n = 4, ${MOST_CALLERS} callers: /get-image / generateImages`,
      measured: ours.map(mib).join(" / "),
      target: targets[label] ?? "none",
      comparedWith: `floor ${mib(peak("floor", label))}, shim ${mib(peak("shim", label))}`,
    };
  });
}

async function callMany(callers: number, calls: number, work: () => Promise<void>): Promise<void> {
  let left = calls;
  const caller = async () => {
    while (left-- > 0) await work();
  };
  await Promise.all(Array.from({ length: callers }, caller));
}

const MUTATION = `mutation ($input: GenerateImagesInput!) {
  generateImages(input: $input) { id status images { url width height sha256 } failure { code message } }
}`;

/** @throws Error unless every image comes back */
async function order(
  contestant: Contestant,
  url: string,
  agent: Agent,
  picture: PictureKind,
  n: number,
): Promise<void> {
  const size = `${picture.side}x${picture.side}`;
  const isGraph = contestant === "generateImages";
  const answer = isGraph
    ? await post(`${url}/graphql`, { query: MUTATION, variables: { input: { prompt: picture.label, n, size } } }, agent)
    : await post(`${url}/get-image`, { prompt: picture.label, n: String(n), size }, agent);
  const urls = answer.match(isGraph ? /"url":/g : /http:[^"]+\.png/g);
  if (urls?.length !== n) throw new Error(`${contestant} answered ${answer.slice(0, 1000)}`);
}

function post(url: string, body: object, agent: Agent, headers: Record<string, string> = {}): Promise<string> {
  const text = JSON.stringify(body);
  return new Promise((resolve, reject) => {
    const options = {
      method: "POST",
      agent,
      headers: { ...headers, "content-type": "application/json", "content-length": Buffer.byteLength(text) },
    };
    request(url, options, (response) => {
      // What the provider sends directly is megabytes, and only its arrival counts.
      let beginning = "";
      response.on("data", (chunk: Buffer) => {
        if (beginning.length < 100_000) beginning += chunk.toString();
      });
      response.on("end", () => resolve(beginning));
      response.on("error", reject);
    })
      .on("error", reject)
      .end(text);
  });
}
