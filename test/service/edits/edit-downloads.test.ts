import { once } from "node:events";
import { createServer, type RequestListener, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { pino } from "pino";
import { typeid } from "typeid-js";
import { DiskObjectStore } from "../../../src/adapters/disk/disk-object-store.ts";
import { GuardedDownloads } from "../../../src/adapters/downloads/guarded-downloads.ts";
import { MemoryEvents } from "../../../src/adapters/memory/memory-events.ts";
import { MemoryJobQueue } from "../../../src/adapters/memory/memory-job-queue.ts";
import type { SqlRecords } from "../../../src/adapters/sql/sql-records.ts";
import { openSqliteRecords } from "../../../src/adapters/sql/sqlite/sqlite.ts";
import { Lifecycle } from "../../../src/lifecycle.ts";
import { NO_METRICS } from "../../../src/ports/metrics.ts";
import { NO_TRACES } from "../../../src/ports/traces.ts";
import { EditIntake } from "../../../src/service/edits/edit-intake.ts";
import type { Runner } from "../../../src/service/generations/running/runner.ts";
import { ImageService, type ImageServiceOptions } from "../../../src/service/image-service.ts";
import { Derivatives } from "../../../src/service/images/derivatives.ts";
import { ImageDelivery } from "../../../src/service/images/image-delivery.ts";
import { ImageLinks } from "../../../src/service/images/image-links.ts";
import { ModelCatalogue } from "../../../src/service/models/model-catalogue.ts";
import { AppliedLimits } from "../../../src/service/projects/applied-limits.ts";
import { ANY_SIZE_EDITOR } from "../../support/gateways/scripted-gateway.ts";
import { plainImage, ScriptedProvider } from "../../support/gateways/scripted-provider.ts";
import { scheduledCodec } from "../../support/images/codec.ts";
import { jpegOf, leftHalfMask, SVG_WITH_SCRIPT } from "../../support/images/source-images.ts";
import { unsigned } from "../../support/images/unsigned.ts";
import { storageBudget } from "../../support/stores/storage-budget.ts";
import { storedFiles } from "../../support/stores/stored-files.ts";
import { temporaryDirectories } from "../../support/temporary-directory.ts";

const newDirectory = temporaryDirectories();
const codec = scheduledCodec();
let dataDir: string;
let records: SqlRecords;
let objects: DiskObjectStore;
let edits: EditIntake;
let server: Server;
let origin: string;
let answer: RequestListener;

beforeEach(async () => {
  server = createServer((incoming, outgoing) => answer(incoming, outgoing));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  dataDir = await newDirectory();
  records = await openSqliteRecords(join(dataDir, "pictograph.db"));
  objects = await DiskObjectStore.open(join(dataDir, "images"));
  const logger = pino({ enabled: false });
  const links = new ImageLinks(["a secret for tests"], 60, () => new Date());
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
  // The server has a private address, so it is trusted as the operator's own.
  const downloads = new GuardedDownloads({ hosts: [], ownOrigins: [origin] });
  edits = new EditIntake({ records, objects, downloads, links, delivery, codec });
});

afterEach(async () => {
  server.closeAllConnections();
  server.close();
  await records.close();
});

function take(path = "/a", mask?: string) {
  const images = [{ url: origin + path }];
  return edits.take(
    "gen_1",
    { projectId: "proj_public" },
    { images, mask: mask === undefined ? undefined : { url: origin + mask } },
  );
}

/** A JPEG followed by zeros. */
async function sendZeros(outgoing: ServerResponse, byteSize: number, isTold = false): Promise<void> {
  if (isTold) outgoing.setHeader("Content-Length", byteSize);
  const zeros = Buffer.alloc(1_000_000);
  const parts = [await jpegOf(zeros.length), ...Array(byteSize / zeros.length - 1).fill(zeros)];
  // A reader that has enough disconnects.
  await pipeline(Readable.from(parts), outgoing).catch(() => undefined);
}

describe("an image that an edit downloads", () => {
  test("is stored before the edit is accepted, the mask too, whatever type the server declares", async () => {
    const [picture, mask] = [await plainImage(96, 64, 1, "WEBP"), await leftHalfMask(96, 64)];
    answer = ({ url }, outgoing) =>
      void outgoing.setHeader("Content-Type", "image/gif").end(url === "/a" ? picture : mask);
    const order = await take("/a", "/mask");
    server.closeAllConnections();
    server.close();

    const sources = edits.open(order);
    expect(sources.images).toMatchObject([{ width: 96, height: 64, format: "WEBP" }]);
    expect(await Promise.all(sources.images.map((image) => buffer(image.read())))).toEqual([picture]);
    expect(sources.mask && (await buffer(sources.mask.read()))).toEqual(mask);
  });

  test.each<[string, string, RequestListener]>([
    ["is not there", "BAD_USER_INPUT", (_incoming, outgoing) => void outgoing.writeHead(404).end()],
    ["is at a server that broke", "UPSTREAM_FAILED", (_incoming, outgoing) => void outgoing.writeHead(500).end()],
    ["is a page", "UNSUPPORTED_MEDIA_TYPE", (_incoming, outgoing) => void outgoing.end("<!doctype html><p>hello")],
    ["is an SVG with a script", "UNSUPPORTED_MEDIA_TYPE", (_incoming, outgoing) => void outgoing.end(SVG_WITH_SCRIPT)],
    [
      "redirects to a private address",
      "BAD_USER_INPUT",
      (_incoming, outgoing) => void outgoing.writeHead(302, { location: "http://127.0.0.1:1/secret" }).end(),
    ],
    ["says it has 60 MB", "PAYLOAD_TOO_LARGE", (_incoming, outgoing) => void sendZeros(outgoing, 60_000_000, true)],
    [
      "has 60 MB and does not say so",
      "PAYLOAD_TOO_LARGE",
      (_incoming, outgoing) => void sendZeros(outgoing, 60_000_000),
    ],
    ["has just 50 MB", "PAYLOAD_TOO_LARGE", (_incoming, outgoing) => void sendZeros(outgoing, 50_000_000, true)],
    [
      "breaks off",
      "UPSTREAM_FAILED",
      (_incoming, outgoing) => {
        outgoing.setHeader("Content-Length", 1000);
        outgoing.write("\x89PNG\r\n\x1a\n0000", "latin1", () => outgoing.destroy());
      },
    ],
  ])("is refused if it %s, and nothing is left", async (_what, code, answering) => {
    answer = answering;

    await expect(take()).rejects.toMatchObject({ code, details: { field: "images" } });
    expect(await storedFiles(dataDir)).toEqual([]);
  });
});

describe("an idempotency key", () => {
  const now = () => new Date();
  const submit = (input: { readonly path?: string; readonly idempotencyKey?: string }) => {
    const { path = "/a", ...rest } = input;
    const runner: Pick<Runner, "expect"> = { expect() {} };
    const options: Partial<ImageServiceOptions> = {
      records,
      events: new MemoryEvents(),
      runner: runner as Runner,
      edits,
      storage: storageBudget(records, objects),
      limits: new AppliedLimits({ find: async () => [], findApiKeys: async () => [] }),
      catalogue: new ModelCatalogue([new ScriptedProvider([ANY_SIZE_EDITOR])], ANY_SIZE_EDITOR.id, now),
      queue: new MemoryJobQueue(1),
      newGenerationId: () => typeid("gen").toString(),
      now,
      maxQueued: 10,
      lifecycle: new Lifecycle(pino({ enabled: false })),
      metrics: NO_METRICS,
      traces: NO_TRACES,
    };
    const service = new ImageService(options as ImageServiceOptions);
    return service.submitEdit(
      { projectId: "proj_public" },
      { prompt: "a fox", images: [{ url: origin + path }], ...rest },
    );
  };

  test("returns the same edit without another download of its URL, whatever is there now", async () => {
    const picture = await plainImage(96, 64, 1, "PNG");
    let askedCount = 0;
    answer = (_incoming, outgoing) => {
      askedCount++;
      outgoing.end(picture);
    };
    const first = await submit({ idempotencyKey: "k" });
    const stored = await storedFiles(dataDir);
    answer = (_incoming, outgoing) => void outgoing.writeHead(404).end();

    expect((await submit({ idempotencyKey: "k" })).id).toBe(first.id);
    expect(askedCount).toBe(1);
    await expect(submit({ idempotencyKey: "k", path: "/b" })).rejects.toMatchObject({ code: "IDEMPOTENCY_CONFLICT" });
    expect(await storedFiles(dataDir)).toEqual(stored);
    await expect(submit({ idempotencyKey: "another" })).rejects.toMatchObject({ code: "BAD_USER_INPUT" });
  });
});
