import { afterEach, beforeEach, expect, test } from "@jest/globals";
import type { OriginStep } from "../../../src/ports/image-provider.ts";
import type { Image } from "../../../src/ports/records.ts";
import type { EditInput } from "../../../src/service/edits/edit-input.ts";
import type { GenerationInput } from "../../../src/service/generations/generation-input.ts";
import {
  ANY_SIZE_EDITOR,
  ANY_SIZE_MODEL,
  type ScriptedGateway,
  startScriptedGateway,
} from "../../support/gateways/scripted-gateway.ts";
import { makeImages, once, plainImage } from "../../support/gateways/scripted-provider.ts";
import { leftHalfMask } from "../../support/images/source-images.ts";

const CALLER = { projectId: "proj_public" };
const PATIENCE_MS = 60_000;

let gateway: ScriptedGateway;
/** The origin of each edit's first image, as the provider read it. */
let origins: (readonly OriginStep[] | undefined)[];

beforeEach(async () => {
  gateway = await startScriptedGateway({}, [ANY_SIZE_EDITOR, ANY_SIZE_MODEL]);
  origins = [];
  gateway.provider.script = async function* (request) {
    if (request.edit) origins.push(await request.edit.images[0]?.origin?.());
    yield* makeImages(request);
  };
});

afterEach(() => gateway.close());

async function generate(input: Partial<GenerationInput> = {}): Promise<Image> {
  const { images } = gateway.gateway;
  return lastImageOf((await images.submit(CALLER, { prompt: "a fox", size: "96x64", ...input })).id);
}

async function edit(input: Omit<EditInput, "prompt"> & { prompt?: string }): Promise<Image> {
  return lastImageOf((await gateway.gateway.images.submitEdit(CALLER, { prompt: "at night", ...input })).id);
}

async function lastImageOf(generationId: string): Promise<Image> {
  const { images } = gateway.gateway;
  const [generation] = await images.generations(CALLER, [generationId]);
  if (!generation) throw new Error("there is no generation");
  await images.wait(generation, PATIENCE_MS);
  const [made = []] = await images.imagesOf([generationId]);
  const image = made.at(-1);
  if (!image) throw new Error("there is no image");
  return image;
}

test("a provider can look up how an image was made and edited since", async () => {
  const fox = await generate({ n: 2 });
  const night = await edit({ images: [{ id: fox.id }], background: "OPAQUE" });
  await edit({ prompt: "add a cat", images: [{ link: gateway.gateway.images.link(night) }], size: "128x128" });

  const step = { model: ANY_SIZE_EDITOR.id, size: { width: 96, height: 64 } };
  const first = { ...step, prompt: "a fox", index: 1, background: "AUTO" };
  expect(origins).toEqual([[first], [first, { ...step, prompt: "at night", index: 0, background: "OPAQUE" }]]);
});

test("an origin is unknown if any step of it is not recorded", async () => {
  const upload = { bytes: once(await plainImage(96, 64, 3, "PNG")) };
  const fox = await generate();
  const fromElsewhere = await edit({ images: [upload] });
  const masked = await edit({ images: [{ id: fox.id }], mask: { bytes: once(await leftHalfMask(96, 64)) } });
  const joined = await edit({ images: [{ id: fox.id }, { id: masked.id }] });
  origins.length = 0;

  for (const { id } of [fromElsewhere, masked, joined]) await edit({ images: [{ id }] });
  const night = await edit({ images: [{ id: fox.id }] });
  await gateway.gateway.images.delete(CALLER, fox.generationId);
  await edit({ images: [{ id: night.id }] });

  expect(origins.map((steps) => steps?.length)).toEqual([undefined, undefined, undefined, 1, undefined]);
});

test("the lookup stops after 32 steps", async () => {
  let image = await generate();
  for (let step = 1; step <= 33; step++) image = await edit({ images: [{ id: image.id }] });

  expect(origins.slice(-3).map((steps) => steps?.length)).toEqual([31, 32, undefined]);
});

test("a provider's warning keeps its code", async () => {
  gateway.provider.script = async function* (request) {
    for await (const event of makeImages(request)) {
      yield { ...event, warnings: ["plain", { code: "NOT_DRAWN", message: "no lake" }] } as typeof event;
    }
  };
  const { generationId } = await generate();
  const [generation] = await gateway.gateway.images.generations(CALLER, [generationId]);

  expect(generation?.warnings).toEqual([
    { code: "PROVIDER_WARNING", message: "plain" },
    { code: "NOT_DRAWN", message: "no lake" },
  ]);
});
