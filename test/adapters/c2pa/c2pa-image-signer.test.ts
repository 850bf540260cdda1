import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import sharp from "sharp";
import { C2paImageSigner, type C2paImageSignerOptions } from "../../../src/adapters/c2pa/c2pa-image-signer.ts";
import { readCredentials } from "../../../src/adapters/c2pa/credentials.ts";
import { IMAGE_FORMATS, type ImageFormat } from "../../../src/ports/image-provider.ts";
import type { SignedClaim } from "../../../src/ports/image-signer.ts";
import { KEY_KINDS, makeCertificate, type TestCertificate } from "../../support/c2pa/certificates.ts";
import { verify } from "../../support/c2pa/verify.ts";
import { temporaryDirectories } from "../../support/temporary-directory.ts";

const TRAINED = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia";
const GENERATOR = { name: "Pictograph", version: "1.2.3" };

const newDirectory = temporaryDirectories();
const open: C2paImageSigner[] = [];
let certificate: TestCertificate;
let signer: C2paImageSigner;

beforeAll(async () => {
  certificate = await makeCertificate(await newDirectory());
  signer = await openSigner(certificate);
});
afterAll(() => Promise.all(open.map((opened) => opened.close())));

async function openSigner(
  { files }: TestCertificate,
  options: Partial<C2paImageSignerOptions> = {},
  now = new Date(),
): Promise<C2paImageSigner> {
  const { expiresAt, ...credentials } = await readCredentials(files, now);
  const opened = new C2paImageSigner({ identity: { ...credentials, generator: GENERATOR }, expiresAt, ...options });
  open.push(opened);
  return opened;
}

function plain(format: ImageFormat, side = 64): Promise<Buffer> {
  const name = format.toLowerCase() as "png" | "jpeg" | "webp" | "avif";
  return sharp({ create: { width: side, height: side, channels: 3, background: "#36c" } })
    .toFormat(name)
    .toBuffer();
}

function claimOf(format: ImageFormat, more: Partial<SignedClaim> = {}): SignedClaim {
  return { format, digitalSourceType: "trainedAlgorithmicMedia", action: "resized", ingredients: [], ...more };
}

describe.each(IMAGE_FORMATS)("a signed %s", (format) => {
  test("is valid, names its source, and shows the same picture", async () => {
    const image = await plain(format);
    const { bytes, leftOutCount } = await signer.sign(image, claimOf(format));
    const { state, codes, manifest } = await verify(bytes, format, certificate.root);

    expect({ state, codes, leftOutCount }).toEqual({ state: "Trusted", codes: [], leftOutCount: 0 });
    expect(manifest.claim_generator_info[0]).toMatchObject(GENERATOR);
    expect(manifest.actions).toMatchObject([{ action: "c2pa.created", digitalSourceType: TRAINED }]);
    const pixels = (file: Uint8Array) => sharp(file).raw().toBuffer();
    expect((await pixels(bytes)).equals(await pixels(image))).toBe(true);
  });

  test("keeps the credentials of its parent and of other inputs", async () => {
    const parent = await signer.sign(await plain(format, 80), claimOf(format));
    const input = await signer.sign(await plain(format, 90), claimOf(format));
    const ingredients = [
      { format, bytes: parent.bytes, relationship: "parentOf" },
      { format, bytes: input.bytes, relationship: "inputTo" },
    ] as const;
    const child = await signer.sign(await plain(format), claimOf(format, { action: "edited", ingredients }));
    const { state, manifest, manifestCount } = await verify(child.bytes, format, certificate.root);

    expect({ state, manifestCount }).toEqual({ state: "Trusted", manifestCount: 3 });
    expect(manifest.ingredients.map(({ relationship }) => relationship)).toEqual(["parentOf", "inputTo"]);
    expect(manifest.actions.map(({ action }) => action)).toEqual(["c2pa.opened", "c2pa.edited"]);
  });

  test("becomes invalid if one byte of the picture or the manifest changes", async () => {
    const image = await plain(format);
    const { bytes } = await signer.sign(image, claimOf(format));
    const changed = async (place: number) => {
      const copy = Buffer.from(bytes);
      copy[place] = (copy[place] ?? 0) ^ 1;
      return (await verify(copy, format, certificate.root)).state;
    };

    // The last bytes of the picture: PNG and JPEG files end with a marker after them.
    expect(await changed(Buffer.from(bytes).lastIndexOf(image.subarray(-40, -20)))).toBe("Invalid");
    expect(await changed(Buffer.from(bytes).indexOf("digitalsourcetype"))).toBe("Invalid");
  });
});

