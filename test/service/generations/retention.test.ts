import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, test } from "@jest/globals";
import { pino } from "pino";
import { startScriptedGateway } from "../../support/gateways/scripted-gateway.ts";
import { storedFiles } from "../../support/stores/stored-files.ts";
import { temporaryDirectories } from "../../support/temporary-directory.ts";

const DAY_MS = 24 * 60 * 60 * 1000;
const GENERATE = `mutation ($input: GenerateImagesInput!) {
  generateImages(input: $input) { id images { url derivative: url(width: 32) } } }`;
const LIST = "{ generations { edges { node { id } } } }";

const newDirectory = temporaryDirectories();

test("a gateway with a retention of one day removes older generations with all their bytes, and nothing else", async () => {
  const dataDir = await newDirectory();
  let now = new Date();
  const first = await startScriptedGateway({ dataDir, now: () => now });
  const generate = async () => {
    const { body } = await first.graphql(GENERATE, { input: { prompt: "a fox", size: "64x64" } });
    const { id, images } = body.data.generateImages;
    expect((await fetch(images[0].derivative)).status).toBe(200);
    return id as string;
  };
  const old = await generate();
  now = new Date(now.getTime() + DAY_MS);
  const young = await generate();
  await first.stop();
  const before = (await storedFiles(dataDir)).sort();

  now = new Date(now.getTime() + 1);
  const swept = Promise.withResolvers<void>();
  const logger = pino({ level: "debug" }, { write: (line) => line.includes('"swept"') && swept.resolve() });
  const second = await startScriptedGateway({ dataDir, now: () => now, retainMs: DAY_MS, logger });
  await swept.promise;
  const { body } = await second.graphql(LIST);
  const after = (await storedFiles(dataDir)).sort();
  await second.close();
  await first.close();

  expect(body.data.generations.edges).toEqual([{ node: { id: young } }]);
  expect(before.some((path) => path.includes(old))).toBe(true);
  expect(after).toEqual(before.filter((path) => path.includes(young)));
});

test("maintenance removes budget windows that began over 100 days ago, and keeps the total", async () => {
  const dataDir = await newDirectory();
  const start = new Date("2026-08-03T12:00:00Z");
  const first = await startScriptedGateway({ dataDir, now: () => start });
  await first.graphql(GENERATE, { input: { prompt: "a fox", size: "64x64" } });
  await first.stop();
  const sweepAfter = async (days: number) => {
    const swept = Promise.withResolvers<void>();
    const logger = pino({ level: "debug" }, { write: (line) => line.includes('"swept"') && swept.resolve() });
    const now = new Date(start.getTime() + days * DAY_MS);
    const gateway = await startScriptedGateway({ dataDir, now: () => now, logger });
    await swept.promise;
    await gateway.stop();
    return windowsIn(dataDir);
  };

  // The month began two days before the day, which began the week too.
  expect(await sweepAfter(100)).toEqual(["DAY", "TOTAL", "WEEK"]);
  expect(await sweepAfter(101)).toEqual(["TOTAL"]);
});

function windowsIn(dataDir: string): unknown[] {
  const database = new DatabaseSync(join(dataDir, "pictograph.db"), { readOnly: true });
  const rows = database.prepare("SELECT DISTINCT period FROM spending_windows ORDER BY period").all();
  database.close();
  return rows.map(({ period }) => period);
}
