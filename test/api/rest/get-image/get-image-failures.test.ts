import { rm } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { pino } from "pino";
import { type ErrorCode, GatewayError, type GatewayErrorOptions } from "../../../../src/errors.ts";
import { type GetImageAnswer, getImageAsJson } from "../../../support/clients/get-image-client.ts";
import { startGateway } from "../../../support/gateways/gateway.ts";
import {
  aborted,
  holdCalls,
  type ScriptedGateway,
  startScriptedGateway,
} from "../../../support/gateways/scripted-gateway.ts";
import { makeImages, once, plainImage, type Script } from "../../../support/gateways/scripted-provider.ts";
import { storedFiles } from "../../../support/stores/stored-files.ts";
import { type Behaviour, type StrictImageApi, startStrictImageApi } from "../../../support/vendors/strict-image-api.ts";

const FIELDS = { prompt: "A red fox in the snow", n: "2", size: "64x64" };
const SECRET = "sk-secret in the error's own text";

describe("a provider", () => {
  let gateway: ScriptedGateway;
  const logLines: string[] = [];

  // A gateway for each test, because several failures in a row would open the circuit breaker.
  beforeEach(async () => {
    gateway = await startScriptedGateway({ logger: pino({}, { write: (line: string) => void logLines.push(line) }) });
  });

  afterEach(() => gateway.close());

  const ask = (script: Script) => {
    gateway.provider.script = script;
    return getImageAsJson(gateway.url, FIELDS);
  };

  test.each<[ErrorCode, number, GatewayErrorOptions, string | undefined]>([
    ["CONTENT_REJECTED", 422, {}, undefined],
    ["INPUT_REJECTED", 422, {}, undefined],
    ["MODEL_UNAVAILABLE", 400, {}, undefined],
    ["RATE_LIMITED", 429, { billed: "NO", retryAfterSeconds: 77 }, "77"],
    ["BUDGET_EXCEEDED", 402, {}, undefined],
    ["UPSTREAM_FAILED", 502, {}, undefined],
    ["UPSTREAM_TIMEOUT", 504, {}, undefined],
  ])("that throws %s is answered with %i and its message", async (code, status, options, retryAfter) => {
    const callCount = gateway.provider.requests.length;

    const answer = await ask(() => {
      throw new GatewayError(code, `what ${code} is about`, { ...options, cause: new Error(SECRET) });
    });

    expectFailure(answer, status, `what ${code} is about`);
    expect(answer.headers["retry-after"]).toBe(retryAfter);
    expect(gateway.provider.requests).toHaveLength(callCount + 1);
  });

  test.each<[string, unknown]>([
    ["an error of its own", new TypeError(SECRET)],
    ["an error with a status and a code", Object.assign(new Error(SECRET), { status: 404, code: "CONTENT_REJECTED" })],
    ["a code that is not a provider's to give", new GatewayError("UNAUTHENTICATED", SECRET)],
    ["a text", SECRET],
    ["nothing", undefined],
  ])("that throws %s is answered with 500, and the text appears only in the log", async (_case, thrown) => {
    logLines.length = 0;

    const answer = await ask(() => {
      throw thrown;
    });

    expectFailure(answer, 500, /^an internal error /);
    expect(JSON.stringify([answer.text, answer.headers])).not.toContain("secret");
    const id = /(req|gen)_[0-9a-z]{26}/.exec(answer.errorMessage)?.[0];
    expect(id).toBeDefined();
    const errors = logLines.filter((line) => line.includes('"level":50'));
    expect(errors).toEqual([expect.stringContaining(String(id))]);
  });

  test("that returns something other than an image leaves nothing behind", async () => {
    const files = await storedFiles(gateway.dataDir);
    const answer = await ask(async function* () {
      yield { type: "image", index: 0, bytes: once(Buffer.from("<!doctype html><h1>Bad gateway</h1>")) };
    });

    expectFailure(answer, 502, "the provider answered with something that is not an image");
    expect(await storedFiles(gateway.dataDir)).toEqual(files);
  });

  test("that cuts an image short leaves nothing behind", async () => {
    const files = await storedFiles(gateway.dataDir);
    const image = await plainImage(64, 64, 0, "png");
    const answer = await ask(async function* () {
      yield { type: "image", index: 0, bytes: once(image.subarray(0, image.length - 40)) };
    });

    expectFailure(answer, 502, "the provider answered with something that is not an image");
    expect(await storedFiles(gateway.dataDir)).toEqual(files);
  });

  test("that fails in the middle of an image leaves nothing behind", async () => {
    const files = await storedFiles(gateway.dataDir);
    const image = await plainImage(64, 64, 0, "png");
    const answer = await ask(async function* () {
      async function* broken() {
        yield image.subarray(0, 50);
        throw new GatewayError("UPSTREAM_FAILED", "the connection broke");
      }
      yield { type: "image", index: 0, bytes: broken() };
    });

    expectFailure(answer, 502, "the connection broke");
    expect(await storedFiles(gateway.dataDir)).toEqual(files);
  });

  test("that makes one image too few counts as failed, and its images are kept", async () => {
    const answer = await ask((request) => makeImages({ ...request, n: 1 }));

    expectFailure(answer, 502, "the provider answered with 1 of 2 images");
    const { body } = await gateway.graphql(
      "{ generations(first: 1) { edges { node { status images { index } failure { code billed } } } } }",
    );
    expect(body.data.generations.edges[0].node).toEqual({
      status: "FAILED",
      images: [{ index: 0 }],
      failure: { code: "UPSTREAM_FAILED", billed: "YES" },
    });
  });

  test("that makes too many images is answered with the requested number", async () => {
    const answer = await ask((request) => makeImages({ ...request, n: 5 }));

    expect(answer).toMatchObject({ status: 200, errorMessage: "OK" });
    expect(answer.urlList).toHaveLength(2);
  });
});

