import { expect, test } from "@jest/globals";
import { ANY_SIZE_EDITOR, ANY_SIZE_MODEL, startScriptedGateway } from "../../support/scripted-gateway.ts";

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
