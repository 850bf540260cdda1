import { connect } from "node:net";
import { buffer } from "node:stream/consumers";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { GatewayError } from "../../../../src/errors.ts";
import type { GatewayOptions } from "../../../../src/gateway.ts";
import type { ProviderEvent } from "../../../../src/ports/image-provider.ts";
import { graphqlMultipart, type SentFile } from "../../../support/clients/graphql-multipart.ts";
import {
  ANY_SIZE_EDITOR,
  ANY_SIZE_MODEL,
  poll,
  type ScriptedGateway,
  startScriptedGateway,
} from "../../../support/gateways/scripted-gateway.ts";
import { makeImages, plainImage } from "../../../support/gateways/scripted-provider.ts";
import { jpegOf, leftHalfMask, SVG_WITH_SCRIPT, zipBomb } from "../../../support/images/source-images.ts";
import { storedKeys } from "../../../support/stores/stored-files.ts";
import { unlinkedFiles } from "../../../support/stores/unlinked-files.ts";

const EDIT = `mutation ($input: EditImagesInput!) {
  editImages(input: $input) {
    id status operation requestedSize n warnings { code } failure { code }
    images { id url width height derivedFrom { id generation { operation } } }
  }
}`;

let gateway: ScriptedGateway;
let picture: Buffer;
/** The images that the provider read. */
let received: Buffer[];

async function start(options: GatewayOptions = {}): Promise<void> {
  gateway = await startScriptedGateway(options, [ANY_SIZE_EDITOR, ANY_SIZE_MODEL]);
  received = [];
  gateway.provider.script = async function* (request) {
    const { images = [], mask } = request.edit ?? {};
    for (const image of mask ? [...images, mask] : images) received.push(await buffer(image.read()));
    yield* makeImages(request);
  };
}

beforeEach(async () => {
  await start();
  picture = await plainImage(96, 64, 3, "PNG");
});

afterEach(() => gateway.close());

/** Sends each file as an image, and the mask if there is one. */
async function upload(input: object, images: readonly Omit<SentFile, "path">[], mask?: Buffer, headers = {}) {
  const files = [
    ...images.map((file, index) => ({ ...file, path: `variables.input.images.${index}.upload` })),
    ...(mask ? [{ bytes: mask, path: "variables.input.mask.upload" }] : []),
  ];
  const variables = {
    input: {
      prompt: "a fox in it",
      images: images.map(() => ({ upload: null })),
      ...(mask && { mask: { upload: null } }),
      ...input,
    },
  };
  const preflight = { "Apollo-Require-Preflight": "true", ...headers };
  return graphqlMultipart(gateway.url, { query: EDIT, variables }, files, preflight);
}

async function edit(images: readonly object[], input: object = {}) {
  const { body } = await gateway.graphql(EDIT, { input: { prompt: "a fox in it", images, ...input } });
  return body;
}

async function generate(): Promise<{ readonly id: string; readonly url: string; readonly small: string }> {
  const query = `mutation { generateImages(input: { prompt: "a fox", size: "96x64" }) {
    images { id url small: url(width: 48, format: AVIF) } } }`;
  return (await gateway.graphql(query)).body.data.generateImages.images[0];
}

/** The temporary files of uploads, which have no names. */
async function temporaryFiles(): Promise<string[]> {
  return (await unlinkedFiles()).filter((path) => path.includes("/pictograph-upload-"));
}

