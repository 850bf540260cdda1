import { once } from "node:events";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { pino } from "pino";
import { GuardedDownloads } from "../../src/downloads/guarded-downloads.ts";
import type { Records } from "../../src/ports/records.ts";
import { ImageDelivery } from "../../src/service/delivery.ts";
import { EditIntake } from "../../src/service/edit-intake.ts";
import { ImageLinks } from "../../src/service/image-links.ts";
import { DiskObjectStore } from "../../src/storage/disk-object-store.ts";
import { openSqliteRecords } from "../../src/store/sqlite.ts";
import { plainImage } from "../support/scripted-provider.ts";
import { leftHalfMask, SVG_WITH_SCRIPT } from "../support/source-images.ts";
import { storedFiles } from "../support/stored-files.ts";
import { temporaryDirectories } from "../support/temporary-directory.ts";

const newDirectory = temporaryDirectories();
let dataDir: string;
let records: Records;
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
  const objects = await DiskObjectStore.open(join(dataDir, "images"));
  const logger = pino({ enabled: false });
  const links = new ImageLinks("a secret for tests", 60, () => new Date());
  const delivery = new ImageDelivery(records, objects, links, logger);
  // The server is at a private address: it is trusted as the operator's own is.
  const downloads = new GuardedDownloads({ hosts: [], ownOrigins: [origin] });
  edits = new EditIntake({ records, objects, downloads, links, delivery });
});

afterEach(async () => {
  server.closeAllConnections();
  server.close();
  await records.close();
});

function take(path = "/a", mask?: string) {
  const images = [{ url: origin + path }];
  return edits.take("gen_1", "public", { images, mask: mask === undefined ? undefined : { url: origin + mask } });
}

describe("what an edit downloads", () => {
  test("is stored before the edit is accepted, the mask too, whatever type the server says", async () => {
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
    [
      "breaks off",
      "UPSTREAM_FAILED",
      (_incoming, outgoing) => {
        outgoing.setHeader("Content-Length", 1000);
        outgoing.write("\x89PNG\r\n\x1a\n0000", "latin1", () => outgoing.destroy());
      },
    ],
  ])("is refused when it %s, and nothing is left", async (_what, code, answering) => {
    answer = answering;

    await expect(take()).rejects.toMatchObject({ code, details: { field: "images" } });
    expect(await storedFiles(dataDir)).toEqual([]);
  });
});
