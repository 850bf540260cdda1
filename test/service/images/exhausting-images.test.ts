import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { pino } from "pino";
import sharp from "sharp";
import { DiskObjectStore } from "../../../src/adapters/disk/disk-object-store.ts";
import { GuardedDownloads } from "../../../src/adapters/downloads/guarded-downloads.ts";
import { SharpImageCodec } from "../../../src/adapters/sharp/sharp-image-codec.ts";
import type { SqlRecords } from "../../../src/adapters/sql/sql-records.ts";
import { openSqliteRecords } from "../../../src/adapters/sql/sqlite/sqlite.ts";
import { PUBLIC_CALLER } from "../../../src/api/http/request-context.ts";
import { NO_METRICS } from "../../../src/ports/metrics.ts";
import { NO_TRACES } from "../../../src/ports/traces.ts";
import { EditIntake } from "../../../src/service/edits/edit-intake.ts";
import { Derivatives } from "../../../src/service/images/derivatives.ts";
import { ImageDelivery } from "../../../src/service/images/image-delivery.ts";
import { ImageIntake } from "../../../src/service/images/image-intake.ts";
import { ImageLinks } from "../../../src/service/images/image-links.ts";
import { ScheduledCodec } from "../../../src/service/images/scheduled-codec.ts";
import { begin, find, imageOf, orderOf } from "../../contracts/record-samples.ts";
import { poll } from "../../support/gateways/scripted-gateway.ts";
import { once, plainImage } from "../../support/gateways/scripted-provider.ts";
import { unsigned } from "../../support/images/unsigned.ts";
import { storageBudget } from "../../support/stores/storage-budget.ts";
import { storedFiles } from "../../support/stores/stored-files.ts";
import { temporaryDirectories } from "../../support/temporary-directory.ts";

const SIDE = 3800;
const CATALOGUE = { digitalSourceOf: () => "trainedAlgorithmicMedia" as const, find: () => undefined };

const newDirectory = temporaryDirectories();
/** Decodes in processes with too little memory for a valid picture of today's size. */
const processes = new SharpImageCodec({ maxBytes: 160_000_000 });
const codec = new ScheduledCodec(processes);
/** 115 MB of pixels in a file of a few kilobytes, in passes over all of them. */
let large: Buffer;
let small: Buffer;
let dataDir: string;
let records: SqlRecords;
let objects: DiskObjectStore;

beforeAll(async () => {
  const picture = { width: SIDE, height: SIDE, channels: 4, background: "#33445580" } as const;
  large = await sharp({ create: picture }).toColourspace("rgb16").png({ progressive: true }).toBuffer();
  small = await plainImage(96, 64, 1, "PNG");
});

beforeEach(async () => {
  dataDir = await newDirectory();
  records = await openSqliteRecords(join(dataDir, "pictograph.db"));
  objects = await DiskObjectStore.open(join(dataDir, "images"));
  await begin(records, orderOf("gen_1"));
});

afterEach(() => records.close());

afterAll(() => processes.close());

/** Kills the first process that decodes from now on, as the kernel does when memory runs out. */
async function killNextDecoder(): Promise<void> {
  const children = async () =>
    (await readFile(`/proc/${process.pid}/task/${process.pid}/children`, "utf8")).trim().split(" ").filter(Boolean);
  const before = await children();
  const after = await poll(children, (all) => all.some((child) => !before.includes(child)));
  for (const child of after) if (!before.includes(child)) process.kill(Number(child), "SIGKILL");
}

function open() {
  const links = new ImageLinks(["a secret for tests"], 60, () => new Date());
  const logger = pino({ enabled: false });
  const derivatives = new Derivatives({
    metrics: NO_METRICS,
    traces: NO_TRACES,
    budget: storageBudget(records, objects),
    objects,
    codec,
    signing: unsigned(objects),
    logger,
  });
  const delivery = new ImageDelivery({ records, objects, links, derivatives });
  const downloads = new GuardedDownloads({ hosts: [] });
  return { derivatives, edits: new EditIntake({ records, objects, downloads, links, delivery, codec }) };
}

describe("an image that needs more memory to decode than allowed leads to one failure only:", () => {
  test("as the source of an edit", async () => {
    const { edits } = open();
    const take = (bytes: Uint8Array) => edits.take("gen_1", PUBLIC_CALLER, { images: [{ bytes: once(bytes) }] });

    await expect(take(large)).rejects.toMatchObject({
      code: "BAD_USER_INPUT",
      message:
        "image 1 of 1 needs more memory or time to decode than the gateway allows; save it as a plain PNG or JPEG and send that file",
      details: { field: "images" },
    });
    expect(await storedFiles(dataDir)).toEqual([]);
    expect(await take(small)).toMatchObject({ images: [{ width: 96, height: 64 }] });
  });

  test("as a stored image with a requested derivative", async () => {
    const { derivatives } = open();
    const image = { ...imageOf("gen_1", 0), width: SIDE, height: SIDE };
    await records.addImage(image, image, "run_here");
    await objects.put(image.key, once(large));

    await expect(derivatives.open(image, { width: 64, fit: "COVER", format: "WEBP" })).rejects.toMatchObject({
      code: "UPSTREAM_FAILED",
      message:
        "this image needs more memory or time to decode than the gateway allows; load it without a size, format or quality",
      isRetryable: false,
    });
    expect(await storedFiles(dataDir)).toHaveLength(1);
    await objects.put(image.key, once(small));
    const made = await derivatives.open(image, { width: 64, fit: "COVER", format: "WEBP" });
    expect((await buffer(made.read())).subarray(8, 12).toString()).toBe("WEBP");
  });

  test("as a provider's answer, of which nothing is left", async () => {
    const intake = new ImageIntake({
      objects,
      catalogue: CATALOGUE,
      signing: unsigned(objects),
      codec,
      now: () => new Date(),
      newImageId: () => "img_1",
    });
    const generation = await find(records, "gen_1");
    if (!generation) throw new Error("there is no generation");
    const take = (bytes: Uint8Array) => intake.take(generation, { index: 0, bytes: once(bytes) });

    await expect(take(large)).rejects.toMatchObject({
      code: "UPSTREAM_FAILED",
      message: "the provider answered with an image that needs more memory or time to decode than the gateway allows",
    });
    expect(await storedFiles(dataDir)).toEqual([]);
    expect(await take(small)).toMatchObject({ image: { id: "img_1" } });
  });
});

test("a paid image is decoded again if its decoder was killed because of other images", async () => {
  const own = new SharpImageCodec();
  const generation = await find(records, "gen_1");
  if (!generation) throw new Error("there is no generation");
  const intake = new ImageIntake({
    objects,
    catalogue: CATALOGUE,
    signing: unsigned(objects),
    codec: new ScheduledCodec(own),
    now: () => new Date(),
    newImageId: () => "img_1",
  });
  const killed = killNextDecoder();

  const taken = await intake.take(generation, { index: 0, bytes: once(large) });
  expect(taken.image.id).toBe("img_1");
  await killed;
  await own.close();
});
