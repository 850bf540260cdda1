import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect } from "@jest/globals";
import { GatewayError } from "../../src/errors.ts";
import type { ProviderEvent } from "../../src/ports/image-provider.ts";
import { ANY_SIZE_MODEL, type ScriptedGateway, startScriptedGateway } from "../support/gateways/scripted-gateway.ts";
import { makeImages, once, plainImage } from "../support/gateways/scripted-provider.ts";
import { leftHalfMask } from "../support/images/source-images.ts";
import { temporaryDirectories } from "../support/temporary-directory.ts";
import { runsHere, testWhere } from "./when-present.ts";

const SCRIPT = fileURLToPath(new URL("./openai_client.py", import.meta.url));
/** A Python with the package `openai`, for example in a virtual environment. */
const PYTHON = process.env.PICTOGRAPH_TEST_PYTHON ?? "python3";
const isHere = await runsHere(PYTHON, "-c", "import openai");

const newDirectory = temporaryDirectories();
let gateway: ScriptedGateway;

beforeAll(async () => {
  const edits = { maxInputImages: 16, maxInputBytes: 49_999_999, inputFormats: ["PNG"], hasMask: true } as const;
  const previews = { maxPartialImages: 3, maxImages: 1 };
  const model = { ...ANY_SIZE_MODEL, operations: ["GENERATE", "EDIT"], edits, previews } as const;
  const retired = { ...ANY_SIZE_MODEL, id: "dall-e-3", shutdownDate: "2026-05-12", replacement: model.id };
  gateway = await startScriptedGateway({}, [model, retired]);
  gateway.provider.script = async function* failing(request): AsyncIterable<ProviderEvent> {
    if (request.prompt === "a refusal") throw new GatewayError("CONTENT_REJECTED", "refused", { billed: "NO" });
    if (request.prompt === "it breaks") throw new GatewayError("UPSTREAM_FAILED", "it broke", { billed: "UNKNOWN" });
    const { partialImages, size } = request;
    if (partialImages > 0) {
      const bytes = once(await plainImage(size.width, size.height, 5, "png"));
      const events = await gateway.gateway.images.watchAll({ projectId: "proj_public" });
      yield { type: "partial", index: 0, partialIndex: 0, bytes };
      // A preview is omitted if the image is ready before it.
      for await (const { type } of events) if (type === "partial") break;
    }
    yield* makeImages(request);
  };
});
afterAll(() => gateway.close());

describe("the SDK of another language", () => {
  const run = async () => {
    const mask = join(await newDirectory(), "mask.png");
    await writeFile(mask, await leftHalfMask(64, 64));
    const { stdout } = await promisify(execFile)(PYTHON, [SCRIPT, gateway.url, mask]);

    expect(JSON.parse(stdout)).toEqual({
      size: "96x64",
      heads: ["WEBP", "WEBP"],
      url: expect.stringContaining(`${gateway.url}/images/`),
      retired: [expect.stringContaining("299 pictograph"), true],
      edit: "64x64",
      events: ["image_generation.partial_image", "image_generation.completed", "image_edit.completed"],
      models: ["any-size-1", "illustrator-1"],
      errors: [
        ["BadRequestError", "integer_above_max_value", "n"],
        ["NotFoundError", "model_not_found", "model"],
        ["BadRequestError", "moderation_blocked", null],
        ["InternalServerError", "upstream_failed", null],
      ],
    });
    expect(gateway.provider.requests.find(({ edit }) => edit?.mask)?.edit?.images).toHaveLength(2);
    expect(gateway.provider.requests.filter(({ prompt }) => prompt === "it breaks")).toHaveLength(1);
  };
  testWhere(isHere, `${PYTHON} with the package openai`, "OpenAI's Python package works with another base URL", run);
});
