import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { pino } from "pino";
import { createOpenAI } from "../../../src/adapters/openai/openai.ts";
import { ModelCatalogue } from "../../../src/service/models/model-catalogue.ts";
import { ModelWatch } from "../../../src/service/models/model-watch.ts";
import { type StrictImageApi, startStrictImageApi } from "../../support/vendors/strict-image-api.ts";

let api: StrictImageApi;
let lines: Record<string, unknown>[];
let days: PromiseWithResolvers<void>[];
let watch: ModelWatch;
let catalogue: ModelCatalogue;

beforeEach(async () => {
  api = await startStrictImageApi();
  lines = [];
  days = [Promise.withResolvers(), Promise.withResolvers(), Promise.withResolvers()];
});

afterEach(async () => {
  await watch.stop();
  await api.close();
});

/** Watches from 24 November 2026. A day passes each time the test waits for the next one. */
function start(defaultModel = "gpt-image-2"): Promise<void>[] {
  const provider = createOpenAI({ apiKey: api.apiKey, baseUrl: api.baseUrl, timeoutMs: 5000 });
  catalogue = new ModelCatalogue([provider], defaultModel, () => new Date("2026-11-24T12:00:00Z"));
  const logger = pino({}, { write: (line: string) => void lines.push(JSON.parse(line)) });
  const waits = days.map(() => Promise.withResolvers<void>());
  let day = 0;
  watch = new ModelWatch([provider], catalogue, logger, (ms, signal) => {
    expect(ms).toBe(24 * 60 * 60 * 1000);
    const stopped = new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
    waits[day]?.resolve();
    return Promise.race([days[day++]?.promise, stopped]);
  });
  watch.start();
  return waits.map(({ promise }) => promise);
}

const dateOf = (id: string) => catalogue.find(id)?.description.shutdownDate;
const warned = () =>
  lines.filter(({ shutdownDate }) => shutdownDate).map(({ model, shutdownDate }) => [model, shutdownDate]);

test("the vendor's announcements are read at the start and daily, and the log warns of models that shut down soon", async () => {
  const soon = { "gpt-image-1.5": "2026-12-01", "gpt-image-1-mini": "2026-12-02" };
  api.models.shutdownDates = soon;
  const [first, second] = start();
  await first;
  expect(dateOf("gpt-image-1-mini")).toBe("2026-12-02");
  expect(dateOf("gpt-image-2")).toBeUndefined();
  expect(catalogue.find("gpt-image-2")?.description.createdAt).toEqual(new Date(1_795_348_800_000));
  expect(warned()).toEqual(Object.entries(soon));

  lines.length = 0;
  api.models.shutdownDates = { ...soon, "gpt-image-2": "2026-12-24" };
  days[0]?.resolve();
  await second;
  expect(dateOf("gpt-image-2")).toBe("2026-12-24");
  expect(warned()).toEqual([["gpt-image-2", "2026-12-24"], ...Object.entries(soon)]);
});

test.each([
  ["an error", { status: 500, body: "{}" }],
  ["a page", { body: "<html>" }],
  ["no list", { body: '{"data":{}}' }],
  ["a list without end", { body: JSON.stringify({ data: ["x".repeat(5_000_000)] }) }],
])("%s leaves the known dates, and is tried again the next day", async (_what, raw) => {
  api.models.raw = raw;
  const [first, second] = start();
  await first;
  expect(dateOf("gpt-image-1.5")).toBe("2026-12-01");
  expect(lines).toContainEqual(expect.objectContaining({ provider: "openai", level: 40 }));

  api.models.raw = undefined;
  api.models.shutdownDates = { "gpt-image-2": "2026-12-24" };
  days[0]?.resolve();
  await second;
  expect(dateOf("gpt-image-2")).toBe("2026-12-24");
});

test("the log says daily if the default model has been replaced or is gone", async () => {
  const ofDefault = () => lines.filter(({ defaultModel }) => defaultModel).map(({ level, msg }) => [level, msg]);
  const [first, second] = start("dall-e-2");
  await first;
  expect(ofDefault()).toEqual([
    [40, "the model dall-e-2 is retired; gpt-image-2.6-flare was used instead"],
    [40, expect.stringContaining("gpt-image-2.6-flare is of another price class than dall-e-2")],
  ]);

  lines.length = 0;
  api.models.shutdownDates = { "gpt-image-2.6-flare": "2026-11-24", "gpt-image-2.6-sunburst": "2026-11-24" };
  days[0]?.resolve();
  await second;
  expect(ofDefault()).toEqual([[50, expect.stringContaining("set PICTOGRAPH_DEFAULT_MODEL")]]);
});

test.each([0, -1, 1.5, 1e15, "1795348800", null])("a creation time of %j is ignored", async (created) => {
  api.models.raw = { body: JSON.stringify({ data: [{ id: "gpt-image-2", created }] }) };
  const [first] = start();
  await first;
  expect(catalogue.find("gpt-image-2")?.description).not.toHaveProperty("createdAt");
});

test("invalid dates are ignored, and so are models without the field", async () => {
  const wrong = ["2026-13-01", "2026-02-30", "tomorrow", "", 20261201, ["2026-12-01"], "2026-12-01T00:00:00Z"];
  const data = wrong.map((shutdown_date) => ({ id: "gpt-image-2", shutdown_date }));
  api.models.raw = { body: JSON.stringify({ data: [...data, { id: "gpt-image-1.5" }, null, 7] }) };
  const [first] = start();
  await first;
  expect(dateOf("gpt-image-2")).toBeUndefined();
  expect(dateOf("gpt-image-1.5")).toBe("2026-12-01");
});
