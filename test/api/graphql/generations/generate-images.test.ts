import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import sharp from "sharp";
import { GatewayError, type GatewayErrorOptions } from "../../../../src/errors.ts";
import type { FailureCode } from "../../../../src/ports/records.ts";
import { httpRequest } from "../../../support/clients/http-request.ts";
import {
  ANY_SIZE_MODEL,
  holdCalls,
  poll,
  type ScriptedGateway,
  startScriptedGateway,
} from "../../../support/gateways/scripted-gateway.ts";
import { makeImages, SCRIPTED_MODEL } from "../../../support/gateways/scripted-provider.ts";

const EVERYTHING = `
  id status prompt n requestedSize generatedSize cost createdAt startedAt finishedAt
  model { id provider isDefault operations maxImages shutdownDate replacement }
  images { id index width height format byteSize sha256 placeholder createdAt url generation { id } }
  failure { code message retryable billed }
  warnings { code message }
  usage { inputTokens outputTokens totalTokens }
`;
const GENERATE = `mutation ($input: GenerateImagesInput!) { generateImages(input: $input) { ${EVERYTHING} } }`;
const GENERATION = `query ($id: ID!) { generation(id: $id) { ${EVERYTHING} } }`;

const RETIRED_MODEL = { ...ANY_SIZE_MODEL, id: "old-1", shutdownDate: "2026-05-12", replacement: ANY_SIZE_MODEL.id };
const DEAD_MODEL = { ...ANY_SIZE_MODEL, id: "dead-1", shutdownDate: "2026-05-12" };
const LEAVING_MODEL = {
  ...ANY_SIZE_MODEL,
  id: "leaving-1",
  shutdownDate: "2026-12-01",
  replacement: SCRIPTED_MODEL.id,
};
const LIMITED_MODEL = {
  ...ANY_SIZE_MODEL,
  id: "limited-1",
  maxImages: 2,
  backgrounds: ["AUTO", "OPAQUE"] as const,
  sizes: { kind: "list", sizes: [{ width: 128, height: 64 }] } as const,
};

let gateway: ScriptedGateway;
let now: Date | undefined;

beforeAll(async () => {
  gateway = await startScriptedGateway({ now: () => now ?? new Date("2026-11-22T09:30:00Z") }, [
    ANY_SIZE_MODEL,
    SCRIPTED_MODEL,
    RETIRED_MODEL,
    DEAD_MODEL,
    LEAVING_MODEL,
    LIMITED_MODEL,
  ]);
});

afterAll(() => gateway.close());

beforeEach(() => {
  now = undefined;
  gateway.provider.requests.length = 0;
  gateway.provider.script = makeImages;
});

async function generate(input: object) {
  const { status, body } = await gateway.graphql(GENERATE, { input });
  expect({ status, errors: body.errors }).toEqual({ status: 200, errors: undefined });
  return body.data.generateImages;
}

test("a prompt alone makes one image of 1024x1024, with all its details", async () => {
  const generation = await generate({ prompt: "A red fox in the snow" });

  expect(generation).toEqual({
    id: expect.stringMatching(/^gen_[0-9a-z]{26}$/),
    status: "SUCCEEDED",
    prompt: "A red fox in the snow",
    n: 1,
    requestedSize: "1024x1024",
    generatedSize: "1024x1024",
    cost: null,
    createdAt: "2026-11-22T09:30:00.000Z",
    startedAt: "2026-11-22T09:30:00.000Z",
    finishedAt: "2026-11-22T09:30:00.000Z",
    model: {
      id: ANY_SIZE_MODEL.id,
      provider: "scripted",
      isDefault: true,
      operations: ["GENERATE"],
      maxImages: 10,
      shutdownDate: null,
      replacement: null,
    },
    images: [
      {
        id: expect.stringMatching(/^img_[0-9a-z]{26}$/),
        index: 0,
        width: 1024,
        height: 1024,
        format: "PNG",
        byteSize: expect.any(Number),
        sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
        placeholder: expect.stringMatching(/^data:image\/webp;base64,[A-Za-z0-9+/=]+$/),
        createdAt: "2026-11-22T09:30:00.000Z",
        url: expect.stringContaining(`${gateway.url}/images/img_`),
        generation: { id: generation.id },
      },
    ],
    failure: null,
    warnings: [],
    usage: null,
  });
  expect(gateway.provider.requests).toEqual([
    {
      model: ANY_SIZE_MODEL.id,
      prompt: "A red fox in the snow",
      n: 1,
      size: { width: 1024, height: 1024 },
      quality: "AUTO",
      format: "PNG",
      background: "AUTO",
      partialImages: 0,
    },
  ]);
  await expectStored(generation.images[0], "png");
  expect(generation.images[0].placeholder.length).toBeLessThan(1024);
  expect((await gateway.graphql(GENERATION, { id: generation.id })).body.data.generation).toEqual(generation);
});

