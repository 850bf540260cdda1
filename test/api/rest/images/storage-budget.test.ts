import { stat } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import sharp from "sharp";
import type { GatewayOptions } from "../../../../src/gateway.ts";
import { getImageAsJson } from "../../../support/clients/get-image-client.ts";
import { graphqlMultipart } from "../../../support/clients/graphql-multipart.ts";
import { httpRequest } from "../../../support/clients/http-request.ts";
import {
  ANY_SIZE_EDITOR,
  poll,
  type ScriptedGateway,
  startScriptedGateway,
} from "../../../support/gateways/scripted-gateway.ts";
import { once, plainImage } from "../../../support/gateways/scripted-provider.ts";
import { seededRandom } from "../../../support/random.ts";
import { storedFiles } from "../../../support/stores/stored-files.ts";
import { temporaryDirectories } from "../../../support/temporary-directory.ts";

const SIDE = 200;
/** The approximate size of a derivative of noise as a PNG. */
const ONE = SIDE * SIDE * 3;
/** More than any volume's size. */
const ALL_BYTES = 2 ** 60;
const HOUR_MS = 60 * 60_000;

const newDirectory = temporaryDirectories();
let dataDir: string;
let gateway: ScriptedGateway;
/** The time on the gateway's clock. */
let now: Date;

beforeEach(async () => {
  dataDir = await newDirectory();
  now = new Date();
});

afterEach(() => gateway.stop());

async function start(options: Pick<GatewayOptions, "maxDerivativeBytes" | "minFreeBytes"> = {}): Promise<void> {
  gateway = await startScriptedGateway({ dataDir, now: () => now, ...options }, [ANY_SIZE_EDITOR]);
  const picture = await sharp(seededRandom(1).bytes(ONE), { raw: { width: SIDE, height: SIDE, channels: 3 } })
    .png()
    .toBuffer();
  gateway.provider.script = async function* draw() {
    yield { type: "image", index: 0, bytes: once(picture) };
  };
}

async function makeImage(idempotencyKey?: string): Promise<{ id: string; generationId: string; url: string }> {
  const { body } = await gateway.graphql(
    `mutation ($key: String) {
      generateImages(input: { prompt: "noise", size: "${SIDE}x${SIDE}", idempotencyKey: $key }) { id images { id url } }
    }`,
    { key: idempotencyKey },
  );
  const { id: generationId, images } = body.data.generateImages;
  return { ...images[0], generationId };
}

/** Loads a derivative, nearly as large as the image. */
async function load(id: string, width: number): Promise<number> {
  const { body } = await gateway.graphql(
    `query ($id: ID!, $width: Int) { image(id: $id) { url(width: $width, height: ${SIDE}, fit: FILL) } }`,
    { id, width },
  );
  return (await httpRequest(body.data.image.url)).status;
}

/** The derivatives on disk by width, with their sizes. */
async function derivatives(): Promise<{ widths: number[]; byteSize: number }> {
  const paths = (await storedFiles(dataDir)).filter((path) => !/(original|delivered)$/.test(path));
  const sizes = await Promise.all(paths.map(async (path) => (await stat(path)).size));
  const widths = paths.map((path) => Number(/([0-9]+)x[0-9]+-fill/.exec(path)?.[1]));
  return { widths: widths.sort((a, b) => a - b), byteSize: sizes.reduce((sum, size) => sum + size, 0) };
}

describe("derivatives", () => {
  test("of all images together stay within their byte limit, without removing images", async () => {
    await start({ maxDerivativeBytes: 4 * ONE });
    const images = [await makeImage(), await makeImage()];
    for (let width = 180; width < 192; width++) {
      now = new Date(now.getTime() + 1000);
      expect(await load(images[width % 2]?.id ?? "", width)).toBe(200);
      const { widths, byteSize } = await derivatives();
      expect(byteSize).toBeLessThanOrEqual(4 * ONE);
      expect(widths.at(-1)).toBe(width);
    }

    expect((await derivatives()).widths.length).toBeGreaterThan(2);
    for (const { url } of images) expect((await httpRequest(url)).status).toBe(200);
    // A removed derivative is made again.
    expect(await load(images[0]?.id ?? "", 180)).toBe(200);
  });

  test("that were used recently are removed last, also after a restart", async () => {
    await start();
    const { id } = await makeImage();
    for (const width of [181, 182, 183]) {
      await load(id, width);
      now = new Date(now.getTime() + 60_000);
    }
    await load(id, 181);
    await gateway.stop();
    await start({ maxDerivativeBytes: 3.5 * ONE });
    await load(id, 184);

    expect((await derivatives()).widths).toEqual([181, 183, 184]);
  });

  test("left by an earlier version are counted at the start", async () => {
    await start();
    const { id } = await makeImage();
    for (const width of [181, 182, 183]) await load(id, width);
    await gateway.stop();
    const database = new DatabaseSync(join(dataDir, "pictograph.db"));
    database.exec("DELETE FROM derivatives");
    database.close();
    now = new Date(now.getTime() + 2 * HOUR_MS);
    await start({ maxDerivativeBytes: 1.5 * ONE });

    // The original, and one derivative.
    await poll(
      () => storedFiles(dataDir),
      ({ length }) => length === 2,
    );
    expect((await derivatives()).byteSize).toBeLessThanOrEqual(1.5 * ONE);
  });

  test("that exceed the limit alone are still delivered", async () => {
    await start({ maxDerivativeBytes: 1000 });
    const { id } = await makeImage();

    expect([await load(id, 190), await load(id, 190)]).toEqual([200, 200]);
    expect((await derivatives()).widths).toEqual([]);
  });
});

test("a nearly full disk stops new generations and nothing else", async () => {
  await start();
  const { id, generationId, url } = await makeImage("k");
  await load(id, 190);
  await gateway.stop();
  await start({ minFreeBytes: ALL_BYTES });

  const full = "the gateway's disk is nearly full; nothing new is generated until its operator makes room";
  const { body } = await gateway.graphql(`mutation { generateImages(input: { prompt: "x" }) { id } }`);
  expect(body.errors).toMatchObject([{ message: full, extensions: { code: "OVERLOADED" } }]);
  const rest = await getImageAsJson(gateway.url, { prompt: "x", n: "1", size: "64x64" });
  expect([rest.status, rest.errorMessage, rest.headers["retry-after"]]).toEqual([503, full, "60"]);
  const query = `mutation ($input: EditImagesInput!) { editImages(input: $input) { id } }`;
  const edit = await graphqlMultipart(
    gateway.url,
    { query, variables: { input: { prompt: "x", images: [{ upload: null }] } } },
    [{ path: "variables.input.images.0.upload", bytes: await plainImage(64, 64, 1, "PNG") }],
  );
  expect(edit.body.errors).toMatchObject([{ message: full, extensions: { code: "OVERLOADED" } }]);
  expect(gateway.provider.requests).toEqual([]);
  // Derivatives were removed, but that was not enough.
  expect(await storedFiles(dataDir)).toEqual([expect.stringMatching(/original$/)]);

  expect((await makeImage("k")).generationId).toBe(generationId);
  const { pathname, search } = new URL(url);
  expect((await httpRequest(gateway.url + pathname + search)).status).toBe(200);
  expect(await load(id, 190)).toBe(200);
  for (const path of ["/healthz", "/readyz"]) expect((await httpRequest(gateway.url + path)).status).toBe(200);

  await gateway.stop();
  await start();
  expect((await makeImage()).id).toMatch(/^img_/);
});