const hang: Script = async function* (_request, signal) {
  yield await aborted(signal);
};

test("a provider that never answers leads to 504", async () => {
  const gateway = await startScriptedGateway({ upstreamTimeoutMs: 500 });
  try {
    gateway.provider.script = hang;
    const answer = await getImageAsJson(gateway.url, FIELDS);

    expectFailure(answer, 504, "the provider did not answer in time");
  } finally {
    await gateway.close();
  }
});

test("a request that queued for too long is refused with the hint to send it again with its key", async () => {
  const gateway = await startScriptedGateway({ upstreamTimeoutMs: 500, maxConcurrency: 1 });
  try {
    gateway.provider.script = hang;
    // The requests use the only place in turn, each for as long as a provider may take.
    const others = Array.from({ length: 6 }, () => getImageAsJson(gateway.url, FIELDS));
    const queued = (await Promise.all(others)).filter(({ status }) => status === 503);

    const advice = "send the request again with the same Idempotency-Key to get its images without paying twice";
    const [last] = queued;
    if (!last) throw new Error("no request had to queue for too long");
    expectFailure(last, 503, `the generation has not started yet; ${advice}`);
    expect(Number(last.headers["retry-after"])).toBeGreaterThan(0);
  } finally {
    await gateway.close();
  }
});

test("a stopping gateway answers waiting clients and says that the generation was interrupted", async () => {
  const gateway = await startScriptedGateway();
  const hold = holdCalls(gateway.provider);
  const answer = getImageAsJson(gateway.url, FIELDS);
  await hold.called;
  await gateway.close();

  expectFailure(await answer, 502, "the gateway was stopped while the provider was working");
});

test("a stopping gateway refuses new requests and says when to try again", async () => {
  const gateway = await startScriptedGateway();
  try {
    await gateway.gateway.drain(0);
    const answer = await getImageAsJson(gateway.url, FIELDS);

    expectFailure(answer, 503, "the gateway is stopping; send the request again");
    expect(Number(answer.headers["retry-after"])).toBeGreaterThan(0);
    expect(gateway.provider.requests).toEqual([]);
  } finally {
    await gateway.close();
  }
});