describe("an edit", () => {
  test("of uploads streams them to the provider unchanged and leaves no file behind", async () => {
    const jpeg = await plainImage(200, 100, 4, "JPEG");
    const mask = await leftHalfMask(96, 64);
    const { status, body } = await upload(
      { n: 2 },
      [{ bytes: picture }, { bytes: jpeg, mediaType: "image/jpeg" }],
      mask,
    );

    expect([status, body.errors]).toEqual([200, undefined]);
    expect(body.data.editImages).toMatchObject({
      status: "SUCCEEDED",
      operation: "EDIT",
      requestedSize: "96x64",
      n: 2,
      images: [
        { width: 96, height: 64, derivedFrom: [] },
        { width: 96, height: 64, derivedFrom: [] },
      ],
    });
    expect(received).toEqual([picture, jpeg, mask]);
    expect(await storedKeys(gateway.dataDir)).toHaveLength(2);
    await poll(temporaryFiles, (files) => files.length === 0);
  });

  test("of a stored image names that image while it exists", async () => {
    const source = await generate();
    const { editImages } = (await edit([{ id: source.id }])).data;
    const [{ id }] = editImages.images;
    expect(editImages.images).toMatchObject([
      { derivedFrom: [{ id: source.id, generation: { operation: "GENERATE" } }] },
    ]);

    const { body } = await gateway.graphql(`query ($id: ID!) { image(id: $id) { generation { id } } }`, {
      id: source.id,
    });
    await gateway.graphql(`mutation ($id: ID!) { deleteGeneration(id: $id) }`, { id: body.data.image.generation.id });
    const after = await gateway.graphql(`query ($id: ID!) { image(id: $id) { derivedFrom { id } } }`, { id });
    expect(after.body.data.image.derivedFrom).toEqual([]);
  });

  test("that failed also names the image it was made from", async () => {
    const source = await generate();
    // biome-ignore lint/correctness/useYield: the provider refuses before its first event
    gateway.provider.script = async function* refuse(): AsyncIterable<ProviderEvent> {
      throw new GatewayError("CONTENT_REJECTED", "no", { billed: "NO" });
    };
    const { data } = await edit([{ id: source.id }]);
    const { id, status } = data.editImages;
    const { body } = await gateway.graphql("query ($id: ID!) { generation(id: $id) { derivedFrom { id } } }", { id });

    expect([status, body.data.generation.derivedFrom]).toEqual(["FAILED", [{ id: source.id }]]);
  });

  test("accepts the gateway's own image URLs, and uses the images in their stored size", async () => {
    const { id, url, small } = await generate();
    const { data, errors } = await edit([{ url }, { url: small }]);

    expect(errors).toBeUndefined();
    expect(data.editImages.images).toMatchObject([{ derivedFrom: [{ id }, { id }] }]);
    expect(gateway.provider.requests.at(-1)?.edit?.images).toMatchObject([
      { width: 96, height: 64, format: "PNG" },
      { width: 48, height: 32, format: "PNG" },
    ]);
  });

  test("with a repeated idempotency key returns the same edit for the same files, and a conflict for other files", async () => {
    const input = { idempotencyKey: "k" };
    const first = await upload(input, [{ bytes: picture }]);
    const again = await upload(input, [{ bytes: picture }]);
    const other = await upload(input, [{ bytes: await plainImage(96, 64, 4, "PNG") }]);

    expect(again.body.data.editImages.id).toBe(first.body.data.editImages.id);
    expect(other.body.errors?.[0]?.extensions).toMatchObject({ code: "IDEMPOTENCY_CONFLICT" });
    expect(gateway.provider.requests).toHaveLength(1);
  });

  test("is an ability that models describe", async () => {
    const { body } = await gateway.graphql("{ models { id operations } }");

    expect(body.data.models).toEqual(
      expect.arrayContaining([
        { id: "any-size-editor-1", operations: ["GENERATE", "EDIT"] },
        { id: "any-size-1", operations: ["GENERATE"] },
      ]),
    );
  });
});

