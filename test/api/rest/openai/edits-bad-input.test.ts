import { once } from "node:events";
import { createServer, type IncomingMessage, request, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { json } from "node:stream/consumers";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import {
  ANY_SIZE_EDITOR,
  ANY_SIZE_MODEL,
  type ScriptedGateway,
  startScriptedGateway,
} from "../../../support/gateways/scripted-gateway.ts";
import { plainImage } from "../../../support/gateways/scripted-provider.ts";
import { leftHalfMask, SVG_WITH_SCRIPT, zipBomb } from "../../../support/images/source-images.ts";
import { storedFiles } from "../../../support/stores/stored-files.ts";
import { WRONG_PARAMETERS, WRONG_TYPES, type WrongParameter } from "./wrong-parameters.ts";

const INVALID = "invalid_value";
const TYPE = "invalid_type";
const MISSING = "missing_required_parameter";
const UNSUPPORTED = "unsupported_parameter";
const WRONG_FILE = "unsupported_file_mimetype";

let gateway: ScriptedGateway;
/** A server on this machine, under an allowed host name. */
let inside: Server;
let requestsInside = 0;
let picture: Buffer;
/** Two stored images of different sizes. */
let ours: string;
let other: string;
let left: string[];

beforeAll(async () => {
  inside = createServer((_incoming, outgoing) => {
    requestsInside++;
    outgoing.end(picture);
  }).listen(0, "localhost");
  await once(inside, "listening");
  const downloadHosts = [`http://localhost:${(inside.address() as AddressInfo).port}`];
  gateway = await startScriptedGateway({ downloadHosts }, [ANY_SIZE_EDITOR, ANY_SIZE_MODEL]);
  picture = await plainImage(96, 64, 1, "png");
  [ours, other] = [await generate("96x64"), await generate("64x96")];
  gateway.provider.requests.length = 0;
  left = await leftovers();
});

afterAll(async () => {
  inside.close();
  await gateway.close();
});

/** Checks that nothing was submitted and nothing is left. */
afterEach(async () => {
  expect(gateway.provider.requests).toEqual([]);
  expect(await leftovers()).toEqual(left);
});

async function generate(size: string): Promise<string> {
  const query = `mutation { generateImages(input: { prompt: "a fox", size: "${size}" }) { images { id } } }`;
  return (await gateway.graphql(query)).body.data.generateImages.images[0].id;
}

async function leftovers(): Promise<string[]> {
  const { body } = await gateway.graphql("{ generations { edges { node { id } } } }");
  const ids = body.data.generations.edges.map(({ node }: { node: { id: string } }) => node.id);
  return [...ids, ...(await storedFiles(gateway.dataDir)).sort()];
}

async function answerTo(init: RequestInit) {
  const response = await fetch(`${gateway.url}/v1/images/edits`, { method: "POST", ...init });
  const { error } = (await response.json()) as { readonly error: Readonly<Record<string, unknown>> };
  return { status: response.status, ...error };
}

function editAsJson(body: object) {
  const headers = { "Content-Type": "application/json" };
  return answerTo({ headers, body: JSON.stringify({ prompt: "a hat", images: [{ file_id: ours }], ...body }) });
}

function editAsForm(fields: object, files: Readonly<Record<string, readonly Blob[]>> = { image: [fileOf(picture)] }) {
  const form = new FormData();
  for (const [name, value] of Object.entries({ prompt: "a hat", ...fields })) {
    if (value !== undefined) form.append(name, String(value));
  }
  for (const [name, blobs] of Object.entries(files)) for (const blob of blobs) form.append(name, blob);
  return answerTo({ body: form });
}

function fileOf(bytes: Uint8Array, type = "image/png"): Blob {
  return new Blob([new Uint8Array(bytes)], { type });
}

function refusal(code: string, param: string, status = 400): object {
  return { status, type: "invalid_request_error", code, param, message: expect.any(String) };
}

describe("a parameter", () => {
  test.each<WrongParameter>([
    ...WRONG_PARAMETERS,
    [{ model: "any-size-1" }, INVALID, "model"],
    [{ input_fidelity: "max" }, INVALID, "input_fidelity"],
    [{ style: "vivid" }, "unknown_parameter", "style"],
  ])("with a wrong value is refused in JSON and in a form: %j", async (change, code, param) => {
    expect(await editAsJson(change)).toEqual(refusal(code, param));
    expect(await editAsForm(change)).toEqual(refusal(code, param));
  });

  test.each(WRONG_TYPES)("of the wrong type is refused in JSON: %j", async (change, code, param) => {
    expect(await editAsJson(change)).toEqual(refusal(code, param));
  });

  test.each([
    ["that is text", "prompt", TYPE],
    ["that no model here has", "markup", UNSUPPORTED],
    ["that is unknown", "photo", "unknown_parameter"],
  ])("%s is refused as a file", async (_what, name, code) => {
    const files = { image: [fileOf(picture)], [name]: [fileOf(picture)] };

    expect(await editAsForm({}, files)).toEqual(refusal(code, name));
  });
});

describe("a form is refused before it has arrived", () => {
  test.each<[string, Readonly<Record<string, string>>, number]>([
    ["for a field that is unknown", { sketch: "x" }, 400],
    ["for fields of more than 1 MiB together", { prompt: "x".repeat(600_000), user: "x".repeat(600_000) }, 413],
  ])("%s", async (_what, fields, status) => {
    const headers = { "Content-Type": "multipart/form-data; boundary=b" };
    const sending = request(`${gateway.url}/v1/images/edits`, { method: "POST", headers });
    sending.on("error", () => {});
    for (const [name, text] of Object.entries(fields)) {
      sending.write(`--b\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${text}\r\n`);
    }
    sending.write("--b\r\n");
    const [answer] = (await once(sending, "response")) as [IncomingMessage];

    expect(answer.statusCode).toBe(status);
    expect(await json(answer)).toMatchObject({ error: { type: "invalid_request_error" } });
    sending.destroy();
  });
});

describe("an image in JSON is refused if it", () => {
  const urlOf = (url: string) => ({ images: [{ image_url: url }] });
  const inUrl = (type: string, bytes: Buffer) => `data:${type};base64,${bytes.toString("base64")}`;
  const insideUrl = () => `http://localhost:${(inside.address() as AddressInfo).port}/fox.png`;

  test.each<[string, () => object, number, string, string]>([
    ["is only a mask", () => ({ images: undefined, mask: { file_id: ours } }), 400, MISSING, "images"],
    ["comes with a string as its mask", () => ({ mask: ours }), 400, TYPE, "mask"],
    ["comes with an unknown mask", () => ({ mask: { file_id: "img_1" } }), 404, "not_found", "mask"],
    ["has another size than its mask", () => ({ mask: { file_id: other } }), 400, INVALID, "mask"],
    ["has a mask that hides nothing", () => ({ mask: { file_id: ours } }), 400, INVALID, "mask"],
    ["is at a private address", () => urlOf("https://169.254.169.254/latest/meta-data"), 400, INVALID, "images"],
    ["is at a name of this machine", () => urlOf(insideUrl()), 400, INVALID, "images"],
    ["is at a host that is not allowed", () => urlOf("https://elsewhere.example/fox.png"), 400, INVALID, "images"],
    ["is a file of the machine", () => urlOf("file:///etc/passwd"), 400, INVALID, "images"],
    ["is a data: URI without an image", () => urlOf("data:image/png;base64,AAAA"), 400, WRONG_FILE, "images"],
    [
      "is a data: URI of another type than it says",
      () => urlOf(inUrl("image/jpeg", picture)),
      400,
      WRONG_FILE,
      "images",
    ],
    ["is a zip bomb in a data: URI", () => urlOf(inUrl("image/png", zipBomb())), 400, INVALID, "images"],
    ["is a data: URI that is not Base64", () => urlOf("data:image/png;base64,?"), 400, INVALID, "images[0]"],
    ["is a data: URI of text", () => urlOf("data:,hello"), 400, INVALID, "images[0]"],
    [
      "is at a changed URL of the gateway",
      () => urlOf(`${gateway.url}/images/${ours}.png?expires=9&signature=x`),
      403,
      "forbidden",
      "images",
    ],
  ])("%s", async (_what, body, status, code, param) => {
    expect(await editAsJson(body())).toEqual(refusal(code, param, status));
    expect(requestsInside).toBe(0);
  });
});

describe("a file is refused if it", () => {
  test.each<[string, () => Promise<Blob> | Blob, string]>([
    ["is a zip bomb", () => fileOf(zipBomb()), INVALID],
    ["is an SVG with a script", () => fileOf(SVG_WITH_SCRIPT, "image/svg+xml"), WRONG_FILE],
    ["says it is a PNG and is none", () => fileOf(SVG_WITH_SCRIPT), WRONG_FILE],
    ["is a PNG and says it is a JPEG", () => fileOf(picture, "image/jpeg"), WRONG_FILE],
    ["is empty", () => fileOf(Buffer.alloc(0)), WRONG_FILE],
    ["ends early", () => fileOf(picture.subarray(0, picture.length / 2)), INVALID],
  ])("%s, as an image and as a mask", async (_what, file, code) => {
    const bad = await file();

    expect(await editAsForm({}, { image: [fileOf(picture), bad] })).toEqual(refusal(code, "image"));
    expect(await editAsForm({}, { image: [fileOf(picture)], mask: [bad] })).toEqual(refusal(code, "mask"));
  });

  test("is a mask of another size than the image", async () => {
    const files = { image: [fileOf(picture)], mask: [fileOf(await leftHalfMask(64, 96))] };

    expect(await editAsForm({}, files)).toEqual(refusal(INVALID, "mask"));
  });
});
