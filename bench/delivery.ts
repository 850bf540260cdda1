import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import sharp from "sharp";
import { requestsPerSecond } from "./clients/request-load.ts";
import { GATEWAY, MeasuredProcess } from "./processes/measured-process.ts";
import { median, ms, type Row, timed } from "./row.ts";
import { linkTo, load, NoiseModel } from "./servers/noise-model.ts";

const STATIC = [fileURLToPath(new URL("./servers/static-server.ts", import.meta.url))];
const CONNECTIONS = 16;
const ROUNDS = 9;
const ROUND_SECONDS = 1;
const RESIZES = 40;
const RESIZE = "width: 512, height: 512, format: JPEG";
const AVIFS = 5;

/** Compares signed delivery with `express.static` on the same file, and a derivative with bare sharp. */
export async function measure(): Promise<Row[]> {
  const directory = await mkdtemp(join(tmpdir(), "pictograph-bench-"));
  const model = new NoiseModel();
  const gateway = await MeasuredProcess.start(GATEWAY, { environment: await model.start(), isMonitored: true });
  const files = await MeasuredProcess.start(STATIC, { environment: { PICTOGRAPH_DATA_DIR: directory } });
  const compare = async (figure: string, url: string): Promise<Row> => {
    await writeFile(join(directory, "image"), await load(url));
    return compareDelivery(figure, url, `${files.url}/image`);
  };
  try {
    const small = await model.draw(gateway.url, 98);
    const large = await model.draw(gateway.url, 820);
    const square = await model.draw(gateway.url, 1024);
    return [
      await compare("signed delivery of 30 KB, requests a second", small.url),
      await compare("signed delivery of 2 MB, requests a second", large.url),
      await compare(
        "cached derivative of 100 KB, requests a second",
        await linkTo(gateway.url, square.id, `${RESIZE}, quality: 92`),
      ),
      await compareResize(gateway.url, square.id, square.url, directory),
      ...(await measureAvif(gateway, model)),
    ];
  } finally {
    await Promise.all([gateway.stop(), files.stop(), model.stop(), rm(directory, { recursive: true })]);
  }
}

/** Measures both in turns in short rounds, so that other work of the machine affects both. */
async function compareDelivery(figure: string, url: string, staticUrl: string): Promise<Row> {
  const rounds: { readonly gateway: number; readonly files: number }[] = [];
  for (let round = 0; round <= ROUNDS; round++) {
    const files = await requestsPerSecond(staticUrl, CONNECTIONS, ROUND_SECONDS);
    const gateway = await requestsPerSecond(url, CONNECTIONS, ROUND_SECONDS);
    // The first round warms both up.
    if (round > 0) rounds.push({ gateway, files });
  }
  const ratio = median(rounds.map(({ gateway, files }) => gateway / files));
  return {
    figure,
    measured: `${median(rounds.map(({ gateway }) => gateway)).toFixed(0)}, ${ratio.toFixed(2)} of express.static`,
    target: "0.8 of express.static",
    comparedWith: `express.static ${median(rounds.map(({ files }) => files)).toFixed(0)}, median ratio of ${ROUNDS} rounds`,
  };
}

/** Measures from the request to the last byte. The derivative is made and stored in between. */
async function compareResize(gatewayUrl: string, id: string, url: string, directory: string): Promise<Row> {
  const path = join(directory, "original");
  await writeFile(path, await load(url));
  const gateway: number[] = [];
  const bare: number[] = [];
  for (let quality = 100 - RESIZES; quality < 100; quality++) {
    const link = await linkTo(gatewayUrl, id, `${RESIZE}, quality: ${quality}`);
    const startedAt = performance.now();
    await load(link);
    const between = performance.now();
    await sharp(path).resize(512, 512).jpeg({ quality }).toBuffer();
    bare.push(performance.now() - between);
    gateway.push(between - startedAt);
  }
  const ratio = median(gateway) / median(bare);
  return {
    figure: `resize 1024 to 512 (JPEG), first request, median of ${RESIZES}`,
    measured: `${ms(median(gateway))}, ${ratio.toFixed(2)} of bare sharp`,
    target: "1.2 of bare sharp",
    comparedWith: `bare sharp ${ms(median(bare))}`,
  };
}

/** Measures the slowest format at the largest size of current models, and the requests that arrive while it is made. */
async function measureAvif(gateway: MeasuredProcess, model: NoiseModel): Promise<Row[]> {
  const { id } = await model.draw(gateway.url, 3840, 2160);
  await gateway.watchDelays();
  const alone: number[] = [];
  const beside: number[] = [];
  for (let quality = 50; quality < 50 + AVIFS; quality++) {
    const avif = await linkTo(gateway.url, id, `format: AVIF, quality: ${quality}`);
    const thumbnail = await linkTo(gateway.url, id, `width: 256, format: WEBP, quality: ${quality}`);
    const startedAt = performance.now();
    const rendering = load(avif).then(() => alone.push(performance.now() - startedAt));
    beside.push(await timed(async () => void (await load(thumbnail))));
    await rendering;
  }
  const { maxDelayMs } = await gateway.vitals();
  return [
    {
      figure: `AVIF of 3840x2160 noise, first request, median of ${AVIFS}`,
      measured: ms(median(alone)),
      target: "2000 ms",
      comparedWith: `a thumbnail made beside it ${ms(median(beside))}`,
    },
    {
      figure: "longest block of the event loop meanwhile",
      measured: ms(maxDelayMs),
      target: "50 ms",
      comparedWith: "the picture is 25 MB",
    },
  ];
}
