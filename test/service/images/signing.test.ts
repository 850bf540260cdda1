import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, beforeAll, expect, test } from "@jest/globals";
import { pino } from "pino";
import { C2paImageSigner } from "../../../src/adapters/c2pa/c2pa-image-signer.ts";
import { readCredentials } from "../../../src/adapters/c2pa/credentials.ts";
import { DiskObjectStore } from "../../../src/adapters/disk/disk-object-store.ts";
import { Signing } from "../../../src/service/images/signing.ts";
import { makeCertificate, type TestCertificate } from "../../support/c2pa/certificates.ts";
import { verify } from "../../support/c2pa/verify.ts";
import { once, plainImage } from "../../support/gateways/scripted-provider.ts";
import { temporaryDirectories } from "../../support/temporary-directory.ts";

const CLAIM = { digitalSourceType: "trainedAlgorithmicMedia", action: "resized", ingredients: [] } as const;
const DAY_MS = 24 * 60 * 60 * 1000;

const newDirectory = temporaryDirectories();
const open: { close(): Promise<void> }[] = [];
let certificate: TestCertificate;
let image: Buffer;

beforeAll(async () => {
  certificate = await makeCertificate(await newDirectory());
  image = await plainImage(64, 64, 0, "png");
});
afterEach(() => Promise.all(open.splice(0).map((opened) => opened.close())));

interface Options {
  /** The program that the signer's thread runs. */
  readonly program?: string;
  readonly deadlineMs?: number;
  readonly now?: () => Date;
}

async function startSigning({ program, now = () => new Date(), ...options }: Options = {}) {
  const directory = await newDirectory();
  const path = join(directory, "program.mjs");
  if (program !== undefined) await writeFile(path, program);
  const { expiresAt, ...credentials } = await readCredentials(certificate.files, new Date());
  const generator = { name: "Pictograph", version: "1.2.3" };
  const signer = new C2paImageSigner({
    identity: { ...credentials, generator },
    expiresAt,
    ...options,
    ...(program !== undefined && { program: pathToFileURL(path) }),
  });
  const objects = await DiskObjectStore.open(join(directory, "images"));
  open.push(signer, objects);
  const log: string[] = [];
  const counted: string[] = [];
  const metrics = { imageSigned: (outcome: string) => void counted.push(outcome) };
  const logger = pino({ level: "warn" }, { write: (line: string) => void log.push(JSON.parse(line).msg) });
  return { signing: new Signing({ signer, objects, metrics, logger, now }), objects, log, counted, expiresAt };
}

async function pass(
  signing: Signing,
  encoded: AsyncIterable<Uint8Array>,
  claim: Parameters<Signing["sign"]>[1] = CLAIM,
) {
  const passing = signing.sign(encoded, claim, "generation");
  const bytes = Buffer.concat(await Array.fromAsync(passing.bytes));
  return { bytes, isSigned: passing.isSigned };
}

test.each([
  ["crashes", { program: "process.exit(1)" }],
  ["hangs", { program: "for (;;);", deadlineMs: 300 }],
])("a signer that %s loses no image: the image is stored unsigned, and the log says so", async (_how, options) => {
  const { signing, log, counted } = await startSigning(options);
  const passed = await Promise.all(Array.from({ length: 6 }, () => pass(signing, once(image))));

  for (const { bytes, isSigned } of passed)
    expect({ isSigned, same: bytes.equals(image) }).toEqual({ isSigned: false, same: true });
  expect(log).toEqual(Array(6).fill("an image could not be signed; it is delivered with XMP alone"));
  expect(counted).toEqual(Array(6).fill("FAILED"));
});

test("after the certificate has expired, an image is stored unsigned; the log warns before", async () => {
  let now = new Date();
  const { signing, log, expiresAt } = await startSigning({ now: () => now });
  expect((await pass(signing, once(image))).isSigned).toBe(true);
  expect(log).toEqual([]);

  now = new Date(expiresAt.getTime() - 29 * DAY_MS);
  expect((await pass(signing, once(image))).isSigned).toBe(true);
  expect((await pass(signing, once(image))).isSigned).toBe(true);
  expect(log).toEqual(["the certificate that signs images expires soon; renew PICTOGRAPH_C2PA_CERTIFICATE"]);

  now = expiresAt;
  const { bytes, isSigned } = await pass(signing, once(image));
  expect({ isSigned, same: bytes.equals(image) }).toEqual({ isSigned: false, same: true });
});

test("an encoder's error is passed on and frees its place", async () => {
  const { signing } = await startSigning();
  const failing = async function* () {
    yield image.subarray(0, 10);
    throw new Error("the encoder failed");
  };
  for (let time = 0; time < 6; time++) await expect(pass(signing, failing())).rejects.toThrow("the encoder failed");

  expect((await pass(signing, once(image))).isSigned).toBe(true);
});

test("a reader that leaves frees its place", async () => {
  const { signing } = await startSigning();
  for (let time = 0; time < 6; time++) for await (const _ of signing.sign(once(image), CLAIM, "view").bytes) break;

  expect((await pass(signing, once(image))).isSigned).toBe(true);
});

test("an image too large to sign is stored complete and unsigned", async () => {
  const { signing } = await startSigning();
  const piece = Buffer.alloc(8 * 1024 * 1024);
  const large = async function* () {
    yield image;
    for (let count = 0; count < 9; count++) yield piece;
  };
  const { bytes, isSigned } = await pass(signing, large());

  expect({ isSigned, byteSize: bytes.length }).toEqual({ isSigned: false, byteSize: image.length + 9 * piece.length });
});

test("a missing ingredient is omitted, and the log says so", async () => {
  const { signing, objects, log } = await startSigning();
  await objects.put("gen_1/parent", once(image));
  const parent = { key: "gen_1/parent", format: "PNG", relationship: "parentOf" } as const;
  const gone = { key: "gen_1/gone", format: "PNG", relationship: "inputTo" } as const;
  const claim = { ...CLAIM, action: "edited", ingredients: [parent, gone] } as const;
  const { bytes } = await pass(signing, once(image), claim);

  const { state, manifest } = await verify(bytes, "PNG", certificate.root);
  expect(state).toBe("Trusted");
  expect(manifest.ingredients).toHaveLength(1);
  expect(log).toEqual(["an image was signed without the credentials of all the images it was made from"]);
});