describe("an edit is refused, and nothing is submitted or stored,", () => {
  afterEach(async () => {
    expect(gateway.provider.requests).toEqual([]);
    const { body } = await gateway.graphql("{ generations { edges { node { id } } } }");
    expect(body.data.generations.edges).toEqual([]);
    await poll(
      () => storedKeys(gateway.dataDir),
      (keys) => keys.length === 0,
    );
    await poll(temporaryFiles, (files) => files.length === 0);
  });

  test.each<[string, readonly object[], object, string, string]>([
    ["no image", [], {}, "BAD_USER_INPUT", "images"],
    ["a mask without an image", [], { mask: { id: "img_0" } }, "BAD_USER_INPUT", "images"],
    ["17 images", Array(17).fill({ id: "img_0" }), {}, "BAD_USER_INPUT", "images"],
    ["an empty reference", [{}], {}, "BAD_USER_INPUT", "images"],
    ["a reference in two ways", [{ id: "img_0", url: "https://images.example/a.png" }], {}, "BAD_USER_INPUT", "images"],
    ["an unknown image", [{ id: "img_0" }], {}, "NOT_FOUND", "images"],
    [
      "a transparent JPEG",
      [{ id: "img_0" }],
      { format: "JPEG", background: "TRANSPARENT" },
      "BAD_USER_INPUT",
      "background",
    ],
    ["a model that cannot edit", [{ id: "img_0" }], { model: "any-size-1" }, "BAD_USER_INPUT", "model"],
    ["a host that is not allowed", [{ url: "https://elsewhere.example/a.png" }], {}, "BAD_USER_INPUT", "images"],
    ["a private address", [{ url: "https://169.254.169.254/latest/meta-data" }], {}, "BAD_USER_INPUT", "images"],
    ["a file: URL", [{ url: "file:///etc/passwd" }], {}, "BAD_USER_INPUT", "images"],
    ["text in place of a file", [{ upload: "a.png" }], {}, "BAD_USER_INPUT", "images"],
    ["an image in its own URL", [{ url: "data:image/png;base64,AAAA" }], {}, "BAD_USER_INPUT", "images"],
    ["an empty mask", [{ id: "img_0" }], { mask: {} }, "BAD_USER_INPUT", "mask"],
    ["no prompt", [{ id: "img_0" }], { prompt: " " }, "BAD_USER_INPUT", "prompt"],
    ["0 images asked for", [{ id: "img_0" }], { n: 0 }, "BAD_USER_INPUT", "n"],
    ["11 images asked for", [{ id: "img_0" }], { n: 11 }, "BAD_USER_INPUT", "n"],
    ["a size too small", [{ id: "img_0" }], { size: "63x64" }, "BAD_USER_INPUT", "size"],
    ["a size of words", [{ id: "img_0" }], { size: "large" }, "BAD_USER_INPUT", "size"],
    ["a negative seed", [{ id: "img_0" }], { seed: -1 }, "BAD_USER_INPUT", "seed"],
    ["4 previews", [{ id: "img_0" }], { partialImages: 4 }, "BAD_USER_INPUT", "partialImages"],
    ["an empty key", [{ id: "img_0" }], { idempotencyKey: "" }, "BAD_USER_INPUT", "idempotencyKey"],
    ["waiting for too long", [{ id: "img_0" }], { waitSeconds: 601 }, "BAD_USER_INPUT", "waitSeconds"],
    ["an unknown model", [{ id: "img_0" }], { model: "nothing" }, "MODEL_UNAVAILABLE", "model"],
    ["an unknown quality", [{ id: "img_0" }], { quality: "high" }, "BAD_USER_INPUT", "quality"],
    ["a number as text", [{ id: "img_0" }], { n: "2" }, "BAD_USER_INPUT", "n"],
    ["an unknown field", [{ id: "img_0" }], { wings: 2 }, "BAD_USER_INPUT", "wings"],
  ])("for %s", async (_what, images, input, code, field) => {
    const { errors } = await edit(images, input);

    expect(errors?.[0]?.extensions).toMatchObject({ code, field });
  });

  test("for an image URL of the gateway that was changed", async () => {
    const { errors } = await edit([{ url: `${gateway.url}/images/img_0.png?expires=9999999999&signature=x` }]);

    expect(errors?.[0]?.extensions).toMatchObject({ code: "FORBIDDEN", field: "images" });
  });

  test.each<[string, () => Promise<Omit<SentFile, "path">>, string]>([
    ["60 MB", async () => ({ bytes: await jpegOf(60_000_000), mediaType: "image/jpeg" }), "PAYLOAD_TOO_LARGE"],
    [
      "an SVG with a script",
      async () => ({ bytes: SVG_WITH_SCRIPT, mediaType: "image/svg+xml" }),
      "UNSUPPORTED_MEDIA_TYPE",
    ],
    ["a file that lies about its type", async () => ({ bytes: SVG_WITH_SCRIPT }), "UNSUPPORTED_MEDIA_TYPE"],
    ["a zip bomb", async () => ({ bytes: zipBomb() }), "BAD_USER_INPUT"],
    ["half an image", async () => ({ bytes: picture.subarray(0, picture.length / 2) }), "BAD_USER_INPUT"],
    ["nothing", async () => ({ bytes: Buffer.alloc(0) }), "UNSUPPORTED_MEDIA_TYPE"],
  ])("for an upload of %s", async (_what, file, code) => {
    const { body } = await upload({}, [{ bytes: picture }, await file()]);

    expect(body.errors?.[0]?.extensions).toMatchObject({ code, field: "images" });
  });

  test("for a mask of another size than the image", async () => {
    const { body } = await upload({}, [{ bytes: picture }], await leftHalfMask(64, 96));

    expect(body.errors?.[0]?.extensions).toMatchObject({ code: "BAD_USER_INPUT", field: "mask" });
  });

  test("for more files than an edit may have", async () => {
    const { status, body } = await upload(
      {},
      Array.from({ length: 18 }, () => ({ bytes: picture })),
    );

    expect([status, body.errors?.[0]?.extensions.code]).toEqual([413, "PAYLOAD_TOO_LARGE"]);
  });

  test("for a multipart request that another page's form can send", async () => {
    const { status, body } = await upload({}, [{ bytes: picture }], undefined, { "Apollo-Require-Preflight": "" });

    expect([status, body.errors?.[0]?.extensions.code]).toEqual([400, "BAD_USER_INPUT"]);
    expect(body.errors?.[0]?.message).toContain("Apollo-Require-Preflight");
  });

  test("for a file where the operation expects none", async () => {
    const operations = {
      query: "mutation ($prompt: String!) { generateImages(input: { prompt: $prompt }) { id } }",
      variables: { prompt: null },
    };
    const { body } = await graphqlMultipart(gateway.url, operations, [{ bytes: picture, path: "variables.prompt" }]);

    expect(body.errors?.[0]?.extensions).toMatchObject({ code: "BAD_USER_INPUT", field: "prompt" });
  });

  test.each([
    ["without operations", '--b\r\nContent-Disposition: form-data; name="map"\r\n\r\n{}\r\n--b--\r\n'],
    ["that ends early", '--b\r\nContent-Disposition: form-data; name="operations"\r\n\r\n{"query":'],
    ["of nothing", ""],
  ])("for a multipart body %s", async (_what, body) => {
    const headers = { "Content-Type": "multipart/form-data; boundary=b", "Apollo-Require-Preflight": "1" };
    const response = await fetch(`${gateway.url}/graphql`, { method: "POST", headers, body });

    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ errors: [{ extensions: { code: "BAD_USER_INPUT" } }] });
  });

  test("for an upload whose client disconnects in the middle", async () => {
    const { hostname, port } = new URL(gateway.url);
    const operations = JSON.stringify({
      query: EDIT,
      variables: { input: { prompt: "a", images: [{ upload: null }] } },
    });
    const part = (name: string, content: string) =>
      `--b\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${content}\r\n`;
    const socket = connect(Number(port), hostname);
    socket.write(
      [
        "POST /graphql HTTP/1.1\r\nHost: localhost\r\nApollo-Require-Preflight: 1\r\nContent-Length: 1000000\r\n",
        "Content-Type: multipart/form-data; boundary=b\r\n\r\n",
        part("operations", operations),
        part("map", '{"0":["variables.input.images.0.upload"]}'),
        '--b\r\nContent-Disposition: form-data; name="0"; filename="a.png"\r\nContent-Type: image/png\r\n\r\n',
      ].join(""),
    );
    socket.write(picture);
    await poll(temporaryFiles, (files) => files.length === 1);
    socket.destroy();

    await poll(temporaryFiles, (files) => files.length === 0);
  });
});
