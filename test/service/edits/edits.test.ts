import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { buffer } from "node:stream/consumers";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import sharp from "sharp";
import { GatewayError } from "../../../src/errors.ts";
import type { GenerateRequest } from "../../../src/ports/image-provider.ts";
import type { Generation, Image } from "../../../src/ports/records.ts";
import type { EditInput } from "../../../src/service/edits/edit-input.ts";
import type { ImageReference } from "../../../src/service/edits/edit-intake.ts";
import type { ImageService } from "../../../src/service/image-service.ts";
import {
  ANY_SIZE_EDITOR,
  ANY_SIZE_MODEL,
  holdCalls,
  type ScriptedGateway,
  startScriptedGateway,
} from "../../support/gateways/scripted-gateway.ts";
import { makeImages, once, plainImage } from "../../support/gateways/scripted-provider.ts";
import { jpegOf, leftHalfMask, SVG_WITH_SCRIPT, zipBomb } from "../../support/images/source-images.ts";
import { storedFile, storedKeys } from "../../support/stores/stored-files.ts";

const CALLER = { projectId: "proj_public" };
const PATIENCE_MS = 60_000;

let gateway: ScriptedGateway;
let images: ImageService;
let picture: Buffer;

beforeEach(async () => {
  gateway = await startScriptedGateway({ maxConcurrency: 1 }, [ANY_SIZE_EDITOR, ANY_SIZE_MODEL]);
  images = gateway.gateway.images;
  picture = await plainImage(96, 64, 3, "PNG");
});

afterEach(() => gateway.close());

function submit(input: Partial<EditInput> = {}, caller = CALLER): Promise<Generation> {
  return images.submitEdit(caller, { prompt: "a fox in it", images: [upload(picture)], ...input });
}

function upload(bytes: Uint8Array, mediaType?: string): ImageReference {
  return { bytes: once(bytes), mediaType };
}

async function edit(input: Partial<EditInput> = {}): Promise<Generation> {
  return images.wait(await submit(input), PATIENCE_MS);
}

async function generate(format = "PNG", projectId = CALLER.projectId): Promise<Image> {
  const accepted = await images.submit({ projectId }, { prompt: "a fox", size: "96x64", format });
  const ended = await images.wait(accepted, PATIENCE_MS);
  const [[image] = []] = await images.imagesOf([ended.id]);
  if (!image) throw new Error("there is no image");
  return image;
}

