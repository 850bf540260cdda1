import { rm } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import sharp from "sharp";
import { type ScriptedGateway, startScriptedGateway } from "../../../support/gateways/scripted-gateway.ts";

let gateway: ScriptedGateway;

beforeEach(async () => {
  gateway = await startScriptedGateway();
});

afterEach(() => gateway.close());

async function make(input: object): Promise<string> {
  const { body } = await gateway.graphql(
    "mutation ($input: GenerateImagesInput!) { generateImages(input: $input) { images { id } } }",
    { input: { prompt: "a fox", size: "96x64", ...input } },
  );
  return body.data.generateImages.images[0].id;
}

async function placeholderOf(id: string): Promise<string> {
  const { body } = await gateway.graphql("query ($id: ID!) { image(id: $id) { placeholder } }", { id });
  return body.data.image.placeholder;
}

test.each([
  ["a PNG without conversion", {}],
  ["another format", { format: "WEBP" }],
])("the placeholder of %s is made on the first request and then stored", async (_name, input) => {
  const id = await make(input);
  const [first, ...others] = await Promise.all([placeholderOf(id), placeholderOf(id), placeholderOf(id)]);

  expect(new Set(others)).toEqual(new Set([first]));
  expect(first?.length).toBeLessThan(1024);
  const tiny = await sharp(Buffer.from(first?.split(",")[1] ?? "", "base64")).metadata();
  expect(tiny).toMatchObject({ format: "webp", width: 16, height: 11 });

  await rm(join(gateway.dataDir, "images"), { recursive: true });
  expect(await placeholderOf(id)).toBe(first);
});

test("the placeholder of an image whose bytes were deleted is not found", async () => {
  const id = await make({});
  await rm(join(gateway.dataDir, "images"), { recursive: true });

  const { body } = await gateway.graphql("query ($id: ID!) { image(id: $id) { id placeholder } }", { id });
  expect(body.errors?.map(({ extensions }) => extensions.code)).toEqual(["NOT_FOUND"]);
});
