import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { GenerationSlice, HistoryFilter, ImageSlice } from "../../src/ports/history.ts";
import { GENERATION_STATUSES, type Generation, type Image } from "../../src/ports/records.ts";
import { wordsOf } from "../../src/ports/search-words.ts";
import { seededRandom } from "../support/random.ts";
import {
  ACCEPTED_AT,
  accept,
  begin,
  claimOf,
  FAILURE,
  FINISHED_AT,
  idsOf,
  imageOf,
  type OpenedRecords,
  orderOf,
  type RecordsWithHistory,
  SIZE,
  sourceOf,
  WORKER,
} from "./record-samples.ts";

const PROMPTS = [
  "A red fox in the snow",
  "Fox and hound",
  "一只红狐狸",
  "赤い狐のカメラ",
  "Café crème, ÜBER-straße",
  "foxglove 'quoted' \"fox\" AND NOT * : & | ! ( ) \\",
  "🦊",
  "...",
  "ЁЖИК в тумане",
];
const SEARCHES = [
  "fox",
  "FOX sn",
  "狐",
  "红狐",
  "カメ",
  "cafe",
  "creme",
  "STRASSE",
  "quo",
  "and",
  "🦊",
  "ежик",
  "hound fox",
  "nothing",
  "f",
];
const TAGS = [
  [{ key: "album", value: "a" }],
  [
    { key: "album", value: "a" },
    { key: "b", value: "寿司 '\"" },
  ],
  [{ key: "album", value: "A" }],
];

