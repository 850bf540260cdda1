import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { IMAGE_FORMATS, type ImageFormat } from "../../../../src/ports/image-provider.ts";
import { ContentCredentialsSearch } from "../../../../src/service/images/content-credentials.ts";
import { httpRequest } from "../../../support/clients/http-request.ts";
import { type RunningGateway, startGateway } from "../../../support/gateways/gateway.ts";
import {
  ANY_SIZE_EDITOR,
  type ScriptedGateway,
  startScriptedGateway,
} from "../../../support/gateways/scripted-gateway.ts";
import { once, plainImage } from "../../../support/gateways/scripted-provider.ts";
import { intoPng, MANIFEST_STORE, pngChunk } from "../../../support/images/content-credentials.ts";
import { readTags } from "../../../support/images/exiftool.ts";

const VOCABULARY = "http://cv.iptc.org/newscodes/digitalsourcetype/";
const SIDE = 96;

const DRAW = `mutation ($format: ImageFormat, $size: ImageSize) {
  generateImages(input: { prompt: "x", size: $size, format: $format }) {
    failure { message }
    images {
      url  original: url(original: true)  format  sha256
      PNG: url(width: 48, format: PNG)  JPEG: url(width: 48, format: JPEG)
      WEBP: url(width: 48, format: WEBP)  AVIF: url(width: 48, format: AVIF)
      provenance { digitalSourceType hasContentCredentials isOriginal }
    }
  }
}`;

let gateway: ScriptedGateway;
let illustrator: RunningGateway;
/** The bytes that the model sends, whatever is requested. */
let sent: Buffer;

beforeAll(async () => {
  illustrator = await startGateway();
  gateway = await startScriptedGateway({}, [ANY_SIZE_EDITOR]);
  gateway.provider.script = async function* send() {
    yield { type: "image", index: 0, bytes: once(sent) };
  };
  sent = intoPng(await plainImage(SIDE, SIDE, 0, "png"), pngChunk("caBX", MANIFEST_STORE));
});

afterAll(() => Promise.all([gateway.close(), illustrator.close()]));

async function draw({ graphql }: Pick<RunningGateway, "graphql">, format: ImageFormat = "PNG", side = SIDE) {
  const { body } = await graphql(DRAW, { format, size: `${side}x${side}` });
  expect(body.errors).toBeUndefined();
  return body.data.generateImages.images[0];
}

async function load(url: string): Promise<Buffer> {
  const { status, body } = await httpRequest(url);
  expect(status).toBe(200);
  return body;
}

async function expectMarked(bytes: Buffer, format: ImageFormat, concept: string): Promise<void> {
  const tags = await readTags(bytes, format.toLowerCase());

  expect(tags).toMatchObject({
    "File:MIMEType": `image/${format.toLowerCase()}`,
    "XMP-iptcExt:DigitalSourceType": VOCABULARY + concept,
  });
  expect(tags["ExifTool:Validate"]).toBe("0 0 0");
}

describe("the file that a model sends", () => {
  test("is delivered unchanged, with its content credentials, if it is what was requested", async () => {
    const image = await draw(gateway);

    expect(image.provenance).toEqual({
      digitalSourceType: `${VOCABULARY}trainedAlgorithmicMedia`,
      hasContentCredentials: true,
      isOriginal: true,
    });
    expect((await load(image.url)).equals(sent)).toBe(true);
    expect(image.original.split("?")[0]).toBe(image.url.split("?")[0]);
  });

  test("can be downloaded unchanged if the request was for another format or size", async () => {
    const image = await draw(gateway, "WEBP", 64);
    const answer = await httpRequest(image.original);

    expect(image.provenance).toMatchObject({ hasContentCredentials: true, isOriginal: false });
    expect(answer.body.equals(sent)).toBe(true);
    expect(answer.headers["content-type"]).toBe("image/png");
    expect(answer.headers.etag).not.toBe((await httpRequest(image.url)).headers.etag);
    expect((await httpRequest(image.original.replace("/original.", "/48x-cover."))).status).toBe(403);
    const part = await httpRequest(image.original, { headers: { Range: "bytes=33-60" } });
    expect(part.body.equals(sent.subarray(33, 61))).toBe(true);
  });

  test("is reported as lacking credentials if it has none", async () => {
    const signed = sent;
    sent = await plainImage(SIDE, SIDE, 1, "png");
    try {
      const image = await draw(gateway);
      expect(image.provenance).toMatchObject({ hasContentCredentials: false, isOriginal: true });
      expect((await load(image.url)).equals(sent)).toBe(true);
    } finally {
      sent = signed;
    }
  });

  test.each([
    ["width", 10],
    ["height", 10],
    ["quality", 10],
    ["format", "PNG"],
  ])("cannot be requested with a %s", async (option, value) => {
    const image = await draw(gateway);
    const id = /img_[0-9a-z]{26}/.exec(image.url)?.[0];
    const { body } = await gateway.graphql(
      `query ($id: ID!) { image(id: $id) { url(original: true, ${option}: ${value}) } }`,
      { id },
    );

    expect(body.errors).toMatchObject([
      {
        message: `the original is delivered unchanged; leave ${option} out`,
        extensions: { code: "BAD_USER_INPUT", field: option },
      },
    ]);
  });
});

