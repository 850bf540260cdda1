import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import OpenAI, { toFile } from "openai";
import sharp from "sharp";
import { getImageAsJson } from "../../../support/clients/get-image-client.ts";
import { httpRequest } from "../../../support/clients/http-request.ts";
import { bytesOf } from "../../../support/clients/openai-clients.ts";
import { type RunningGateway, startGateway } from "../../../support/gateways/gateway.ts";
import { plainImage } from "../../../support/gateways/scripted-provider.ts";
import { type StrictImageApi, startStrictImageApi } from "../../../support/vendors/strict-image-api.ts";

let api: StrictImageApi;
let gateway: RunningGateway;
let client: OpenAI;

beforeAll(async () => {
  api = await startStrictImageApi();
  gateway = await startGateway({
    openai: { apiKey: api.apiKey, baseUrl: api.baseUrl },
    defaultModel: "gpt-image-2.6-flare",
  });
  client = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: "any" });
});
afterAll(async () => {
  await gateway.close();
  await api.close();
});

test("a request by a client of 2023 goes to a current model and is answered in the format of 2023", async () => {
  const { data, response } = await client.images
    .generate({ model: "dall-e-2", prompt: "a fox", n: 2, size: "256x256", user: "4f0c" })
    .withResponse();
  const images = await Promise.all((data.data ?? []).map(({ url = "" }) => httpRequest(url)));

  expect(response.headers.get("Warning")).toContain("dall-e-2 is retired; gpt-image-2.6-flare was used instead");
  for (const { body } of images) expect(await sharp(body).metadata()).toMatchObject({ width: 256, height: 256 });
  expect(api.requests.at(-1)?.body).toEqual({
    model: "gpt-image-2.6-flare",
    prompt: "a fox",
    n: 2,
    size: "816x816",
    quality: "auto",
    output_format: "png",
    safety_identifier: "4f0c",
  });
});

test("an image that needs no change is delivered byte by byte as the model made it, with its usage", async () => {
  const { data, usage } = await client.images.generate({
    prompt: "a fox",
    size: "1024x1024",
    output_format: "jpeg",
    output_compression: 60,
    moderation: "low",
  });

  expect(bytesOf(data?.[0]).equals(api.images.at(-1)?.bytes ?? Buffer.alloc(0))).toBe(true);
  expect(usage).toEqual({
    input_tokens: 2,
    input_tokens_details: { image_tokens: 0, text_tokens: 2 },
    output_tokens: 272,
    output_tokens_details: { image_tokens: 272, text_tokens: 0 },
    total_tokens: 274,
  });
  expect(api.requests.at(-1)?.body).toMatchObject({ output_compression: 60, moderation: "low" });
});

test("an edit goes to the vendor's edit endpoint", async () => {
  const image = await toFile(await plainImage(1024, 1024, 1, "png"), "fox.png", { type: "image/png" });
  const { data } = await client.images.edit({ image, prompt: "a hat" });

  expect(api.requests.at(-1)?.path).toBe("/v1/images/edits");
  expect(await sharp(bytesOf(data?.[0])).metadata()).toMatchObject({ width: 1024, height: 1024 });
});

describe("a value that the provider refuses", () => {
  const refuse = (param: string, code: string) =>
    api.queue({ error: { status: 400, param, code, message: "No: sk-secret a fox." } });

  test.each([
    ["prompt", "prompt", "prompt"],
    ["output_compression", "compression", "output_compression"],
    ["safety_identifier", "safetyIdentifier", "safety_identifier"],
    ["a_new_one", "a_new_one", "a_new_one"],
  ])("is named to OpenAI clients as %s and in GraphQL as %s", async (param, field, named) => {
    const callCount = api.callCount;
    refuse(param, "string_above_max_length");
    const error = await client.images.generate({ prompt: "a fox" }).catch((thrown: unknown) => thrown);
    refuse(param, "string_above_max_length");
    const { body } = await gateway.graphql(
      `mutation { generateImages(input: { prompt: "a fox" }) { status failure { code message retryable billed } } }`,
    );

    const message = `the provider refused the value of ${field} (string_above_max_length); send another one`;
    expect(error).toBeInstanceOf(OpenAI.BadRequestError);
    expect(error).toMatchObject({ status: 400, type: "invalid_request_error", param: named, code: "invalid_value" });
    expect((error as Error).message).toBe(`400 ${message}`);
    expect(body.data.generateImages).toEqual({
      status: "FAILED",
      failure: { code: "INPUT_REJECTED", message, retryable: false, billed: "NO" },
    });
    expect(api.callCount).toBe(callCount + 2);
  });

  test("is reported to clients of 2022 with status 422", async () => {
    refuse("size", "invalid_value");
    const answer = await getImageAsJson(gateway.url, { prompt: "a fox", n: "1", size: "64x64" });

    expect(answer).toMatchObject({
      status: 422,
      errorMessage: "the provider refused the value of size (invalid_value); send another one",
    });
  });
});
