import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { type StrictImageApi, startStrictImageApi } from "../../support/vendors/strict-image-api.ts";

let api: StrictImageApi;

beforeAll(async () => {
  api = await startStrictImageApi();
});

afterAll(() => api.close());

const good = { prompt: "a fox", model: "gpt-image-2.6-flare", quality: "low", size: "1024x1024" };

interface Answer {
  readonly size: string;
  readonly data: readonly { readonly b64_json: string }[];
  readonly usage: { readonly total_tokens: number };
  readonly error: { readonly code: string };
}

async function call(body: unknown, key = api.apiKey): Promise<{ status: number; answer: Answer }> {
  const headers = { authorization: `Bearer ${key}`, "content-type": "application/json" };
  const response = await fetch(`${api.baseUrl}/images/generations`, {
    method: "POST",
    headers,
    body: JSON.stringify(body),
  });
  return { status: response.status, answer: (await response.json()) as Answer };
}

describe("the local image API refuses what the vendor refuses:", () => {
  test.each([
    ["response_format", { response_format: "b64_json" }, "unknown_parameter"],
    ["style", { style: "vivid" }, "unknown_parameter"],
    ["seed", { seed: 1 }, "unknown_parameter"],
    ["model", { model: undefined }, "missing_required_parameter"],
    ["quality", { quality: undefined }, "missing_required_parameter"],
    ["quality", { quality: "standard" }, "invalid_value"],
    ["quality", { quality: "max", model: "gpt-image-2" }, "invalid_value"],
    ["n", { n: 11 }, "invalid_value"],
    ["n", { n: "1" }, "invalid_value"],
    ["size", { size: "256x256" }, "invalid_value"],
    ["size", { size: "1000x1000" }, "invalid_value"],
    ["size", { size: "3840x1024" }, "invalid_value"],
    ["size", { size: "3856x2160" }, "invalid_value"],
    ["size", { size: "1536x864", model: "gpt-image-1.5" }, "invalid_value"],
    ["prompt", { prompt: "x".repeat(32_001) }, "invalid_value"],
    ["output_format", { output_format: "avif" }, "invalid_value"],
    ["background", { background: "transparent", output_format: "jpeg" }, "invalid_value"],
    ["partial_images", { partial_images: 2 }, "invalid_value"],
    ["partial_images", { partial_images: 4, stream: true }, "invalid_value"],
    ["n", { n: 2, stream: true }, null],
  ])("%s in %j", async (param, changes, code) => {
    const { status, answer } = await call({ ...good, ...changes });
    expect([status, answer.error]).toMatchObject([400, { param, code, type: "invalid_request_error" }]);
  });

  test("a wrong key, model or path", async () => {
    expect(await call(good, "sk-wrong")).toMatchObject({ status: 401, answer: { error: { code: "invalid_api_key" } } });
    for (const model of ["dall-e-3", "gpt-image-1", "gpt-image-9"]) {
      const { status, answer } = await call({ ...good, model });
      expect([status, answer.error.code]).toEqual([404, "model_not_found"]);
    }
    expect((await fetch(`${api.baseUrl}/images/variations`, { method: "POST" })).status).toBe(404);
  });

  test.each(["3840x2160", "2160x3840", "1440x480", "1024x640", "auto"])("but makes images of %s", async (size) => {
    const { status, answer } = await call({ ...good, size });
    expect([status, answer.size, answer.usage.total_tokens]).toEqual([200, size === "auto" ? "1024x1024" : size, 274]);
  });

  test("and makes every image different", async () => {
    const { answer } = await call({ ...good, n: 3 });
    expect(new Set(answer.data.map((image) => image.b64_json)).size).toBe(3);
  });
});
