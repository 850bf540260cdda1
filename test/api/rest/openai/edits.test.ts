import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import type OpenAI from "openai";
import { toFile } from "openai";
import sharp from "sharp";
import type { ProviderEvent } from "../../../../src/ports/image-provider.ts";
import { bytesOf, OPENAI_CLIENTS } from "../../../support/clients/openai-clients.ts";
import {
  ANY_SIZE_MODEL,
  type ScriptedGateway,
  startScriptedGateway,
} from "../../../support/gateways/scripted-gateway.ts";
import { makeImages, plainImage } from "../../../support/gateways/scripted-provider.ts";
import { storedFiles } from "../../../support/stores/stored-files.ts";
import { unlinkedFiles } from "../../../support/stores/unlinked-files.ts";

const EDITS = {
  maxInputImages: 16,
  maxInputBytes: 49_999_999,
  inputFormats: ["PNG", "JPEG", "WEBP"],
  hasMask: true,
} as const;
const MODEL = { ...ANY_SIZE_MODEL, operations: ["GENERATE", "EDIT"], edits: EDITS } as const;

let gateway: ScriptedGateway;
let picture: Buffer;
let mask: Buffer;
/** The bytes of each image and of the mask, as the provider received them. */
const given: Buffer[][] = [];

beforeAll(async () => {
  gateway = await startScriptedGateway({}, [MODEL]);
  picture = await plainImage(96, 64, 1, "png");
  mask = await sharp({ create: { width: 96, height: 64, channels: 4, background: "#0000" } })
    .png()
    .toBuffer();
});
afterAll(() => gateway.close());
beforeEach(() => {
  given.length = 0;
  gateway.provider.requests.length = 0;
  gateway.provider.script = async function* reading(request): AsyncIterable<ProviderEvent> {
    const sources = [...(request.edit?.images ?? []), ...(request.edit?.mask ? [request.edit.mask] : [])];
    given.push(await Promise.all(sources.map(async (source) => Buffer.concat(await Array.fromAsync(source.read())))));
    yield* makeImages(request);
  };
});

async function uploadsLeft(): Promise<string[]> {
  return (await unlinkedFiles()).filter((path) => path.includes("/pictograph-upload-"));
}

describe.each(OPENAI_CLIENTS)("%s", (_name, clientOf) => {
  let client: OpenAI;

  beforeAll(() => {
    client = clientOf(gateway.url);
  });

  test("edits an image, in its size, with every parameter", async () => {
    const image = await toFile(picture, "fox.png", { type: "image/png" });
    const { data: answer, response } = await client.images
      .edit({
        image,
        prompt: "a hat on it",
        n: 2,
        quality: "low",
        output_format: "jpeg",
        input_fidelity: "high",
        user: "u",
      })
      .withResponse();

    expect(answer).toMatchObject({ size: "96x64", quality: "low", output_format: "jpeg", safety_identifier: "u" });
    expect(await sharp(bytesOf(answer.data?.[1])).metadata()).toMatchObject({ format: "jpeg", width: 96, height: 64 });
    expect(response.headers.get("Warning")).toContain("input_fidelity");
    expect(given).toEqual([[picture]]);
    expect(await uploadsLeft()).toEqual([]);
  });

  test("edits several images with a mask", async () => {
    const second = await plainImage(70, 70, 3, "webp");
    const image = [await toFile(picture, "1.png"), await toFile(second, "2.webp", { type: "image/webp" })];
    const { data } = await client.images.edit({
      image,
      mask: await toFile(mask, "mask.png"),
      prompt: "both",
      size: "64x64",
    });

    expect(await sharp(bytesOf(data?.[0])).metadata()).toMatchObject({ width: 64, height: 64 });
    expect(given).toEqual([[picture, second, mask]]);
  });

  test("streams an edit", async () => {
    const image = await toFile(picture, "fox.png");
    const stream = await client.images.edit({ image, prompt: "a hat, streamed", stream: true });
    const events: OpenAI.Images.ImageEditStreamEvent[] = [];
    for await (const event of stream) events.push(event);

    expect(events).toMatchObject([{ type: "image_edit.completed", size: "96x64", output_format: "png" }]);
    expect((await sharp(bytesOf(events[0])).metadata()).format).toBe("png");
  });

  test("throws its own error for a mask of another size than the image", async () => {
    const image = await toFile(await plainImage(64, 64, 1, "png"), "fox.png");
    const wrong = client.images.edit({ image, mask: await toFile(mask, "mask.png"), prompt: "a hat" });

    await expect(wrong).rejects.toMatchObject({ status: 400, param: "mask", code: "invalid_value" });
  });
});