test("null means the same as omitting a field", async () => {
  const { prompt: _prompt, ...nulls } = Object.fromEntries(
    "prompt n size model quality format background seed idempotencyKey waitSeconds"
      .split(" ")
      .map((name) => [name, null]),
  );
  const generation = await generate({ prompt: "A fox", ...nulls });

  expect(generation).toMatchObject({ status: "SUCCEEDED", n: 1, requestedSize: "1024x1024" });
});

test("every input field reaches the provider, and the images match them", async () => {
  gateway.provider.script = async function* withUsage(request) {
    yield* makeImages(request);
    yield { type: "usage", usage: { inputTokens: 12, outputTokens: 544, totalTokens: 556 } };
  };
  const generation = await generate({
    prompt: "狐狸 🦊",
    n: 2,
    size: "200x100",
    model: SCRIPTED_MODEL.id,
    quality: "HIGH",
    format: "WEBP",
    background: "OPAQUE",
    idempotencyKey: "everything",
    waitSeconds: 600,
  });

  expect(generation).toMatchObject({
    status: "SUCCEEDED",
    prompt: "狐狸 🦊",
    n: 2,
    requestedSize: "200x100",
    usage: { inputTokens: 12, outputTokens: 544, totalTokens: 556 },
    warnings: [],
    model: { id: SCRIPTED_MODEL.id, isDefault: false },
  });
  const [request] = gateway.provider.requests;
  expect(request).toMatchObject({ prompt: "狐狸 🦊", n: 2, quality: "HIGH", format: "WEBP", background: "OPAQUE" });
  expect(generation.generatedSize).toBe(`${request?.size.width}x${request?.size.height}`);
  expect(generation.images.map((image: { index: number }) => image.index)).toEqual([0, 1]);
  for (const image of generation.images) {
    expect(image).toMatchObject({ width: 200, height: 100, format: "WEBP" });
    await expectStored(image, "webp");
  }
});

test.each([
  ["PNG", "png"],
  ["JPEG", "jpeg"],
  ["WEBP", "webp"],
  ["AVIF", "heif"],
])("images are stored as %s, whatever format the model makes", async (format, decoded) => {
  const { images } = await generate({ prompt: "A fox", size: "128x96", format });

  expect(images).toMatchObject([{ width: 128, height: 96, format }]);
  await expectStored(images[0], decoded);
});

test("the size that the model made is reported, even if another size was requested", async () => {
  gateway.provider.script = (request) => makeImages({ ...request, size: { width: 320, height: 160 } });
  const generation = await generate({ prompt: "A fox", size: "100x100" });

  expect(generation).toMatchObject({ requestedSize: "100x100", generatedSize: "320x160" });
  expect(generation.images).toMatchObject([{ width: 100, height: 100 }]);
  await expectStored(generation.images[0], "png");
});

