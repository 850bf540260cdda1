import { createHash } from "node:crypto";
import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { createGateway } from "../../../../src/gateway.ts";
import { IMAGE_FORMATS, type ImageFormat } from "../../../../src/ports/image-provider.ts";
import { makeCertificate, type TestCertificate } from "../../../support/c2pa/certificates.ts";
import { verify } from "../../../support/c2pa/verify.ts";
import { httpRequest } from "../../../support/clients/http-request.ts";
import { type RunningGateway, startGateway } from "../../../support/gateways/gateway.ts";
import {
  ANY_SIZE_EDITOR,
  type ScriptedGateway,
  startScriptedGateway,
} from "../../../support/gateways/scripted-gateway.ts";
import { once, plainImage } from "../../../support/gateways/scripted-provider.ts";
import { readTags } from "../../../support/images/exiftool.ts";
import { temporaryDirectories } from "../../../support/temporary-directory.ts";

const SOURCE_TYPES = "http://cv.iptc.org/newscodes/digitalsourcetype/";
const SIDE = 96;
const FIELDS = `failure { message } images {
  id  url  original: url(original: true)  sha256
  PNG: url(width: 48, format: PNG)  JPEG: url(width: 48, format: JPEG)
  WEBP: url(width: 48, format: WEBP)  AVIF: url(width: 48, format: AVIF)
  provenance { isSigned isOriginal hasContentCredentials }
}`;
const DRAW = `mutation ($format: ImageFormat, $size: ImageSize) {
  made: generateImages(input: { prompt: "x", size: $size, format: $format }) { ${FIELDS} }
}`;
const EDIT = `mutation ($images: [ImageReferenceInput!]!, $size: ImageSize) {
  made: editImages(input: { prompt: "at night", images: $images, size: $size }) { ${FIELDS} }
}`;

const newDirectory = temporaryDirectories();
let certificate: TestCertificate;
let gateway: ScriptedGateway;
let illustrator: RunningGateway;
/** The bytes that the model sends, whatever is requested. */
let sent: Buffer;

beforeAll(async () => {
  certificate = await makeCertificate(await newDirectory());
  illustrator = await startGateway({ c2pa: certificate.files });
  gateway = await startScriptedGateway({ c2pa: certificate.files }, [ANY_SIZE_EDITOR]);
  gateway.provider.script = async function* send() {
    yield { type: "image", index: 0, bytes: once(sent) };
  };
  sent = await plainImage(SIDE, SIDE, 0, "png");
});
afterAll(() => Promise.all([gateway.close(), illustrator.close()]));

async function make({ graphql }: Pick<RunningGateway, "graphql">, operation: string, variables: object) {
  const { body } = await graphql(operation, variables);
  expect(body.errors).toBeUndefined();
  expect(body.data.made.failure).toBeNull();
  return body.data.made.images[0];
}

const draw = (by: Pick<RunningGateway, "graphql">, format: ImageFormat = "PNG", side = SIDE) =>
  make(by, DRAW, { format, size: `${side}x${side}` });

async function load(url: string): Promise<Buffer> {
  const { status, body } = await httpRequest(url);
  expect(status).toBe(200);
  return body;
}

async function verdictOn(url: string, format: ImageFormat) {
  return verify(await load(url), format, certificate.root);
}