describe("a file in a form", () => {
  test.each([
    ["without a type", ""],
    ["of a type that says nothing", "Content-Type: application/octet-stream\r\n"],
    ["of the type that libraries make up", "Content-Type: text/plain\r\n"],
  ])("%s is recognized by its bytes", async (_name, type) => {
    const head = (name: string, more = "") => `--b\r\nContent-Disposition: form-data; name="${name}"${more}\r\n`;
    const text = `${head("prompt")}\r\na hat\r\n${head("size")}\r\n64x64\r\n`;
    const file = `${head("image", '; filename="fox"')}${type}\r\n`;
    const response = await fetch(`${gateway.url}/v1/images/edits`, {
      method: "POST",
      headers: { "Content-Type": "multipart/form-data; boundary=b" },
      body: Buffer.concat([Buffer.from(text + file), picture, Buffer.from("\r\n--b--\r\n")]),
    });

    expect(response.status).toBe(200);
    expect(given).toEqual([[picture]]);
  });
});

describe("an edit in JSON", () => {
  test("may name stored images, and is an edit in GraphQL", async () => {
    const query = `mutation { generateImages(input: { prompt: "a fox", size: "80x64" }) { images { id } } }`;
    const { body } = await gateway.graphql(query);
    const [{ id }] = body.data.generateImages.images;
    const { status, answer } = await editAsJson({ prompt: "a hat", images: [{ file_id: id }] });

    expect({ status, size: answer.size }).toEqual({ status: 200, size: "80x64" });
    const history = await gateway.graphql(`{ generations(first: 1) { edges { node { prompt status } } } }`);
    expect(history.body.data.generations.edges).toEqual([{ node: { prompt: "a hat", status: "SUCCEEDED" } }]);
  });

  test("accepts the gateway's own URLs, but no address in a private network", async () => {
    const query = `mutation { generateImages(input: { prompt: "a fox", size: "72x64" }) { images { url } } }`;
    const { body } = await gateway.graphql(query);
    const [{ url }] = body.data.generateImages.images;
    const { status, answer } = await editAsJson({ prompt: "a hat", images: [{ image_url: url }], mask: null });
    const refused = await editAsJson({ prompt: "a hat", images: [{ image_url: "https://127.0.0.1/fox.png" }] });

    expect({ status, size: answer.size }).toEqual({ status: 200, size: "72x64" });
    expect({ status: refused.status, param: refused.answer.error.param }).toEqual({ status: 400, param: "images" });
  });

  test("accepts a small image in a data: URI", async () => {
    const url = `data:image/png;base64,${picture.toString("base64")}`;
    const { status, answer } = await editAsJson({ prompt: "a hat", images: [{ image_url: url }] });

    expect({ status, size: answer.size }).toEqual({ status: 200, size: "96x64" });
    expect(given).toEqual([[picture]]);
  });

  test.each([
    ["no images", {}, 400, "missing_required_parameter", "images"],
    ["an empty list", { images: [] }, 400, "missing_required_parameter", "images"],
    ["a text for a list", { images: "img_1" }, 400, "invalid_type", "images"],
    ["a text for an image", { images: ["img_1"] }, 400, "invalid_type", "images[0]"],
    ["an image and more", { images: [{ file_id: "img_1", detail: "high" }] }, 400, "invalid_type", "images[0]"],
    ["17 images", { images: Array(17).fill({ file_id: "img_1" }) }, 400, "array_above_max_length", "images"],
    ["a stranger's image", { images: [{ file_id: "img_1" }] }, 404, "not_found", "images"],
    ["a file where there is none", { images: [{ file_id: "img_1" }], image: "x" }, 400, "unknown_parameter", "image"],
  ])("with %s is refused as OpenAI does", async (_what, body, status, code, param) => {
    const refused = await editAsJson({ prompt: "a hat", ...body });

    expect({ status: refused.status, ...refused.answer.error }).toMatchObject({ status, code, param });
    expect(gateway.provider.requests).toEqual([]);
  });
});

