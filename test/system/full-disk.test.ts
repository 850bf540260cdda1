import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import sharp from "sharp";
import { getImageAsJson } from "../support/clients/get-image-client.ts";
import { generateImages, graphql, listGenerations } from "../support/clients/graphql-client.ts";
import { poll } from "../support/gateways/scripted-gateway.ts";
import type { GatewayProcess } from "../support/processes/gateway-process.ts";
import { gatewayProcesses } from "../support/processes/gateway-processes.ts";
import { seededRandom } from "../support/random.ts";
import { storedFiles } from "../support/stores/stored-files.ts";
import { type StrictImageApi, startStrictImageApi } from "../support/vendors/strict-image-api.ts";

const SMALL = { prompt: "a fox", n: "1", size: "64x64" };
const LARGE = { prompt: "a fox", n: "1", size: "1024x1024" };
const TIMEOUT_MS = 120_000;

const startService = gatewayProcesses();
let api: StrictImageApi;
let service: GatewayProcess;

beforeEach(async () => {
  api = await startStrictImageApi();
  service = await startService({
    OPENAI_API_KEY: api.apiKey,
    OPENAI_BASE_URL: api.baseUrl,
    // The tests want the real error, and not this timeout, which does not say what is wrong.
    PICTOGRAPH_UPSTREAM_TIMEOUT_SECONDS: "10",
  });
});

afterEach(() => api.close());

describe("on a full disk", () => {
  test(
    "an image is refused without details and leaves nothing, and smaller images still work",
    async () => {
      // More than the database needs, and less than the picture needs.
      await limitFiles(2 * 1024 * 1024);
      const picture = await noise(1024, 1024);
      expect(picture.length).toBeGreaterThan(2 * 1024 * 1024);
      api.queue({ raw: { body: JSON.stringify({ created: 1, data: [{ b64_json: picture.toString("base64") }] }) } });

      const refused = await getImageAsJson(service.url, LARGE);
      expect({ status: refused.status, urlList: refused.urlList }).toEqual({ status: 500, urlList: [] });
      expect(refused.errorMessage).not.toMatch(/OK|EFBIG|large|\/|disk/);
      expect(await storedFiles(service.dataDirectory)).toEqual([]);
      expect(await listGenerations(service.url)).toMatchObject([
        { status: "FAILED", failure: { code: "INTERNAL" }, images: [] },
      ]);
      await service.waitForLine((line) => line.includes("EFBIG"));

      const small = await getImageAsJson(service.url, SMALL);
      expect({ status: small.status, errorMessage: small.errorMessage }).toEqual({ status: 200, errorMessage: "OK" });
      expect((await fetch(small.urlList[0] ?? "")).status).toBe(200);
    },
    TIMEOUT_MS,
  );

  test(
    "nothing is accepted or paid for until there is space again",
    async () => {
      await limitFiles(1);
      const refused = await getImageAsJson(service.url, SMALL);
      expect({ status: refused.status, urlList: refused.urlList }).toEqual({ status: 500, urlList: [] });
      expect(refused.errorMessage).not.toMatch(/OK|SQL|I\/O|disk/i);
      const { data, errors } = await graphql(
        service.url,
        `mutation { generateImages(input: { prompt: "a fox", size: "64x64" }) { id } }`,
      );
      expect(data).toBeNull();
      expect(errors).toMatchObject([{ extensions: { code: "INTERNAL" } }]);
      expect(errors?.[0]?.message).not.toMatch(/SQL|I\/O|disk/i);
      expect(api.callCount).toBe(0);
      expect(await storedFiles(service.dataDirectory)).toEqual([]);

      await limitFiles("unlimited");
      expect(await generateImages(service.url, {})).toMatchObject({ status: "SUCCEEDED" });
      expect(await listGenerations(service.url)).toHaveLength(1);
    },
    TIMEOUT_MS,
  );

  test(
    "an end that cannot be recorded is answered as failed, and others are recorded when there is space again",
    async () => {
      const hold = api.holdNext();
      const waiting = getImageAsJson(service.url, SMALL);
      await hold.arrived;
      await limitFiles(1);
      hold.release();

      const { status, urlList, headers } = await waiting;
      expect({ status, urlList, retryAfter: headers["retry-after"] }).toEqual({
        status: 503,
        urlList: [],
        retryAfter: "5",
      });
      expect(await storedFiles(service.dataDirectory)).toEqual([]);
      await limitFiles("unlimited");
      expect(await generateImages(service.url, {})).toMatchObject({ status: "SUCCEEDED" });
      await poll(
        () => listGenerations(service.url),
        (generations) => generations.at(-1)?.status === "FAILED",
      );
      expect(await listGenerations(service.url)).toMatchObject([
        { status: "SUCCEEDED" },
        { status: "FAILED", failure: { code: "INTERNAL" }, images: [] },
      ]);
      expect(api.callCount).toBe(2);
    },
    TIMEOUT_MS,
  );
});

/**
 * Limits the size of the service's files: writes then fail with EFBIG, much as they fail with ENOSPC on a full disk.
 */
async function limitFiles(bytes: number | "unlimited"): Promise<void> {
  await promisify(execFile)("prlimit", ["--pid", String(service.processId), `--fsize=${bytes}:`]);
}

/** A picture that does not compress. */
function noise(width: number, height: number): Promise<Buffer> {
  return sharp(seededRandom(1).bytes(width * height * 3), { raw: { width, height, channels: 3 } })
    .png()
    .toBuffer();
}