describe.each(IMAGE_FORMATS)("an image that is encoded as %s", (format) => {
  test("is signed in the requested size, and its sha256 is that of the signed file", async () => {
    const image = await draw(gateway, format, 72);
    const bytes = await load(image.url);
    const { state, manifest } = await verify(bytes, format, certificate.root);

    expect(image.provenance).toEqual({ isSigned: true, isOriginal: false, hasContentCredentials: false });
    expect(state).toBe("Trusted");
    expect(manifest.actions).toEqual([
      { action: "c2pa.created", digitalSourceType: `${SOURCE_TYPES}trainedAlgorithmicMedia` },
    ]);
    expect(createHash("sha256").update(bytes).digest("hex")).toBe(image.sha256);
    const tags = await readTags(bytes, format.toLowerCase());
    expect(tags["XMP-iptcExt:DigitalSourceType"]).toBe(`${SOURCE_TYPES}trainedAlgorithmicMedia`);
  });

  test("is signed as a derivative, whose parent is the signed image", async () => {
    const image = await draw(gateway, "PNG", 72);
    const { state, manifest, manifestCount } = await verdictOn(image[format], format);

    expect({ state, manifestCount }).toEqual({ state: "Trusted", manifestCount: 2 });
    expect(manifest.ingredients).toMatchObject([{ relationship: "parentOf" }]);
    expect(manifest.actions.map(({ action }) => action)).toEqual(["c2pa.opened", "c2pa.resized"]);
  });
});

describe("the file that a model sends", () => {
  test("stays unchanged, and its derivatives are signed", async () => {
    const image = await draw(gateway);

    expect(image.provenance).toEqual({ isSigned: false, isOriginal: true, hasContentCredentials: false });
    expect((await load(image.url)).equals(sent)).toBe(true);
    const { state, manifest } = await verdictOn(image.WEBP, "WEBP");
    expect({ state, ingredients: manifest.ingredients }).toEqual({ state: "Trusted", ingredients: [] });
  });

  test("is the parent of images made from it if it has credentials", async () => {
    const plain = sent;
    sent = await load((await draw(illustrator)).url);
    try {
      const fitted = await draw(gateway, "JPEG", 72);
      const untouched = await draw(gateway);

      expect((await load(fitted.original)).equals(sent)).toBe(true);
      expect((await load(untouched.url)).equals(sent)).toBe(true);
      expect(untouched.provenance).toEqual({ isSigned: false, isOriginal: true, hasContentCredentials: true });
      for (const url of [fitted.url, untouched.JPEG]) {
        const { state, manifest, manifestCount } = await verdictOn(url, "JPEG");
        expect({ state, manifestCount }).toEqual({ state: "Trusted", manifestCount: 2 });
        expect(manifest.ingredients).toMatchObject([{ relationship: "parentOf" }]);
      }
    } finally {
      sent = plain;
    }
  });
});

test("the illustrator's images are signed without other changes", async () => {
  const image = await draw(illustrator);
  const { state, manifest } = await verdictOn(image.url, "PNG");

  expect(image.provenance).toEqual({ isSigned: true, isOriginal: true, hasContentCredentials: true });
  expect(state).toBe("Trusted");
  expect(manifest.actions).toEqual([{ action: "c2pa.created", digitalSourceType: `${SOURCE_TYPES}algorithmicMedia` }]);
});

test.each([
  ["a model", () => gateway, "compositeWithTrainedAlgorithmicMedia"],
  ["the illustrator", () => illustrator, "compositeSynthetic"],
])("an edit of %s names the edited image as its parent, and the others as inputs", async (_who, editor, concept) => {
  const [edited, reference] = [await draw(editor(), "WEBP", 72), await draw(editor(), "JPEG", 64)];
  const images = [{ id: edited.id }, { id: reference.id }];
  const image = await make(editor(), EDIT, { images, size: "80x80" });
  const { state, manifest, manifestCount } = await verdictOn(image.url, "PNG");

  expect(image.provenance.isSigned).toBe(true);
  expect(state).toBe("Trusted");
  expect(manifestCount).toBeGreaterThanOrEqual(3);
  expect(manifest.ingredients.map(({ relationship }) => relationship)).toEqual(["parentOf", "inputTo"]);
  expect(manifest.ingredients.every(({ active_manifest }) => active_manifest !== undefined)).toBe(true);
  expect(manifest.actions).toMatchObject([
    { action: "c2pa.opened" },
    { action: "c2pa.edited", digitalSourceType: SOURCE_TYPES + concept },
  ]);
});

