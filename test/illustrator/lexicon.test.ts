import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { expect, test } from "@jest/globals";
import { createLexicon, toText } from "../../scripts/lexicon.ts";
import { createRandom } from "../../src/illustrator/canvas/random.ts";
import lexicon from "../../src/illustrator/lexicon.json" with { type: "json" };
import { creatureSprite } from "../../src/illustrator/subjects/creature.ts";
import { landmarkSprite } from "../../src/illustrator/subjects/landmarks.ts";
import { THINGS } from "../../src/illustrator/words/things.ts";

const COMMITTED = new URL("../../src/illustrator/lexicon.json", import.meta.url);

test("the committed lexicon is the script's output", async () => {
  expect((await readFile(COMMITTED, "utf8")) === toText(await createLexicon())).toBe(true);
});

test("all art in the lexicon is in the collection", async () => {
  const path = createRequire(import.meta.url).resolve("@iconify-json/fluent-emoji-flat/icons.json");
  const { icons } = JSON.parse(await readFile(path, "utf8")) as { icons: Record<string, unknown> };
  const missing = lexicon.art.map((entry) => entry.split(" ")[0] ?? "").filter((name) => !Object.hasOwn(icons, name));
  expect(missing).toEqual([]);
});

test("every curated noun has something to draw", () => {
  const random = createRandom("nouns");
  const missing = THINGS.map((line) => line.split("|")[0]?.split(" ") ?? []).filter(([art = "", role]) => {
    if (role === "effect") return false;
    return (landmarkSprite(art, random, undefined) ?? creatureSprite(art, undefined, false)) === undefined;
  });
  expect(missing).toEqual([]);
});