test("a disk that cannot store images leads to an internal error", async () => {
  const gateway = await startScriptedGateway();
  try {
    await rm(join(gateway.dataDir, "images"), { recursive: true });
    const answer = await getImageAsJson(gateway.url, FIELDS);

    expectFailure(answer, 500, /^an internal error /);
    expect(answer.text).not.toMatch(/ENOENT|pictograph-test/);
  } finally {
    await gateway.close();
  }
});

test("an unexpected error before a generation is accepted is masked, with the request's id", async () => {
  const logLines: string[] = [];
  const logger = pino({}, { write: (line: string) => void logLines.push(line) });
  let isBroken = false;
  const now = () => {
    if (isBroken) throw new Error(SECRET);
    return new Date();
  };
  const gateway = await startScriptedGateway({ now, logger });
  try {
    isBroken = true;
    const answer = await getImageAsJson(gateway.url, FIELDS);
    const requestId = String(answer.headers["x-request-id"]);

    expectFailure(answer, 500, `an internal error occurred; the operator can find it in the log by ${requestId}`);
    expect(answer.text).not.toContain("secret");
    const explained = logLines.filter((line) => line.includes("unexpected error"));
    expect(explained).toEqual([expect.stringContaining(requestId)]);
    expect(gateway.provider.requests).toEqual([]);
  } finally {
    isBroken = false;
    await gateway.close();
  }
});

describe("a vendor that", () => {
  let api: StrictImageApi;
  let gateway: Awaited<ReturnType<typeof startGateway>>;

  beforeEach(async () => {
    api = await startStrictImageApi();
    gateway = await startGateway({
      openai: { apiKey: api.apiKey, baseUrl: api.baseUrl },
      defaultModel: "gpt-image-2.6-flare",
    });
  });

  afterEach(async () => {
    await gateway.close();
    await api.close();
  });

  test("answers well leads to images of exactly the requested size", async () => {
    const answer = await getImageAsJson(gateway.url, { ...FIELDS, size: "256x256" });

    expect(answer).toMatchObject({ status: 200, errorMessage: "OK" });
    expect(answer.urlList).toHaveLength(2);
    expect(api.requests.at(-1)?.body).toMatchObject({ model: "gpt-image-2.6-flare", quality: "auto", n: 2 });
  });

  test.each<[string, Behaviour, number]>([
    ["refuses the key", "unauthorized", 502],
    ["refuses the prompt", "moderationBlocked", 422],
    ["has no money left", "billingLimit", 402],
    ["limits the rate", { rateLimited: { retryAfter: "77" } }, 429],
    ["fails", "serverError", 502],
    ["hangs up without an answer", "resetBeforeAnswer", 502],
    ["hangs up in the middle", "resetInBody", 502],
    ["sends a proxy's page", "html", 502],
    ["sends half a JSON", "halfJson", 502],
    ["sends no images", "noImages", 502],
    ["sends an image too few", "oneImageTooFew", 502],
    ["sends text that is not base64", "notBase64", 502],
    ["sends bytes that are not an image", "notAnImage", 502],
    ["sends an error with status 200", "errorWith200", 502],
  ])("%s", async (_case, behaviour, status) => {
    const callCount = api.callCount;
    api.queue(behaviour);

    const answer = await getImageAsJson(gateway.url, FIELDS);

    expectFailure(answer, status, /\w+ \w+/);
    expect(answer.text).not.toContain(api.apiKey);
    expect(answer.headers["retry-after"]).toBe(status === 429 ? "77" : undefined);
    expect(api.callCount).toBe(callCount + 1);
  });
});

function expectFailure(answer: GetImageAnswer, status: number, message: string | RegExp): void {
  expect({ status: answer.status, message: answer.errorMessage }).toEqual({
    status,
    message: typeof message === "string" ? message : expect.stringMatching(message),
  });
  expect(answer.text).toBe(JSON.stringify({ urlResponse: { urlList: [] }, errorMessage: answer.errorMessage }));
  expect(answer.errorMessage).not.toBe("OK");
}
