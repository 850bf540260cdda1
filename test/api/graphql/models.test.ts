import { expect, test } from "@jest/globals";
import type { SizeRule } from "../../../src/ports/image-provider.ts";
import { ADMIN, startKeyedGateway } from "../../support/gateways/keyed-gateway.ts";
import { ANY_SIZE_EDITOR, ANY_SIZE_MODEL, startScriptedGateway } from "../../support/gateways/scripted-gateway.ts";

const ABILITIES = `qualities backgrounds hasSeed hasMask maxInputImages maxPromptLength maxPartialImages
  maxImagesWithPartialImages`;

test("a model describes its abilities", async () => {
  const edits = { maxInputImages: 4, maxInputBytes: 1_000_000, inputFormats: ["PNG"], hasMask: false } as const;
  const models = [
    { ...ANY_SIZE_MODEL, id: "plain", backgrounds: ["AUTO"], hasSeed: true, maxPromptLength: 1000 },
    { ...ANY_SIZE_EDITOR, id: "editor", previews: { maxPartialImages: 3, maxImages: 1 } },
    { ...ANY_SIZE_EDITOR, id: "limited", edits },
  ] as const;
  const gateway = await startScriptedGateway({}, models);
  const { body } = await gateway.graphql(`{ models { id ${ABILITIES} } }`);
  await gateway.close();

  const qualities = ["AUTO", "LOW", "MEDIUM", "HIGH"];
  const without = { maxPartialImages: 0, maxImagesWithPartialImages: 0 };
  const usual = { qualities, backgrounds: ["AUTO", "OPAQUE", "TRANSPARENT"], hasSeed: false, maxPromptLength: 32_000 };
  const byId = new Map(body.data.models.map((model: { id: string }) => [model.id, model]));
  expect(byId.get("plain")).toEqual({
    id: "plain",
    ...usual,
    ...without,
    backgrounds: ["AUTO"],
    hasSeed: true,
    hasMask: false,
    maxInputImages: 0,
    maxPromptLength: 1000,
  });
  expect(byId.get("editor")).toEqual({
    id: "editor",
    ...usual,
    hasMask: true,
    maxInputImages: 16,
    maxPartialImages: 3,
    maxImagesWithPartialImages: 1,
  });
  expect(byId.get("limited")).toEqual({ id: "limited", ...usual, ...without, hasMask: false, maxInputImages: 4 });
});

test("a client can build its form and show the price from a model's fields", async () => {
  const listed = {
    ...ANY_SIZE_MODEL,
    id: "listed",
    sizes: {
      kind: "list",
      sizes: [
        { width: 1024, height: 1024 },
        { width: 1536, height: 1024 },
      ],
    },
    formats: ["PNG", "JPEG"],
    previews: { maxPartialImages: 3, maxImages: 1 },
    prices: [
      { from: "2026-01-01", source: "https://example.com/old", perImage: "0.05" },
      { from: "2026-06-01", source: "https://example.com/new", perImage: "0.04", perMillionTokens: { textInput: "5" } },
      { from: "2999-01-01", source: "https://example.com/later", perImage: "9" },
    ],
  } as const;
  const bounds = { kind: "bounds", multipleOf: 16, minSide: 64, maxLongSide: 3840, minPixels: 4096, maxPixels: 9e6 };
  const { prices: _, ...unpriced } = { ...ANY_SIZE_MODEL, id: "bounded", sizes: bounds as SizeRule };
  const gateway = await startScriptedGateway({ now: () => new Date("2026-11-30T00:00:00Z") }, [listed, unpriced]);
  const { body } = await gateway.graphql(`{ models {
    id sizes sizeBounds { multipleOf minSide maxLongSide minPixels maxPixels } formats streams
    price { from source perImage perMillionTokens { textInput imageInput textOutput imageOutput } }
  } }`);
  await gateway.close();
  const { kind: _kind, ...shownBounds } = bounds;
  expect(body.data.models).toEqual(
    expect.arrayContaining([
      {
        id: "listed",
        sizes: ["1024x1024", "1536x1024"],
        sizeBounds: null,
        formats: ["PNG", "JPEG"],
        streams: true,
        price: {
          from: "2026-06-01",
          source: "https://example.com/new",
          perImage: "0.04",
          perMillionTokens: { textInput: "5", imageInput: null, textOutput: null, imageOutput: null },
        },
      },
      {
        id: "bounded",
        sizes: [],
        sizeBounds: shownBounds,
        formats: ["PNG", "JPEG", "WEBP"],
        streams: false,
        price: null,
      },
    ]),
  );
});

test("a key sees the models that it and its project may use, in GraphQL and at /v1", async () => {
  const models = ["one", "two", "three"].map((id) => ({ ...ANY_SIZE_MODEL, id }));
  const gateway = await startKeyedGateway({}, models);
  const projectId = await gateway.createProject({ limits: { models: ["one", "two"] } });
  const { headers } = await gateway.createKey(projectId, { limits: { models: ["two", "three"] } });
  const { body } = await gateway.graphql("{ models { id } }", {}, headers);
  const listed = await (await fetch(`${gateway.url}/v1/models`, { headers })).json();
  const { body: ofAdmin } = await gateway.graphql("{ models { id } }", {}, ADMIN);
  const [allowed, forbidden, unknown] = await Promise.all(
    ["two", "three", "four"].map((name) => fetch(`${gateway.url}/v1/models/${name}`, { headers })),
  );
  const refusals = await Promise.all([forbidden, unknown].map((response) => response?.json()));
  await gateway.close();

  expect(body.data.models).toEqual([{ id: "two" }]);
  expect(listed).toMatchObject({ data: [{ id: "two" }] });
  expect([allowed?.status, forbidden?.status, unknown?.status]).toEqual([200, 404, 404]);
  expect(refusals[0]).toEqual(refusals[1]);
  expect(ofAdmin.data.models.map(({ id }: { id: string }) => id)).toEqual(
    expect.arrayContaining(["one", "two", "three"]),
  );
});