/** What every {@link History} promises: each engine lists what a list in memory would. */
export function historyContract(name: string, open: () => Promise<OpenedRecords>): void {
  describe(`${name} as history`, () => {
    let opened: OpenedRecords;
    let records: RecordsWithHistory;

    beforeEach(async () => {
      opened = await open();
      records = opened.records;
    });

    afterEach(() => opened.close());

    const search = async (text: string) =>
      idsOf(await records.history.listGenerations({ words: wordsOf(text), from: "newest", limit: 100 }));

    test("lists and counts the same as lists in memory", async () => {
      const random = seededRandom(20_261_130);
      const ids = random.shuffled(Array.from({ length: 60 }, (_, i) => `gen_${(i * 7919 + 100_000).toString(36)}`));
      const known: { readonly generation: Generation; readonly images: Image[] }[] = [];
      for (const id of ids) {
        const order = {
          ...orderOf(id, new Date(ACCEPTED_AT.getTime() + random.whole(0, 5))),
          projectId: random.pick(["a", "b"]),
          endUser: random.pick(["u", "v", undefined]),
          prompt: random.pick(PROMPTS),
          model: random.pick(["m-1", "m-2"]),
          metadata: random.pick([...TAGS, undefined]),
          edit: random.pick([{ images: [sourceOf(0)] }, undefined]),
        };
        await begin(records, order);
        const images = Array.from({ length: random.whole(0, 3) }, (_, index) => ({
          ...imageOf(id, index),
          isFavorite: random.whole(0, 3) === 0,
        }));
        for (const { isFavorite, ...image } of images) {
          await records.addImage(image, SIZE, WORKER);
          if (isFavorite) await records.setFavorite(image.id, true);
        }
        const status = random.pick(["RUNNING", "SUCCEEDED", "FAILED"]);
        if (status === "SUCCEEDED") await records.finish(id, WORKER, { status }, FINISHED_AT);
        if (status === "FAILED") await records.finish(id, WORKER, { status, failure: FAILURE }, FINISHED_AT);
        known.push({ generation: { ...order, status } as Generation, images });
      }
      known.sort((a, b) => (a.generation.id < b.generation.id ? 1 : -1));
      const maybe = <Value>(value: Value): Value | undefined => (random.whole(0, 2) === 0 ? value : undefined);

      for (let round = 0; round < 400; round++) {
        const filter: HistoryFilter = {
          projectId: random.pick(["a", "b", "nobody", undefined]),
          endUser: maybe(random.pick(["u", "v", "w"])),
          status: maybe(random.pick(GENERATION_STATUSES)),
          model: maybe(random.pick(["m-1", "m-2", "m-3"])),
          operation: maybe(random.pick(["GENERATE", "EDIT"])),
          isFavorite: maybe(random.whole(0, 1) === 1),
          createdFrom: maybe(new Date(ACCEPTED_AT.getTime() + random.whole(0, 6))),
          createdBefore: maybe(new Date(ACCEPTED_AT.getTime() + random.whole(0, 6))),
          metadata: maybe(random.pick(TAGS)),
          words: maybe(wordsOf(random.pick(SEARCHES))),
        };
        const matching = known.filter((one) => matches(one.generation, filter));
        const isMarked = (image: Image) => filter.isFavorite === undefined || image.isFavorite === filter.isFavorite;
        const generations = matching.filter(
          ({ images }) =>
            filter.isFavorite === undefined || images.some(({ isFavorite }) => isFavorite) === filter.isFavorite,
        );
        const images = matching.flatMap((one) => one.images.filter(isMarked));
        const bounds = [random.pick(ids), random.pick(ids), "gen_", "gen_zzzz"];
        const includesBounds = random.whole(0, 1) === 1;
        const limit = random.pick([1, 2, 5, 200]);
        const slice: GenerationSlice = {
          ...filter,
          olderThan: maybe(random.pick(bounds)),
          newerThan: maybe(random.pick(bounds)),
          includesBounds,
          from: random.pick(["newest", "oldest"]),
          limit,
        };
        const { olderThan, newerThan } = slice;
        const inRange = generations.filter(
          ({ generation: { id } }) =>
            (olderThan === undefined || id < olderThan || (includesBounds && id === olderThan)) &&
            (newerThan === undefined || id > newerThan || (includesBounds && id === newerThan)),
        );
        const listed = await records.history.listGenerations(slice);
        expect({ slice, ids: idsOf(listed) }).toEqual({
          slice,
          ids: (slice.from === "newest" ? inRange.slice(0, limit) : inRange.slice(-limit)).map(
            ({ generation }) => generation.id,
          ),
        });
        expect(await records.history.countGenerations(filter, limit)).toBe(Math.min(limit, generations.length));

        const place = () => ({ generationId: random.pick(bounds), index: random.whole(0, 2) });
        const imageSlice: ImageSlice = {
          ...filter,
          after: maybe(place()),
          before: maybe(place()),
          includesBounds,
          from: random.pick(["start", "end"]),
          limit,
        };
        const { after, before } = imageSlice;
        const imagesInRange = images.filter(
          (image) =>
            (!after || compare(image, after) > 0 || (includesBounds && compare(image, after) === 0)) &&
            (!before || compare(image, before) < 0 || (includesBounds && compare(image, before) === 0)),
        );
        expect({ imageSlice, ids: idsOf(await records.history.listImages(imageSlice)) }).toEqual({
          imageSlice,
          ids: idsOf(imageSlice.from === "start" ? imagesInRange.slice(0, limit) : imagesInRange.slice(-limit)),
        });
        expect(await records.history.countImages(filter, limit)).toBe(Math.min(limit, images.length));
      }
    });

    test.each([
      ["a word in another case", "FOX"],
      ["the beginning of a word", "fo"],
      ["words in any order", "snow red"],
      ["words twice", "fox fox FOX"],
      ["words between other characters", "-fox/'snow' \"red\" * : & | ! ( ) \\ %_"],
      ["no word", "… ! \" '"],
    ])("finds a prompt by %s", async (_what, text) => {
      await accept(records, { ...orderOf("gen_1"), prompt: "A red fox in the snow" });
      expect(await search(text)).toEqual(["gen_1"]);
    });

    test.each(["ox", "foxes", "red wolf", "a red fox in the snow today"])(
      "does not find a prompt by %s",
      async (text) => {
        await accept(records, { ...orderOf("gen_1"), prompt: "A red fox in the snow" });
        expect(await search(text)).toEqual([]);
      },
    );

    test.each([
      ["accents", "crème brûlée à Łódź", "CREME brulee lodz"],
      ["accents in the search", "creme", "crĕmé"],
      ["composed and decomposed forms", "caf\u00e9", "cafe\u0301"],
      ["full width", "ＦＯＸ", "fox"],
      ["sharp s", "Straße", "STRASSE"],
      ["any character of Chinese", "一只红色的狐狸", "狐红"],
      ["any character of Japanese", "赤い狐がカメラを見る", "カメラ 見"],
      ["half width", "ｶﾞﾗｽ", "ガラス"],
      ["words beside Chinese", "红色fox狐狸", "fox"],
      ["a syllable of Korean", "빨간 여우", "여"],
      ["a long word", "x".repeat(5000), `${"x".repeat(5000)}y`],
      ["an emoji", "a🦊b", "🦊"],
      ["the longest prompt", `${"🖼 ".repeat(15_990)} last`, "last"],
    ])("finds whatever the %s", async (_what, prompt, text) => {
      await accept(records, { ...orderOf("gen_1"), prompt });
      expect(await search(text)).toEqual(["gen_1"]);
    });

    test("distinguishes voiced kana from unvoiced ones, and Chinese characters from each other", async () => {
      await accept(records, { ...orderOf("gen_1"), prompt: "が 红" });
      expect(await search("か")).toEqual([]);
      expect(await search("虹")).toEqual([]);
    });

    test("keeps favorites, and counts an image marked twice only once", async () => {
      await begin(records, orderOf("gen_1"));
      for (const index of [0, 1]) await records.addImage(imageOf("gen_1", index), SIZE, WORKER);
      const [first, second] = [imageOf("gen_1", 0), imageOf("gen_1", 1)];
      for (const { id } of [first, first, second]) await records.setFavorite(id, true);
      await records.setFavorite(second.id, false);
      await records.setFavorite("img_none", true);
      records = await opened.reopen();

      expect(await records.findImagesOf(["gen_1"])).toStrictEqual([{ ...first, isFavorite: true }, second]);
      expect(await records.history.countGenerations({ isFavorite: true }, 10)).toBe(1);
      expect(await records.history.countImages({ isFavorite: true }, 10)).toBe(1);
      expect(await records.history.countImages({ isFavorite: false }, 10)).toBe(1);
    });

    test("removes a single image", async () => {
      await begin(records, orderOf("gen_1"));
      for (const index of [0, 1]) await records.addImage(imageOf("gen_1", index), SIZE, WORKER);
      await records.removeImage(imageOf("gen_1", 0).id);
      await records.removeImage("img_none");

      expect(await records.findImagesOf(["gen_1"])).toStrictEqual([imageOf("gen_1", 1)]);
    });

    test("finds nothing removed", async () => {
      await accept(records, { ...orderOf("gen_1"), prompt: "a secret wish", metadata: TAGS[0] });
      await accept(records, { ...orderOf("gen_2"), prompt: "another wish" });
      await records.remove("gen_1");

      expect(await search("wish")).toEqual(["gen_2"]);
      expect(await records.history.countGenerations({ metadata: TAGS[0] }, 10)).toBe(0);
    });

    test("finds a generation that fell back by the model that ran it", async () => {
      await begin(records, orderOf("gen_1"), claimOf());
      await records.changeModel("gen_1", WORKER, { model: "other-1", modelSize: SIZE, warnings: [], fallbacks: [] });
      expect(await records.history.countGenerations({ model: "other-1" }, 10)).toBe(1);
      expect(await records.history.countGenerations({ model: "scripted-1" }, 10)).toBe(0);
    });
  });
}

function matches(generation: Generation, filter: HistoryFilter): boolean {
  const { projectId, endUser, status, model, operation, createdFrom, createdBefore, metadata, words } = filter;
  const has = wordsOf(generation.prompt);
  return (
    (projectId === undefined || generation.projectId === projectId) &&
    (endUser === undefined || generation.endUser === endUser) &&
    (status === undefined || generation.status === status) &&
    (model === undefined || generation.model === model) &&
    (operation === undefined || operation === (generation.edit ? "EDIT" : "GENERATE")) &&
    (createdFrom === undefined || generation.createdAt >= createdFrom) &&
    (createdBefore === undefined || generation.createdAt < createdBefore) &&
    (words ?? []).every((word) => has.some((one) => one.startsWith(word))) &&
    (metadata ?? []).every(({ key, value }) =>
      generation.metadata?.some((one) => one.key === key && one.value === value),
    )
  );
}

/** Sorted by generation, newest first, and then by index. */
function compare(image: Image, place: { readonly generationId: string; readonly index: number }): number {
  if (image.generationId !== place.generationId) return image.generationId < place.generationId ? 1 : -1;
  return image.index - place.index;
}