test.each(Object.keys(KEY_KINDS) as (keyof typeof KEY_KINDS)[])("the signer accepts a key of type %s", async (kind) => {
  const made = await makeCertificate(await newDirectory(), { kind });
  const own = await openSigner(made);

  expect(await own.tryOut()).toEqual([]);
  const { bytes } = await own.sign(await plain("PNG"), claimOf("PNG"));
  const { state, manifest } = await verify(bytes, "PNG", made.root);
  expect(state).toBe("Trusted");
  expect(manifest.signature_info.alg.toLowerCase()).toBe(kind);
});

test("a verifier reports the expired certificate", async () => {
  const [notBefore, notAfter] = [new Date("2025-01-01"), new Date("2025-12-31")];
  const expired = await makeCertificate(await newDirectory(), { notBefore, notAfter });
  const own = await openSigner(expired, {}, new Date("2025-06-01"));
  const { bytes } = await own.sign(await plain("PNG"), claimOf("PNG"));

  expect((await verify(bytes, "PNG", expired.root)).codes).toContain("signingCredential.expired");
  expect(await own.tryOut()).toContain("signingCredential.expired");
});

test("an ingredient that is not an image is omitted, and the image is signed", async () => {
  const ingredients = [{ format: "PNG", bytes: Buffer.from("no image"), relationship: "parentOf" }] as const;
  const { bytes, leftOutCount } = await signer.sign(await plain("PNG"), claimOf("PNG", { ingredients }));

  expect(leftOutCount).toBe(1);
  expect((await verify(bytes, "PNG", certificate.root)).state).toBe("Trusted");
});

test("a file that is not an image is not signed, and the next image is", async () => {
  await expect(signer.sign(Buffer.from("no image"), claimOf("PNG"))).rejects.toThrow("could not be signed");

  expect((await signer.sign(await plain("PNG"), claimOf("PNG"))).leftOutCount).toBe(0);
});

describe("a signing thread", () => {
  let image: Buffer;
  const running: C2paImageSigner[] = [];

  beforeAll(async () => {
    image = await plain("PNG");
  });
  afterEach(() => Promise.all(running.splice(0).map((own) => own.close())));

  async function signerThatRuns(program: string, deadlineMs = 60_000): Promise<C2paImageSigner> {
    const path = join(await newDirectory(), "program.mjs");
    await writeFile(path, program);
    const own = await openSigner(certificate, { program: pathToFileURL(path), deadlineMs });
    running.push(own);
    return own;
  }

  test.each([
    ["throws", "throw new Error('it broke')", "it broke"],
    ["exits", "process.exit(3)", "ended with code 3"],
    ["hangs", "for (;;);", "not signed within 500 ms"],
    ["uses up its heap", "const all = []; for (;;) all.push(new Array(1e6).fill({}));", "memory limit"],
  ])("that %s fails its own image, and the next image gets a new thread", async (_how, program, message) => {
    const own = await signerThatRuns(program, message.includes("within") ? 500 : undefined);

    await expect(own.sign(image, claimOf("PNG"))).rejects.toThrow(message);
    await expect(own.sign(image, claimOf("PNG"))).rejects.toThrow(message);
  });

  test("is stopped with the signer, even in the middle of an image", async () => {
    const own = await signerThatRuns("for (;;);");
    const signed = own.sign(image, claimOf("PNG"));
    const failed = expect(signed).rejects.toThrow();

    await own.close();
    await failed;
    await expect(own.sign(image, claimOf("PNG"))).rejects.toThrow("closed");
  });
});