describe("a warning reports", () => {
  test.each<[string, object, string, RegExp]>([
    ["a retired model's replacement", { model: "old-1" }, "MODEL_REPLACED", /old-1 is retired; any-size-1 was used/],
    ["a quality that was lowered", { quality: "MAX" }, "QUALITY_REPLACED", /no quality MAX; HIGH was used/],
    ["a seed that the model has not", { seed: 7 }, "SEED_IGNORED", /any-size-1 has no seed; it was ignored/],
    ["an enlarged image", { model: "limited-1", size: "256x256" }, "ENLARGED", /at most 128x64 of this.*to 256x256/],
  ])("%s", async (_case, input, code, message) => {
    const generation = await generate({ prompt: "A fox", size: "64x64", ...input });

    expect(generation.status).toBe("SUCCEEDED");
    expect(generation.warnings).toEqual([{ code, message: expect.stringMatching(message) }]);
    expect((await gateway.graphql(GENERATION, { id: generation.id })).body.data.generation.warnings).toEqual(
      generation.warnings,
    );
  });

  test("the shutdown date of a retiring model, and its replacement once that date has come", async () => {
    const before = await generate({ prompt: "A fox", size: "64x64", model: "leaving-1" });
    now = new Date("2026-12-01T00:00:00Z");
    const after = await generate({ prompt: "A fox", size: "64x64", model: "leaving-1" });

    expect(before).toMatchObject({
      warnings: [{ code: "MODEL_RETIRING" }],
      model: { id: "leaving-1", shutdownDate: "2026-12-01" },
    });
    expect(after).toMatchObject({ warnings: [{ code: "MODEL_REPLACED" }], model: { id: SCRIPTED_MODEL.id } });
  });
});

describe("a client that does not wait", () => {
  test("gets the generation in its present state, and can read it when it is done", async () => {
    const hold = holdCalls(gateway.provider);
    const accepted = await generate({ prompt: "A fox", size: "64x64", waitSeconds: 0, idempotencyKey: "no-wait" });
    expect(["QUEUED", "RUNNING"]).toContain(accepted.status);
    expect(accepted).toMatchObject({ images: [], failure: null, generatedSize: null, finishedAt: null });

    await hold.called;
    const running = (await gateway.graphql(GENERATION, { id: accepted.id })).body.data.generation;
    expect(running).toMatchObject({ id: accepted.id, status: "RUNNING", images: [], finishedAt: null });
    expect(running.startedAt).not.toBeNull();

    hold.release();
    const joined = await generate({ prompt: "A fox", size: "64x64", idempotencyKey: "no-wait" });
    expect(joined).toMatchObject({ id: accepted.id, status: "SUCCEEDED", images: [{ index: 0 }] });
    expect((await gateway.graphql(GENERATION, { id: accepted.id })).body.data.generation).toEqual(joined);
    expect(gateway.provider.requests).toHaveLength(1);
  });

  test("waits no longer than the waitSeconds it sent", async () => {
    const hold = holdCalls(gateway.provider);
    const pending = await generate({ prompt: "A fox", size: "64x64", waitSeconds: 1 });
    hold.release();

    expect(pending.status).toBe("RUNNING");
  });

  test("and disconnects does not stop the generation", async () => {
    const hold = holdCalls(gateway.provider);
    const leaver = new AbortController();
    const left = fetch(`${gateway.url}/graphql`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ query: GENERATE, variables: { input: { prompt: "left alone", size: "64x64" } } }),
      signal: leaver.signal,
    });
    await hold.called;
    leaver.abort();
    await expect(left).rejects.toThrow();
    hold.release();

    const latest = "{ generations(first: 1) { edges { node { status prompt images { url } } } } }";
    const { body } = await poll(
      () => gateway.graphql(latest),
      (answer) => answer.body.data.generations.edges[0].node.status !== "RUNNING",
    );
    const [{ node }] = body.data.generations.edges;
    expect(node).toMatchObject({ status: "SUCCEEDED", prompt: "left alone", images: [{}] });
    expect((await httpRequest(node.images[0].url)).status).toBe(200);
  });
});

