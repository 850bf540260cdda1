import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { launchBrowser } from "../test/support/clients/browser.ts";
import { fillWall } from "../test/support/stores/wall-history.ts";
import { GATEWAY, MeasuredProcess } from "./processes/measured-process.ts";
import { median, ms, type Row } from "./row.ts";

const COUNT = 10_000;
const ROUNDS = 5;
/** A slow phone network: 1.6 Mbit/s down, 0.75 Mbit/s up, 150 ms there and back. */
const NETWORK = {
  offline: false,
  latency: 150,
  downloadThroughput: 1_600_000 / 8,
  uploadThroughput: 750_000 / 8,
} as const;
const VIEWPORT = { width: 1440, height: 900 };
const USABLE_TARGET_MS = 1_500;
const TASK_TARGET_MS = 50;
const SIZE_TARGET_KB = 90;
const MAX_PICTURE_NODES = 300;
/** More steps than any wall of {@link COUNT} has. */
const MAX_STEPS = 10_000;

const PICTURES = [
  ["a cat in a top hat at sunset", "1024x1536"],
  ["waves cut from paper", "1536x1024"],
  ["an astronaut on the moon", "1024x1024"],
  ["a tiny fox", "64x64"],
  ["a city at night", "1920x640"],
] as const;

/** Measures how soon the studio is usable on a slow network, and how it scrolls with 10,000 generations. */
export async function measure(): Promise<Row[]> {
  const directory = await mkdtemp(join(tmpdir(), "pictograph-bench-"));
  const environment = { PICTOGRAPH_DATA_DIR: directory };
  try {
    const first = await MeasuredProcess.start(GATEWAY, { environment });
    for (const [prompt, size] of PICTURES) await generate(first.url, prompt, size);
    await first.stop();
    await fillWall(directory, COUNT);
    const gateway = await MeasuredProcess.start(GATEWAY, { environment });
    const browser = await launchBrowser();
    try {
      return [...(await measureStart(browser, gateway.url)), ...(await measureScrolling(browser, gateway.url))];
    } finally {
      await browser.close();
      await gateway.stop();
    }
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function measureStart(browser: Browser, url: string): Promise<Row[]> {
  const rounds: Awaited<ReturnType<typeof startOnce>>[] = [];
  for (let round = 0; round < ROUNDS; round++) rounds.push(await startOnce(browser, url));
  const { kilobytes } = rounds[0] ?? { kilobytes: new Map<string, number>() };
  const of = (type: string) => kilobytes.get(type) ?? 0;
  const comparedWith = "a cold cache at 1.6 Mbit/s and 150 ms, median of 5";
  return [
    {
      figure: "studio: a prompt can be typed and its price is known",
      measured: ms(median(rounds.map(({ usableMs }) => usableMs))),
      target: ms(USABLE_TARGET_MS),
      comparedWith,
    },
    {
      figure: "studio: the wall hangs, with placeholders",
      measured: ms(median(rounds.map(({ wallMs }) => wallMs))),
      target: "none",
      comparedWith,
    },
    {
      figure: "studio: script and style of the first screen",
      measured: `${(of("Script") + of("Stylesheet")).toFixed(1)} KB (script ${of("Script").toFixed(1)}, style ${of("Stylesheet").toFixed(1)})`,
      target: `${SIZE_TARGET_KB} KB`,
      comparedWith: "bytes on the wire, with headers",
    },
    {
      figure: "studio: page, answers of the graph",
      measured: `${of("Document").toFixed(1)} KB, ${of("Fetch").toFixed(1)} KB`,
      target: "none",
      comparedWith: "until the wall hangs",
    },
  ];
}

/** Opens the studio with nothing cached. Times are from the start of the navigation. */
async function startOnce(browser: Browser, url: string) {
  const context = await browser.newContext({ viewport: VIEWPORT });
  const page = await context.newPage();
  const session = await context.newCDPSession(page);
  await session.send("Network.enable");
  await session.send("Network.emulateNetworkConditions", NETWORK);
  const types = new Map<string, string>();
  const kilobytes = new Map<string, number>();
  session.on("Network.responseReceived", ({ requestId, type }) => types.set(requestId, type));
  session.on("Network.loadingFinished", ({ requestId, encodedDataLength }) => {
    const type = types.get(requestId) ?? "Other";
    kilobytes.set(type, (kilobytes.get(type) ?? 0) + encodedDataLength / 1000);
  });
  const startedAt = performance.now();
  await page.goto(url, { waitUntil: "commit" });
  const isUsable = page.locator(".btn.go .price").filter({ hasNotText: "…" }).waitFor();
  const hasWall = page.locator(".rows img").first().waitFor();
  const [usableMs, wallMs] = await Promise.all(
    [isUsable, hasWall].map(async (moment) => {
      await moment;
      return performance.now() - startedAt;
    }),
  );
  await context.close();
  return { usableMs: usableMs ?? Number.NaN, wallMs: wallMs ?? Number.NaN, kilobytes };
}

async function measureScrolling(browser: Browser, url: string): Promise<Row[]> {
  const page = await browser.newPage({ viewport: VIEWPORT });
  await page.goto(url);
  await page.locator(".rows img").first().waitFor();
  await browser.startTracing(page, { categories: ["toplevel", "__metadata"] });
  const { most, furthest } = await scrollToEnd(page);
  const tasks = tasksOf(JSON.parse((await browser.stopTracing()).toString()) as Trace);
  await page.close();
  const comparedWith = `a wall of ${furthest} generations, scrolled in steps of a screen`;
  return [
    {
      figure: "studio: longest task while scrolling",
      measured: `${ms(tasks.longestMs)}, of which ${ms(tasks.longestCpuMs)} at most on the processor`,
      target: ms(TASK_TARGET_MS),
      comparedWith,
    },
    {
      figure: "studio: pictures in the document",
      measured: `at most ${most}`,
      target: String(MAX_PICTURE_NODES),
      comparedWith,
    },
  ];
}

/** Scrolls by one screen a frame, and waits where pictures are not loaded yet. */
async function scrollToEnd(page: Page): Promise<{ most: number; furthest: number }> {
  return page.evaluate(`(async () => {
    let most = 0;
    let furthest = 0;
    for (let step = 0; furthest < ${COUNT} && step < ${MAX_STEPS}; step++) {
      scrollBy(0, innerHeight);
      await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve, 16)));
      most = Math.max(most, document.images.length);
      const last = [...document.querySelectorAll(".rows img")].map(({ alt }) => Number(alt.split(" ").at(-1)));
      furthest = Math.max(furthest, ...last.filter(Number.isFinite));
    }
    return { most, furthest };
  })()`);
}

interface Trace {
  readonly traceEvents: readonly {
    readonly name: string;
    readonly pid: number;
    readonly tid: number;
    /** In microseconds: elapsed time, and processor time. */
    readonly dur?: number;
    readonly tdur?: number;
    readonly args?: { readonly name?: string };
  }[];
}

/** The longest tasks of the threads that run pages. */
function tasksOf({ traceEvents }: Trace) {
  const threads = new Set(
    traceEvents
      .filter(({ name, args }) => name === "thread_name" && args?.name === "CrRendererMain")
      .map(({ pid, tid }) => `${pid}/${tid}`),
  );
  const tasks = traceEvents.filter(({ name, pid, tid }) => /RunTask$/.test(name) && threads.has(`${pid}/${tid}`));
  if (tasks.length === 0) throw new Error("the trace has no tasks");
  const longest = (of: "dur" | "tdur") => tasks.reduce((most, task) => Math.max(most, task[of] ?? 0), 0) / 1000;
  return { longestMs: longest("dur"), longestCpuMs: longest("tdur") };
}

async function generate(url: string, prompt: string, size: string): Promise<void> {
  const query = "mutation ($input: GenerateImagesInput!) { generateImages(input: $input) { status } }";
  const response = await fetch(`${url}/graphql`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ query, variables: { input: { prompt, size } } }),
  });
  const { data } = (await response.json()) as { data?: { generateImages: { status: string } } };
  if (data?.generateImages.status !== "SUCCEEDED") throw new Error(`the gateway made no picture of ${prompt}`);
}
