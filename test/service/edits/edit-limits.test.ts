import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { GatewayError } from "../../../src/errors.ts";
import type { Generation } from "../../../src/ports/records.ts";
import type { EditInput } from "../../../src/service/edits/edit-input.ts";
import type { ImageReference } from "../../../src/service/edits/edit-intake.ts";
import { type RunningGateway, startGateway } from "../../support/gateways/gateway.ts";
import { ANY_SIZE_EDITOR } from "../../support/gateways/scripted-gateway.ts";
import { once, plainImage, ScriptedProvider } from "../../support/gateways/scripted-provider.ts";
import { jpegOf, leftHalfMask } from "../../support/images/source-images.ts";
import { storedFiles } from "../../support/stores/stored-files.ts";
import { temporaryDirectories } from "../../support/temporary-directory.ts";

const CALLER = { projectId: "proj_public" };
const ABLE = { ...ANY_SIZE_EDITOR, id: "able" };
const PICKY = {
  ...ANY_SIZE_EDITOR,
  id: "picky",
  edits: { maxInputImages: 2, maxInputBytes: 5000, inputFormats: ["PNG", "JPEG"] as const, hasMask: false },
};

const newDirectory = temporaryDirectories();
let broken: ScriptedProvider;
let sound: ScriptedProvider;
let gateway: RunningGateway;
let png: Buffer;
let now: Date;

beforeEach(async () => {
  broken = new ScriptedProvider([{ ...ABLE, id: "broken" }]);
  // biome-ignore lint/correctness/useYield: it never answers
  broken.script = async function* () {
    throw new GatewayError("UPSTREAM_FAILED", "out of order", { billed: "NO", retryAfterSeconds: 0 });
  };
  sound = new ScriptedProvider([PICKY, ABLE, { ...ABLE, id: "leaving", shutdownDate: "2026-12-01" }]);
  now = new Date("2026-11-30T12:00:00Z");
  const modelsFile = join(await newDirectory(), "models.json");
  await writeFile(
    modelsFile,
    JSON.stringify({ aliases: { sturdy: ["broken", "picky", "able"], narrow: ["broken", "picky"] } }),
  );
  gateway = await startGateway({ providers: [broken, sound], defaultModel: "picky", modelsFile, now: () => now });
  png = await plainImage(96, 64, 3, "PNG");
});

afterEach(() => gateway.close());

const upload = (bytes: Uint8Array): ImageReference => ({ bytes: once(bytes) });
const webp = () => plainImage(96, 64, 3, "WEBP");

function submit(input: Partial<EditInput>): Promise<Generation> {
  return gateway.gateway.images.submitEdit(CALLER, { prompt: "a fox in it", images: [upload(png)], ...input });
}

const CANNOT: readonly (readonly [string, string, string, () => Promise<Partial<EditInput>>])[] = [
  ["too many images", "BAD_USER_INPUT", "images", async () => ({ images: [upload(png), upload(png), upload(png)] })],
  ["a mask", "BAD_USER_INPUT", "mask", async () => ({ mask: upload(await leftHalfMask(96, 64)) })],
  ["another format", "UNSUPPORTED_MEDIA_TYPE", "images", async () => ({ images: [upload(png), upload(await webp())] })],
  ["a file too large", "PAYLOAD_TOO_LARGE", "images", async () => ({ images: [upload(await jpegOf(5001))] })],
];

describe("an edit beyond its model's abilities", () => {
  test.each(CANNOT)(
    "with %s is refused before it is paid for, and leaves nothing",
    async (_what, code, field, input) => {
      await expect(submit(await input())).rejects.toMatchObject({
        code,
        details: { field },
        message: expect.stringMatching(/^picky /),
      });
      expect(sound.requests).toEqual([]);
      expect(await storedFiles(gateway.dataDir)).toEqual([]);
    },
  );

  test.each(CANNOT)(
    "with %s does not fall back to that model during an outage",
    async (_what, _code, _field, input) => {
      const run = async (model: string) => {
        const { id } = await gateway.gateway.images.wait(await submit({ ...(await input()), model }), 60_000);
        const [ended] = await gateway.gateway.images.generations(CALLER, [id]);
        return ended;
      };
      expect(await run("sturdy")).toMatchObject({
        status: "SUCCEEDED",
        model: "able",
        warnings: [{ code: "MODEL_FELL_BACK" }],
      });
      expect(await run("narrow")).toMatchObject({ status: "FAILED", model: "broken", warnings: [] });
      expect(sound.requests.map(({ model }) => model)).toEqual(["able"]);
    },
  );
});

test("the key of an edit still finds it after its model has shut down without a replacement", async () => {
  const input = () => ({ model: "leaving", idempotencyKey: "k", images: [upload(png)] });
  const accepted = await submit(input());
  await gateway.gateway.images.wait(accepted, 60_000);
  now = new Date("2026-12-01T00:00:00Z");

  expect(await submit(input())).toMatchObject({ id: accepted.id, status: "SUCCEEDED", model: "leaving" });
  await expect(submit({ ...input(), n: 2 })).rejects.toMatchObject({ code: "IDEMPOTENCY_CONFLICT" });
  await expect(submit({ ...input(), idempotencyKey: "k2" })).rejects.toMatchObject({ code: "MODEL_UNAVAILABLE" });
  expect(sound.requests).toHaveLength(1);
});

test("a fallback model gets the edits within its abilities", async () => {
  const accepted = await submit({ model: "narrow", images: [upload(png), upload(await jpegOf(5000))] });
  const ended = await gateway.gateway.images.wait(accepted, 60_000);
  expect(ended).toMatchObject({ status: "SUCCEEDED", model: "picky" });
});