async function keys(): Promise<string[]> {
  return storedKeys(gateway.dataDir);
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** Makes the provider read its sources before it answers, as a real one must. */
function readSources(): { bytes: Buffer[]; mask: Buffer | undefined }[] {
  const calls: { bytes: Buffer[]; mask: Buffer | undefined }[] = [];
  gateway.provider.script = async function* (request: GenerateRequest) {
    const { images: sources = [], mask } = request.edit ?? {};
    const bytes = [];
    for (const source of sources) bytes.push(await buffer(source.read()));
    calls.push({ bytes, mask: mask && (await buffer(mask.read())) });
    yield* makeImages(request);
  };
  return calls;
}

describe("an edit", () => {
  test("hands the images and the mask to the provider unchanged, and keeps them only while it runs", async () => {
    const jpeg = await plainImage(200, 100, 4, "JPEG");
    const webp = await plainImage(64, 64, 5, "WEBP");
    const mask = await leftHalfMask(96, 64);
    const calls = readSources();
    const ended = await edit({ images: [upload(picture), upload(jpeg), upload(webp)], mask: upload(mask) });

    expect(ended).toMatchObject({ status: "SUCCEEDED", requestedSize: { width: 96, height: 64 } });
    expect(calls).toEqual([{ bytes: [picture, jpeg, webp], mask }]);
    expect(gateway.provider.requests[0]?.edit).toMatchObject({
      images: [
        { width: 96, height: 64, format: "PNG", byteSize: picture.length },
        { width: 200, height: 100, format: "JPEG", byteSize: jpeg.length },
        { width: 64, height: 64, format: "WEBP", byteSize: webp.length },
      ],
      mask: { width: 96, height: 64, format: "PNG", byteSize: mask.length },
    });
    expect(ended.edit?.images.map((source) => source.sha256)).toEqual([picture, jpeg, webp].map(sha256));
    const [[image] = []] = await images.imagesOf([ended.id]);
    expect(await keys()).toEqual([image?.key]);
  });

  test("takes the caller's own images by id, in every format, and does not need them later", async () => {
    const png = await generate();
    const avif = await generate("AVIF");
    const hold = holdCalls(gateway.provider);
    const blocking = await images.submit(CALLER, { prompt: "in the way" });
    await hold.called;
    const accepted = await submit({ images: [{ id: png.id }, { id: avif.id }] });
    const bytes = await readFile(storedFile(gateway.dataDir, png.key));
    await images.delete(CALLER, png.generationId);
    const calls = readSources();
    hold.release();
    await images.wait(blocking, PATIENCE_MS);
    const ended = await images.wait(accepted, PATIENCE_MS);

    expect(ended).toMatchObject({
      status: "SUCCEEDED",
      edit: { images: [{ imageId: png.id }, { imageId: avif.id, format: "PNG", width: 96, height: 64 }] },
    });
    expect(calls[0]?.bytes[0]).toEqual(bytes);
    expect(await sharp(calls[0]?.bytes[1]).metadata()).toMatchObject({ format: "png", width: 96, height: 64 });
  });

  test.each([
    [96, 64, "96x64"],
    [5000, 2500, "3840x1920"],
    [40, 20, "128x64"],
    [640, 64, "640x214"],
  ])("of %ix%i has as its default size the nearest one allowed, %s", async (width, height, size) => {
    const { requestedSize } = await edit({ images: [upload(await plainImage(width, height, 1, "PNG"))] });

    expect(`${requestedSize.width}x${requestedSize.height}`).toBe(size);
  });

  test("has the requested size; the default comes from the pixels that a viewer shows", async () => {
    const onItsSide = await sharp(picture).withMetadata({ orientation: 6 }).jpeg().toBuffer();
    expect(await edit({ size: "128x128" })).toMatchObject({ requestedSize: { width: 128, height: 128 } });
    expect(await edit({ images: [upload(onItsSide)] })).toMatchObject({ requestedSize: { width: 64, height: 96 } });
  });

  test("accepts 16 images", async () => {
    const ended = await edit({ images: Array.from({ length: 16 }, () => upload(picture)) });

    expect(ended.status).toBe("SUCCEEDED");
    expect(gateway.provider.requests[0]?.edit?.images).toHaveLength(16);
  });

  test("can be canceled while it waits, and then keeps nothing", async () => {
    const hold = holdCalls(gateway.provider);
    const blocking = await images.submit(CALLER, { prompt: "in the way", size: "64x64" });
    await hold.called;
    const accepted = await submit();
    expect(await keys()).toEqual([`${accepted.id}/sources/0`]);
    await images.cancel(CALLER, accepted.id);

    expect(await keys()).toEqual([]);
    hold.release();
    await images.wait(blocking, PATIENCE_MS);
    expect(gateway.provider.requests).toHaveLength(1);
  });

  test("keeps nothing if its provider fails", async () => {
    gateway.provider.script = async function* () {
      yield* [];
      throw new GatewayError("CONTENT_REJECTED", "no", { billed: "NO" });
    };

    expect(await edit()).toMatchObject({ status: "FAILED", failure: { code: "CONTENT_REJECTED" } });
    expect(await keys()).toEqual([]);
  });
});

describe("an idempotency key", () => {
  const idempotencyKey = "k";

  test("with the same uploads returns the same edit, and stores them once", async () => {
    const first = await edit({ idempotencyKey, mask: upload(await leftHalfMask(96, 64)) });
    const left = await keys();
    const again = await edit({ idempotencyKey, mask: upload(await leftHalfMask(96, 64)) });

    expect(again.id).toBe(first.id);
    expect(gateway.provider.requests).toHaveLength(1);
    expect(await keys()).toEqual(left);
  });

  test("returns the same edit if the images it names are gone", async () => {
    const [one, other] = [await generate(), await generate()];
    const link = images.link(other);
    const asked = (signed: string) => {
      return { idempotencyKey, images: [{ id: one.id }, { link: signed }, upload(picture)] };
    };
    const first = await submit(asked(link));
    await images.delete(CALLER, one.generationId);
    await images.delete(CALLER, other.generationId);

    expect((await submit(asked(`${link}x`))).id).toBe(first.id);
    const [masked, anew] = [{ mask: { id: other.id } }, { idempotencyKey: "another" }];
    await expect(submit({ ...asked(link), ...masked })).rejects.toMatchObject({ code: "IDEMPOTENCY_CONFLICT" });
    await expect(submit({ ...asked(link), ...anew })).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  test("of an edit without a size is a conflict for one with a size, even the same size", async () => {
    await edit({ idempotencyKey });

    await expect(submit({ idempotencyKey, size: "96x64" })).rejects.toMatchObject({ code: "IDEMPOTENCY_CONFLICT" });
  });

  test.each<[string, () => Promise<Partial<EditInput>>]>([
    ["another image", async () => ({ images: [upload(await plainImage(96, 64, 4, "PNG"))] })],
    ["one image more", async () => ({ images: [upload(picture), upload(picture)] })],
    ["a mask", async () => ({ mask: upload(await leftHalfMask(96, 64)) })],
    ["another size", async () => ({ size: "128x128" })],
  ])("with %s is a conflict and leaves nothing", async (_what, change) => {
    await edit({ idempotencyKey });
    const left = await keys();

    await expect(submit({ idempotencyKey, ...(await change()) })).rejects.toMatchObject({
      code: "IDEMPOTENCY_CONFLICT",
    });
    expect(await keys()).toEqual(left);
    expect(gateway.provider.requests).toHaveLength(1);
  });

  test("of a generation is a conflict for an edit", async () => {
    await images.submit(CALLER, { prompt: "a fox in it", size: "96x64", idempotencyKey });

    await expect(submit({ idempotencyKey })).rejects.toMatchObject({ code: "IDEMPOTENCY_CONFLICT" });
  });
});

describe("an edit is refused, and nothing is submitted or stored,", () => {
  const never = (): ImageReference => ({
    // biome-ignore lint/correctness/useYield: it must not be read
    bytes: (async function* () {
      throw new Error("this image must not be read");
    })(),
  });

  test.each<[string, string, string, () => Promise<Partial<EditInput>>]>([
    ["no image", "BAD_USER_INPUT", "images", async () => ({ images: [] })],
    ["a mask without an image", "BAD_USER_INPUT", "images", async () => ({ images: [], mask: never() })],
    ["17 images", "BAD_USER_INPUT", "images", async () => ({ images: Array.from({ length: 17 }, never) })],
    ["no prompt", "BAD_USER_INPUT", "prompt", async () => ({ prompt: " ", images: [never()] })],
    [
      "a transparent JPEG",
      "BAD_USER_INPUT",
      "background",
      async () => ({ format: "JPEG", background: "TRANSPARENT", images: [never()] }),
    ],
    ["a model that cannot edit", "BAD_USER_INPUT", "model", async () => ({ model: "any-size-1", images: [never()] })],
    ["an image of nobody", "NOT_FOUND", "images", async () => ({ images: [upload(picture), { id: "img_0" }] })],
    ["60 MB", "PAYLOAD_TOO_LARGE", "images", async () => ({ images: [upload(await jpegOf(60_000_000))] })],
    ["50 MB", "PAYLOAD_TOO_LARGE", "images", async () => ({ images: [upload(await jpegOf(50_000_000))] })],
    ["a zip bomb", "BAD_USER_INPUT", "images", async () => ({ images: [upload(picture), upload(zipBomb())] })],
    ["an SVG with a script", "UNSUPPORTED_MEDIA_TYPE", "images", async () => ({ images: [upload(SVG_WITH_SCRIPT)] })],
    ["text", "UNSUPPORTED_MEDIA_TYPE", "images", async () => ({ images: [upload(Buffer.from("hello"))] })],
    ["nothing", "UNSUPPORTED_MEDIA_TYPE", "images", async () => ({ images: [upload(Buffer.alloc(0))] })],
    [
      "an SVG that says it is a PNG",
      "UNSUPPORTED_MEDIA_TYPE",
      "images",
      async () => ({ images: [upload(SVG_WITH_SCRIPT, "image/png")] }),
    ],
    [
      "a PNG that says it is a JPEG",
      "UNSUPPORTED_MEDIA_TYPE",
      "images",
      async () => ({ images: [upload(picture, "image/jpeg")] }),
    ],
    [
      "a text behind the first bytes of a PNG",
      "BAD_USER_INPUT",
      "images",
      async () => ({ images: [upload(Buffer.concat([picture.subarray(0, 16), SVG_WITH_SCRIPT]))] }),
    ],
    [
      "half an image",
      "BAD_USER_INPUT",
      "images",
      async () => ({ images: [upload((await plainImage(960, 640, 3, "JPEG")).subarray(0, 2000))] }),
    ],
    [
      "an animation",
      "BAD_USER_INPUT",
      "images",
      async () => ({
        images: [
          upload(
            await sharp([picture, await plainImage(96, 64, 4, "PNG")], { join: { animated: true } })
              .webp()
              .toBuffer(),
          ),
        ],
      }),
    ],
    ["a mask of another size", "BAD_USER_INPUT", "mask", async () => ({ mask: upload(await leftHalfMask(64, 96)) })],
    ["a mask without alpha", "BAD_USER_INPUT", "mask", async () => ({ mask: upload(picture) })],
    [
      "a mask that is not a PNG",
      "UNSUPPORTED_MEDIA_TYPE",
      "mask",
      async () => ({
        mask: upload(
          await sharp(await leftHalfMask(96, 64))
            .webp()
            .toBuffer(),
        ),
      }),
    ],
  ])("for %s", async (_what, code, field, input) => {
    await expect(submit(await input())).rejects.toMatchObject({ code, details: { field } });
    expect(await keys()).toEqual([]);
    expect(gateway.provider.requests).toEqual([]);
  });

  test.each([
    ["image/jpeg", "image/jpeg"],
    [`image/jpeg; name="${"x".repeat(100)}"`, "another type"],
  ])("for an image declared as %j, with an error that names both types", async (declared, shown) => {
    await expect(submit({ images: [upload(picture, declared)] })).rejects.toMatchObject({
      message: `image 1 of 1 was declared as ${shown} but is image/png; declare it as image/png`,
    });
  });

  test("for another owner's image", async () => {
    const { id } = await generate("PNG", "somebody else");

    await expect(submit({ images: [{ id }] })).rejects.toMatchObject({
      code: "NOT_FOUND",
      details: { field: "images" },
    });
  });

  test("for an upload that breaks off, with the upload's own error", async () => {
    const broken = new Error("the caller left");
    async function* bytes() {
      yield picture.subarray(0, 100);
      throw broken;
    }

    await expect(submit({ images: [upload(picture), { bytes: bytes() }] })).rejects.toBe(broken);
    expect(await keys()).toEqual([]);
  });
});