test("a derivative that is made again has another signature and therefore another ETag", async () => {
  const image = await draw(gateway, "PNG", 72);
  const etagOf = async () => (await httpRequest(image.JPEG)).headers.etag;
  const first = await etagOf();
  const again = await etagOf();
  const files = await readdir(gateway.dataDir, { recursive: true });
  const derivatives = files.filter((file) => file.includes(`${image.id}~`) && file.endsWith(".jpeg"));
  await Promise.all(derivatives.map((file) => rm(join(gateway.dataDir, file))));
  const remade = await etagOf();

  expect(derivatives).toHaveLength(1);
  expect(again).toBe(first);
  expect(remade).not.toBe(first);
});

test("nothing is signed without a certificate", async () => {
  const plain = await startGateway();
  try {
    const image = await draw(plain, "WEBP", 72);
    expect(image.provenance).toEqual({ isSigned: false, isOriginal: false, hasContentCredentials: false });
  } finally {
    await plain.close();
  }
});

describe("a gateway does not start with", () => {
  const startWith = async (c2pa: TestCertificate["files"]): Promise<string> => {
    const dataDir = await newDirectory();
    const started = createGateway({ c2pa, dataDir });
    return started.then(
      async (running) => {
        await running.close();
        return "it started";
      },
      (error: Error) => error.message,
    );
  };
  const fileWith = async (text: string): Promise<string> => {
    const path = join(await newDirectory(), "file.pem");
    await writeFile(path, text);
    return path;
  };

  test("the key of another certificate", async () => {
    const other = await makeCertificate(await newDirectory());
    expect(await startWith({ certificate: certificate.files.certificate, key: other.files.key })).toMatch(
      /^PICTOGRAPH_C2PA_KEY is not the key of the first certificate/,
    );
  });

  test("missing or unsuitable files, and names both", async () => {
    const problems = await startWith({ certificate: "/nowhere.pem", key: await fileWith("secret") });
    expect(problems.split("\n")).toEqual([
      "PICTOGRAPH_C2PA_CERTIFICATE must be the path of a PEM file; this file cannot be read (ENOENT)",
      "PICTOGRAPH_C2PA_KEY holds no private key that can be read; it must be a PEM file without a passphrase",
    ]);
  });

  test.each([
    ["expired", new Date("2025-01-01"), new Date("2025-12-31"), /that expired on Dec 31/],
    ["not valid yet", new Date("2096-01-01"), new Date("2096-12-31"), /that is valid only from Jan {2}1/],
  ])("a certificate that is %s", async (_how, notBefore, notAfter, message) => {
    const { files } = await makeCertificate(await newDirectory(), { notBefore, notAfter });
    expect(await startWith(files)).toMatch(message);
  });

  test("a certificate without its issuer, or with the wrong one", async () => {
    const { key } = certificate.files;
    const other = await makeCertificate(await newDirectory());
    const alone = await fileWith(certificate.own);
    const wrong = await fileWith(certificate.own + other.root);
    const turned = await fileWith(certificate.root + certificate.own);

    expect(await startWith({ certificate: alone, key })).toContain("comes without its issuer");
    expect(await startWith({ certificate: wrong, key })).toContain("was not issued by the next one");
    expect(await startWith({ certificate: turned, key })).toContain("the signer's must come first");
  });

  test("a certificate that is not meant for signing", async () => {
    const { files } = await makeCertificate(await newDirectory(), { usages: [] });
    expect(await startWith(files)).toMatch(/^PICTOGRAPH_C2PA_CERTIFICATE cannot sign images \(.*signingCredential/);
  });

  test("a broken PEM, and does not print it", async () => {
    const pem = await readFile(certificate.files.certificate, "utf8");
    const broken = await fileWith(pem.replace(/[A-Za-z0-9+/]{64}/, ""));
    const problems = await startWith({ ...certificate.files, certificate: broken });
    expect(problems).toBe("PICTOGRAPH_C2PA_CERTIFICATE holds something else than a certificate at place 1");
  });
});
