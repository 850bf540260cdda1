import { fileURLToPath } from "node:url";
import { expect } from "@jest/globals";
import { ANY_SIZE_MODEL, type ScriptedGateway, startScriptedGateway } from "../gateways/scripted-gateway.ts";

/** The folder of the samples. */
export const SAMPLES = fileURLToPath(new URL("../../../docs/clients/", import.meta.url));

/** A gateway with a model that generates and edits, which is all that the samples need. */
export function startSampleGateway(): Promise<ScriptedGateway> {
  const edits = { maxInputImages: 16, maxInputBytes: 49_999_999, inputFormats: ["PNG"], hasMask: true } as const;
  return startScriptedGateway({}, [{ ...ANY_SIZE_MODEL, operations: ["GENERATE", "EDIT"], edits }]);
}

/** Checks a sample's output: the URL of a generated image, the URL of an edited one, and the model names. */
export function expectEveryRoute(gateway: ScriptedGateway, lines: readonly string[]): void {
  expect(lines).toHaveLength(6);
  for (const url of lines.slice(0, 4)) expect(url).toMatch(`${gateway.url}/images/img_`);
  expect(lines.slice(4)).toEqual(["any-size-1", "illustrator-1"]);
  expect(gateway.provider.requests.map(({ prompt, n, edit }) => [prompt, n, edit?.images.length])).toEqual([
    ["a red fox in the snow", 2, undefined],
    ["a blue bird on a branch", 1, undefined],
    ["the fox wears a hat", 1, 1],
  ]);
}