test("each image is visible as soon as it is stored, before the last one is", async () => {
  const firstStored = Promise.withResolvers<void>();
  const release = Promise.withResolvers<void>();
  gateway.provider.script = async function* oneByOne(request) {
    for await (const event of makeImages(request)) {
      yield event;
      firstStored.resolve();
      await release.promise;
    }
  };
  const { id } = await generate({ prompt: "A fox", n: 2, size: "64x64", waitSeconds: 0, idempotencyKey: "one-by-one" });
  await firstStored.promise;
  const { generation } = (await gateway.graphql(GENERATION, { id })).body.data;
  release.resolve();
  await generate({ prompt: "A fox", n: 2, size: "64x64", idempotencyKey: "one-by-one" });

  expect(generation).toMatchObject({ status: "RUNNING", generatedSize: "64x64", images: [{ index: 0 }] });
  await expectStored(generation.images[0], "png");
});

test("many simultaneous generations each get their own image", async () => {
  const generations = await Promise.all(
    Array.from({ length: 30 }, (_, index) => generate({ prompt: `fox ${index}`, size: "64x64" })),
  );

  expect(generations.map(({ status, prompt }) => ({ status, prompt }))).toEqual(
    Array.from({ length: 30 }, (_, index) => ({ status: "SUCCEEDED", prompt: `fox ${index}` })),
  );
  expect(new Set(generations.map(({ id }) => id)).size).toBe(30);
});

test("the gateway makes no more simultaneous provider calls than are allowed", async () => {
  const own = await startScriptedGateway({ maxConcurrency: 2 });
  try {
    let running = 0;
    let most = 0;
    own.provider.script = async function* counted(request) {
      most = Math.max(most, ++running);
      yield* makeImages(request);
      running--;
    };
    const fields = Array.from(
      { length: 9 },
      (_, index) => `g${index}: generateImages(input: {prompt: "x", size: "64x64", waitSeconds: 0}) { status }`,
    );
    await own.graphql(
      `mutation { ${fields.join(" ")} last: generateImages(input: {prompt: "x", size: "64x64"}) { status } }`,
    );

    expect(most).toBe(2);
  } finally {
    await own.close();
  }
});

describe("a failure is returned as data, not as an error", () => {
  test.each<[FailureCode, GatewayErrorOptions, object]>([
    ["CONTENT_REJECTED", { billed: "NO" }, { retryable: false, billed: "NO" }],
    ["INPUT_REJECTED", { billed: "NO" }, { retryable: false, billed: "NO" }],
    ["MODEL_UNAVAILABLE", { billed: "NO" }, { retryable: false, billed: "NO" }],
    ["RATE_LIMITED", { billed: "NO", retryAfterSeconds: 99 }, { retryable: true, billed: "NO" }],
    ["BUDGET_EXCEEDED", { billed: "NO" }, { retryable: false, billed: "NO" }],
    ["UPSTREAM_FAILED", {}, { retryable: true, billed: "UNKNOWN" }],
    ["UPSTREAM_FAILED", { billed: "YES", isRetryable: false }, { retryable: false, billed: "YES" }],
    ["UPSTREAM_TIMEOUT", {}, { retryable: true, billed: "UNKNOWN" }],
  ])("%s %j", async (code, options, expected) => {
    gateway.provider.script = () => {
      throw new GatewayError(code, "what went wrong", { ...options, cause: new Error("a secret") });
    };
    const generation = await generate({ prompt: "A fox", size: "64x64" });

    expect(generation).toMatchObject({
      status: "FAILED",
      images: [],
      generatedSize: null,
      finishedAt: expect.any(String),
      failure: { code, message: "what went wrong", ...expected },
    });
    expect(gateway.provider.requests).toHaveLength(1);
    expect((await gateway.graphql(GENERATION, { id: generation.id })).body.data.generation).toEqual(generation);
  });

  test("a long message is cut, but not inside a character", async () => {
    gateway.provider.script = () => {
      throw new GatewayError("UPSTREAM_FAILED", `${"x".repeat(999)}\u{1f98a}${"y".repeat(100_000)}`);
    };
    const { failure } = await generate({ prompt: "A fox", size: "64x64" });

    expect(failure.message).toBe(`${"x".repeat(999)}\ufffd`);
  });

  test("an exception in the provider's code is reported as INTERNAL, without its text", async () => {
    gateway.provider.script = () => {
      throw new TypeError("a secret of the provider");
    };
    const generation = await generate({ prompt: "A fox", size: "64x64" });

    expect(generation.failure).toMatchObject({ code: "INTERNAL", retryable: false, billed: "UNKNOWN" });
    expect(generation.failure.message).toContain(generation.id);
    expect(JSON.stringify(generation)).not.toContain("secret");
  });

  test("an image made before the failure is kept, and the generation says so", async () => {
    gateway.provider.script = async function* half(request) {
      yield* makeImages({ ...request, n: 1 });
      throw new GatewayError("UPSTREAM_FAILED", "the connection broke", { billed: "UNKNOWN" });
    };
    const generation = await generate({ prompt: "A fox", n: 2, size: "64x64" });

    expect(generation).toMatchObject({ status: "FAILED", failure: { code: "UPSTREAM_FAILED", billed: "YES" } });
    expect(generation.images).toHaveLength(1);
    await expectStored(generation.images[0], "png");
  });
});