describe("an edit in a form", () => {
  const file = (bytes: Buffer, type = "image/png") => new Blob([bytes], { type });

  test.each<[string, (form: FormData) => void, number, string, string]>([
    ["without an image", () => {}, 400, "missing_required_parameter", "image"],
    ["with a mask alone", (form) => form.append("mask", file(mask)), 400, "missing_required_parameter", "image"],
    ["with a text for an image", (form) => form.append("image", "fox.png"), 400, "invalid_type", "image"],
    ["with a file of another name", (form) => form.append("photo", file(picture)), 400, "unknown_parameter", "photo"],
    [
      "with an unknown field",
      (form) => {
        form.append("image", file(picture));
        form.append("wings", "2");
      },
      400,
      "unknown_parameter",
      "wings",
    ],
    ["with two prompts", (form) => form.append("prompt", "b"), 400, "invalid_value", "prompt"],
    [
      "with two masks",
      (form) => {
        for (const name of ["image", "mask", "mask"]) form.append(name, file(picture));
      },
      400,
      "invalid_value",
      "mask",
    ],
    [
      "with 17 images",
      (form) => Array.from({ length: 17 }, () => form.append("image[]", file(picture))),
      400,
      "array_above_max_length",
      "image",
    ],
    [
      "with an SVG",
      (form) => form.append("image", file(Buffer.from("<svg xmlns='http://www.w3.org/2000/svg'/>"), "image/svg+xml")),
      400,
      "unsupported_file_mimetype",
      "image",
    ],
    [
      "with a file that lies about its type",
      (form) => form.append("image", file(picture, "image/jpeg")),
      400,
      "unsupported_file_mimetype",
      "image",
    ],
    [
      "with half an image",
      (form) => form.append("image", file(picture.subarray(0, picture.length / 2))),
      400,
      "invalid_value",
      "image",
    ],
    [
      "with an invalid number",
      (form) => {
        form.append("image", file(picture));
        form.append("n", "two");
      },
      400,
      "invalid_type",
      "n",
    ],
  ])("%s is refused as OpenAI does, and nothing is left", async (_what, change, status, code, param) => {
    const stored = await storedFiles(gateway.dataDir);
    const form = new FormData();
    form.append("prompt", "a hat");
    change(form);
    const response = await fetch(`${gateway.url}/v1/images/edits`, { method: "POST", body: form });
    const { error } = (await response.json()) as { error: object };

    expect({ status: response.status, ...error }).toMatchObject({ status, code, param });
    expect(gateway.provider.requests).toEqual([]);
    expect(await uploadsLeft()).toEqual([]);
    expect(await storedFiles(gateway.dataDir)).toEqual(stored);
  });

  test("with a file of 60 MB is refused before the file has arrived, and leaves nothing", async () => {
    const form = new FormData();
    form.append("prompt", "a hat");
    form.append("image", new Blob([picture, Buffer.alloc(60_000_000)], { type: "image/png" }));
    const response = await fetch(`${gateway.url}/v1/images/edits`, { method: "POST", body: form });

    expect(response.status).toBe(413);
    expect(await response.json()).toMatchObject({ error: { code: "payload_too_large", param: "image" } });
    expect(await uploadsLeft()).toEqual([]);
  });

  test("that is cut short is refused", async () => {
    const response = await fetch(`${gateway.url}/v1/images/edits`, {
      method: "POST",
      headers: { "Content-Type": "multipart/form-data; boundary=x" },
      body: '--x\r\nContent-Disposition: form-data; name="prompt"\r\n\r\na ha',
    });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ error: { type: "invalid_request_error", param: "body" } });
  });
});

async function editAsJson(body: object) {
  const response = await fetch(`${gateway.url}/v1/images/edits`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  // biome-ignore lint/suspicious/noExplicitAny: a test reads whatever it asked for
  return { status: response.status, answer: (await response.json()) as any };
}