describe.each(IMAGE_FORMATS)("an image that is encoded as %s", (format) => {
  test("states in XMP that a model made it, in exactly the requested size", async () => {
    const image = await draw(gateway, format, 72);
    const bytes = await load(image.url);

    await expectMarked(bytes, format, "trainedAlgorithmicMedia");
    expect(image).toMatchObject({ format, provenance: { isOriginal: false } });
  });

  test("states the same as a derivative, and claims no credentials that it lost", async () => {
    const bytes = await load((await draw(gateway))[format]);

    await expectMarked(bytes, format, "trainedAlgorithmicMedia");
    const search = new ContentCredentialsSearch();
    search.write(bytes);
    expect(search.isFound).toBe(false);
  });

  test("has the statement where its format's readers look for it", async () => {
    const text = (await load((await draw(gateway))[format])).toString("latin1");

    expect(text.split("<x:xmpmeta")).toHaveLength(2);
    const [before = ""] = text.split("<?xpacket");
    const places: Record<ImageFormat, readonly string[]> = {
      PNG: ["\x89PNG\r\n\x1a\n", "IHDR", "iTXtXML:com.adobe.xmp\0\0\0\0\0"],
      JPEG: ["\xff\xd8", "\xff\xe1", "http://ns.adobe.com/xap/1.0/\0"],
      WEBP: ["RIFF", "WEBPVP8X", "XMP "],
      AVIF: ["ftypavif", "mime", "application/rdf+xml\0"],
    };
    const found = places[format].map((place) => before.indexOf(place));
    expect(found).toEqual([...found].sort((a, b) => a - b));
    expect(found).not.toContain(-1);
    if (format === "PNG") expect(before).not.toContain("IDAT");
  });

  test("states of an illustrator's image that an algorithm drew it", async () => {
    const image = await draw(illustrator);

    await expectMarked(await load(image[format]), format, "algorithmicMedia");
  });
});

test("unconverted images of the illustrator state that an algorithm drew them", async () => {
  const image = await draw(illustrator);

  await expectMarked(await load(image.url), "PNG", "algorithmicMedia");
  expect(image.provenance).toEqual({
    digitalSourceType: `${VOCABULARY}algorithmicMedia`,
    hasContentCredentials: false,
    isOriginal: true,
  });
});

test.each([
  ["a model", () => gateway, "compositeWithTrainedAlgorithmicMedia"],
  ["the illustrator", () => illustrator, "compositeSynthetic"],
])("an image edited by %s states that it is a composite", async (_who, changer, concept) => {
  const { graphql } = changer();
  const url = (await draw(changer())).url;
  const id = /img_[0-9a-z]{26}/.exec(url)?.[0];
  const { body } = await graphql(
    `mutation ($id: ID!) {
      editImages(input: { prompt: "at night", images: [{ id: $id }] }) {
        failure { message }
        images { url derivative: url(width: 20, format: JPEG) provenance { digitalSourceType } }
      }
    }`,
    { id },
  );
  expect(body.errors).toBeUndefined();
  const [image] = body.data.editImages.images;

  expect(image.provenance.digitalSourceType).toBe(VOCABULARY + concept);
  await expectMarked(await load(image.derivative), "JPEG", concept);
});