describe("models", () => {
  test("are the models that are available today, with the default model marked", async () => {
    const { body } = await gateway.graphql(
      "{ models { id provider isDefault operations maxImages shutdownDate replacement } }",
    );

    const scripted = { provider: "scripted", operations: ["GENERATE"], shutdownDate: null, replacement: null };
    expect(body.data.models).toEqual([
      { ...scripted, id: "any-size-1", isDefault: true, maxImages: 10 },
      { ...scripted, id: "scripted-1", isDefault: false, maxImages: 10 },
      {
        ...scripted,
        id: "leaving-1",
        isDefault: false,
        maxImages: 10,
        shutdownDate: "2026-12-01",
        replacement: "scripted-1",
      },
      { ...scripted, id: "limited-1", isDefault: false, maxImages: 2 },
      {
        ...scripted,
        id: "illustrator-1",
        provider: "illustrator",
        operations: ["GENERATE", "EDIT"],
        isDefault: false,
        maxImages: 10,
      },
    ]);
  });

  test.each(["nonsense", "dead-1", "", "ANY-SIZE-1"])("do not include %j", async (model) => {
    const { body } = await gateway.graphql(GENERATE, { input: { prompt: "A fox", model } });

    expect(body.data).toBeNull();
    expect(body.errors).toMatchObject([
      {
        message: expect.stringMatching(/use one of: any-size-1, scripted-1, leaving-1, limited-1, illustrator-1$/),
        extensions: { code: "MODEL_UNAVAILABLE", field: "model" },
      },
    ]);
    expect(gateway.provider.requests).toEqual([]);
  });

  test("have their own limits", async () => {
    for (const [input, field, message] of [
      [{ n: 3 }, "n", "n must be at most 2 for limited-1"],
      [{ background: "TRANSPARENT" }, "background", "limited-1 makes only these backgrounds: AUTO, OPAQUE"],
    ] as const) {
      const { body } = await gateway.graphql(GENERATE, { input: { prompt: "A fox", model: "limited-1", ...input } });
      expect(body.errors).toMatchObject([{ message, extensions: { code: "BAD_USER_INPUT", field } }]);
    }
  });
});

interface StoredImage {
  readonly url: string;
  readonly width: number;
  readonly height: number;
  readonly byteSize: number;
  readonly sha256: string;
}

/** Checks that the fields of an image match its bytes. */
async function expectStored(image: StoredImage, format: string): Promise<void> {
  const { status, body } = await httpRequest(image.url);
  const digest = await crypto.subtle.digest("SHA-256", new Uint8Array(body));
  const metadata = await sharp(body).metadata();

  expect({
    status,
    byteSize: body.length,
    sha256: Buffer.from(digest).toString("hex"),
    format: metadata.format,
    width: metadata.width,
    height: metadata.height,
  }).toEqual({
    status: 200,
    byteSize: image.byteSize,
    sha256: image.sha256,
    format,
    width: image.width,
    height: image.height,
  });
}
