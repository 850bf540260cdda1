import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeCertificate } from "../test/support/c2pa/certificates.ts";
import { requestsPerSecond } from "./clients/request-load.ts";
import { GATEWAY, MeasuredProcess } from "./processes/measured-process.ts";
import { median, mib, ms, type Row, timed } from "./row.ts";
import { linkTo, load, NoiseModel } from "./servers/noise-model.ts";

/** Gives PNGs of noise of about 8 MB. */
const LARGE_SIDE = 1700;
const LARGE_PICTURES = 8;
const SMALL_SIDE = 1024;
const DERIVATIVES = 20;
const CONNECTIONS = 16;
const ROUNDS = 10;
const ROUND_SECONDS = 1;

/** Compares a gateway that signs with one that does not. Both are measured in turns. */
export async function measure(): Promise<Row[]> {
  const directory = await mkdtemp(join(tmpdir(), "pictograph-bench-"));
  const { files } = await makeCertificate(directory);
  const certificate = { PICTOGRAPH_C2PA_CERTIFICATE: files.certificate, PICTOGRAPH_C2PA_KEY: files.key };
  const signing = await Subject.start(certificate);
  const plain = await Subject.start({});
  try {
    const [signedThumbnails, thumbnails] = [await signing.makeThumbnails(), await plain.makeThumbnails()];
    const rounds: { readonly signed: number; readonly unsigned: number }[] = [];
    for (let round = 0; round <= ROUNDS; round++) {
      // Each is the first one in every other round.
      const inOrder = [signedThumbnails.stored, thumbnails.stored];
      if (round % 2 === 0) inOrder.reverse();
      const rates = new Map<string, number>();
      for (const url of inOrder) rates.set(url, await requestsPerSecond(url, CONNECTIONS, ROUND_SECONDS));
      const [signed = 0, unsigned = 0] = [signedThumbnails.stored, thumbnails.stored].map((url) => rates.get(url));
      // The first round warms both up.
      if (round > 0) rounds.push({ signed, unsigned });
    }
    const [signedLarge, large] = [await signing.makeLarge(), await plain.makeLarge()];
    const ratio = median(rounds.map(({ signed, unsigned }) => signed / unsigned));
    return [
      {
        figure: "start with a certificate, until ready",
        measured: ms(signing.readyMs),
        target: "500 ms more than without",
        comparedWith: `without ${ms(plain.readyMs)}`,
      },
      {
        figure: `signed thumbnail of a 1024x1024 picture, first request, median of ${DERIVATIVES}`,
        measured: ms(signedThumbnails.medianMs),
        target: "50 ms more than unsigned",
        comparedWith: `unsigned ${ms(thumbnails.medianMs)}, ${signedThumbnails.byteSize - thumbnails.byteSize} bytes more`,
      },
      {
        figure: `signed PNG of ${(signedLarge.byteSize / 1e6).toFixed(1)} MB, first request, median of ${LARGE_PICTURES}`,
        measured: ms(signedLarge.medianMs),
        target: "500 ms more than unsigned",
        comparedWith: `unsigned ${ms(large.medianMs)}`,
      },
      {
        figure: `peak of memory, with ${LARGE_PICTURES} such PNGs at once`,
        measured: mib(signedLarge.peakBytes),
        target: "512 MiB",
        comparedWith: `unsigned ${mib(large.peakBytes)}`,
      },
      {
        figure: "stored thumbnail, requests a second",
        measured: `${median(rounds.map(({ signed }) => signed)).toFixed(0)}, ${ratio.toFixed(2)} of unsigned`,
        target: "0.95 of unsigned",
        comparedWith: `unsigned ${median(rounds.map(({ unsigned }) => unsigned)).toFixed(0)}, median ratio of ${ROUNDS} rounds`,
      },
    ];
  } finally {
    await Promise.all([signing.stop(), plain.stop()]);
    await rm(directory, { recursive: true });
  }
}

/** A gateway that is measured, and its provider. */
class Subject {
  readonly #gateway: MeasuredProcess;
  readonly #model: NoiseModel;

  private constructor(gateway: MeasuredProcess, model: NoiseModel) {
    this.#gateway = gateway;
    this.#model = model;
  }

  static async start(certificate: Record<string, string>): Promise<Subject> {
    const model = new NoiseModel();
    const environment = { ...(await model.start()), ...certificate };
    return new Subject(await MeasuredProcess.start(GATEWAY, { environment, isMonitored: true }), model);
  }

  get readyMs(): number {
    return this.#gateway.readyMs;
  }

  async makeThumbnails() {
    const { url } = this.#gateway;
    const { id } = await this.#model.draw(url, SMALL_SIDE);
    const links = await Promise.all(
      Array.from({ length: DERIVATIVES }, (_, index) =>
        linkTo(url, id, `width: 256, format: WEBP, quality: ${index + 1}`),
      ),
    );
    const medianMs = await medianOfLoading(links);
    const [stored = ""] = links;
    return { stored, medianMs, byteSize: (await load(stored)).length };
  }

  async makeLarge() {
    const { url } = this.#gateway;
    const { id } = await this.#model.draw(url, LARGE_SIDE);
    const links = await largeLinks(url, id, LARGE_PICTURES, 0);
    const medianMs = await medianOfLoading(links);
    const [stored = ""] = links;
    const byteSize = (await load(stored)).length;
    await Promise.all((await largeLinks(url, id, LARGE_PICTURES, LARGE_PICTURES)).map((link) => load(link)));
    const { peakBytes } = await this.#gateway.vitals();
    return { medianMs, byteSize, peakBytes };
  }

  async stop(): Promise<void> {
    await this.#gateway.stop();
    this.#model.stop();
  }
}

/** Loads images one after the other. */
async function medianOfLoading(links: readonly string[]): Promise<number> {
  const each: number[] = [];
  for (const link of links) each.push(await timed(async () => void (await load(link))));
  return median(each);
}

/** URLs of derivatives that are all a little smaller than the picture, so that each of them is made anew. */
function largeLinks(url: string, id: string, count: number, from: number): Promise<string[]> {
  const widths = Array.from({ length: count }, (_, index) => LARGE_SIDE - 1 - from - index);
  return Promise.all(widths.map((width) => linkTo(url, id, `width: ${width}, format: PNG`)));
}
