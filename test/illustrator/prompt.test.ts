import { describe, expect, test } from "@jest/globals";
import type { Subject } from "../../src/illustrator/scene.ts";
import { readScene } from "../../src/illustrator/scene-builder.ts";

/** Subjects in short form: number, name, colour, and what they have. */
function told(subject: Subject): string {
  const worn = subject.wearing.map(({ art }) => `+${art}`).join("");
  const held = subject.holding === undefined ? "" : ` holds ${told(subject.holding)}`;
  const ridden = subject.riding === undefined ? "" : ` rides ${told(subject.riding)}`;
  const name = subject.kind === "person" ? "person" : subject.art;
  const colour = subject.kind === "thing" && subject.colour !== undefined ? ` ${subject.colour}` : "";
  return `${subject.count} ${name}${colour}${worn}${held}${ridden}`;
}

const subjectsOf = (prompt: string): string[] => readScene(prompt).subjects.map(told);

describe("readScene", () => {
  test.each([
    ["a dog on a beach", ["1 dog"]],
    ["two cats", ["2 cat-face"]],
    ["cats", ["3 cat-face"]],
    ["a flock of birds", ["7 bird"]],
    ["5 butterflies", ["5 butterfly"]],
    ["three wolves", ["3 wolf"]],
    ["a blue car and a red bus", ["1 automobile #2f6fe4", "1 bus #e5352f"]],
    ["dark blue car", ["1 automobile #1c2f6b"]],
    ["a hot air balloon", ["1 hot-air-balloon"]],
    ["a polar bear", ["1 polar-bear"]],
    ["the dog's ball", ["1 dog", "1 soccer-ball"]],
    ["an astronaut riding a horse", ["1 person rides 1 horse"]],
    ["a cat wearing a red hat", ["1 cat-face+top-hat"]],
    ["robot drinking coffee", ["1 robot holds 1 hot-beverage"]],
    ["two cats playing chess", ["2 cat-face holds 1 chess-board"]],
    ["sushi and ramen", ["1 sushi", "1 steaming-bowl"]],
    ["a bowl of fruit", ["1 fruit-bowl"]],
    ["an orange", ["1 tangerine"]],
    ["t-rex", ["1 t-rex"]],
    ["asdf qwer", []],
    ["", []],
  ])("reads the nouns of %j", (prompt, subjects) => {
    expect(subjectsOf(prompt)).toEqual(subjects);
  });

  test.each([
    ["一只戴帽子的猫在海边看日落", ["1 cat-face+top-hat"], "beach", "sunset"],
    ["三只小鸟在树上", ["3 bird", "1 deciduous-tree"], undefined, undefined],
    ["蓝色的汽车", ["1 automobile #2f6fe4"], undefined, undefined],
    ["骑马的宇航员在月球上", ["1 person rides 1 horse"], "moon", undefined],
    ["雨の街を走る赤い車", ["1 automobile #e5352f"], "city", undefined],
    ["森の中の狐", ["1 fox"], "forest", undefined],
    ["밤하늘 아래 고양이 두 마리", ["2 cat-face"], "sky", undefined],
    ["커피를 마시는 로봇", ["1 robot holds 1 hot-beverage"], undefined, undefined],
    ["고양이가 커피를 마시는 카페", ["1 cat-face holds 1 hot-beverage"], "cafe", undefined],
  ])("finds words without spaces in %j", (prompt, subjects, place, time) => {
    const scene = readScene(prompt);
    expect(scene.subjects.map(told)).toEqual(subjects);
    expect(scene.place).toBe(place);
    if (time !== undefined) expect(scene.time).toBe(time);
  });

  test("reads emoji by code point, with skin tones and repetition", () => {
    expect(subjectsOf("🍕🚀 in space")).toEqual(["1 pizza", "1 rocket"]);
    expect(subjectsOf("🐱🐱🐱")).toEqual(["3 cat-face"]);
    const [person] = readScene("👩🏿‍🚀").subjects;
    expect(person).toMatchObject({
      kind: "person",
      count: 1,
      look: { gender: "female", outfit: "astronaut", skin: "dark" },
    });
    expect(readScene("🌧️").weather).toBe("rain");
  });

  test("reads place, time, weather, season and style", () => {
    expect(readScene("a foggy forest at dawn in autumn, oil painting")).toMatchObject({
      place: "forest",
      time: "dawn",
      weather: "fog",
      season: "autumn",
      style: "oil",
    });
    expect(readScene("a lighthouse in a storm")).toMatchObject({
      weather: "storm",
      subjects: [{ art: "lighthouse" }],
    });
    expect(readScene("snowy village at night, pixel art")).toMatchObject({
      place: "village",
      weather: "snow",
      time: "night",
      style: "pixel",
    });
  });

  test("gives a colour to the noun after it, and the remaining colours to the picture", () => {
    const scene = readScene("abstract blue and gold waves");
    expect(scene).toMatchObject({ isAbstract: true, subjects: [], colours: ["#2f6fe4", "#e0a92e"] });
  });

  test("reads a person's appearance", () => {
    expect(readScene("a portrait of an old man with a beard and glasses")).toMatchObject({
      isPortrait: true,
      subjects: [{ look: { age: "old", gender: "male", beard: "beard" }, wearing: [{ art: "glasses" }] }],
    });
    expect(readScene("smiling girl with long blonde hair and green eyes").subjects).toMatchObject([
      { look: { gender: "female", hair: "long", hairColour: "#e8c26a", eyeColour: "#2fa84f", expression: "smiling" } },
    ]);
    expect(readScene("长发女孩").subjects).toMatchObject([{ look: { gender: "female", hair: "long" } }]);
    expect(readScene("woman in a red dress").subjects).toMatchObject([
      { look: { gender: "female", outfit: "dress", outfitColour: "#e5352f" } },
    ]);
  });

  test("treats full-width, upper-case and decomposed letters alike", () => {
    expect(readScene("ＣＡＴ")).toEqual(readScene("cat"));
    expect(readScene("  Café ".normalize("NFD")).place).toBe("cafe");
  });

  test.each([
    ["a 5 year old girl", 1, "child"],
    ["a five-year-old girl", 1, "child"],
    ["two 5 year old girls", 2, "child"],
    ["a girl, 5 years old", 1, "child"],
    ["a girl aged 11", 1, "child"],
    ["a 17yo girl", 1, "young"],
    ["a 35-year-old woman", 1, "adult"],
    ["an eighty year old woman", 1, "old"],
    ["5岁的女孩", 1, "child"],
    ["五岁的女孩", 1, "child"],
    ["5歳の女の子", 1, "child"],
    ["다섯 살 소녀", 1, "child"],
    ["5살 소녀", 1, "child"],
  ])("reads %j as an age", (prompt, count, age) => {
    expect(readScene(prompt).subjects).toMatchObject([{ count, look: { gender: "female", age } }]);
  });

  test.each([
    ["3 cats at 5 pm, 85mm lens, f/1.8, 8k", ["3 cat-face"]],
    ["a 5 year old dog", ["1 dog"]],
    ["a dog, 1024x1024", ["1 dog"]],
  ])("reads no number in %j as a count except the count", (prompt, subjects) => {
    expect(subjectsOf(prompt)).toEqual(subjects);
  });

  test.each([
    ["a unicorn, a narwhal and a yak", ["narwhal", "yak"]],
    ["a steampunk zeppelin above a city", ["zeppelin"]],
    ["a fluffy cat, highly detailed, masterpiece, 8k", []],
    ["a cat on a roof in a forest by the sea", ["roof", "sea"]],
    ["a dog in a park under trees and a blue sky", []],
    ["a panda eating bamboo by a lake", ["bamboo"]],
    ["a waterfall in a jungle", ["waterfall"]],
    ["one two three four five six seven cats, a dog, a fox, a cow, a pig, a horse and a bear", ["bear"]],
    ["鹤在湖边", ["鹤"]],
    ["一只毛茸茸的小狗在草地上玩球", []],
    ["雪が積もった村", []],
    ["눈 덮인 산의 곰", []],
    ["кот на крыше", ["кот", "на", "крыше"]],
  ])("reports the words in %j that it cannot draw or place", (prompt, missing) => {
    expect([...readScene(prompt).missing]).toEqual(missing);
  });

  test.each([
    ["a red apple on white", ["1 red-apple"], "#f6f4ef"],
    ["a cat on a white background", ["1 cat-face"], "#f6f4ef"],
    ["白色背景上的苹果", ["1 red-apple"], "#f6f4ef"],
    ["青い背景の猫", ["1 cat-face"], "#2f6fe4"],
  ])("reads the plain background in %j", (prompt, subjects, colour) => {
    expect(subjectsOf(prompt)).toEqual(subjects);
    expect(readScene(prompt).backdropColour).toBe(colour);
  });

  test.each([
    ["a man without a hat", ["1 person"]],
    ["a street with no people", []],
    ["没有人的街道", []],
  ])("omits what %j excludes", (prompt, subjects) => {
    expect(subjectsOf(prompt)).toEqual(subjects);
  });

  test("fills vessels", () => {
    expect(subjectsOf("a bowl of lemons")).toEqual(["1 bowl holds 3 lemon"]);
    expect(subjectsOf("lemons in a bowl")).toEqual(["1 bowl holds 3 lemon"]);
    expect(subjectsOf("a vase of roses on a table")).toEqual(["1 vase holds 3 rose"]);
  });

  test.each([
    ["a knight with a sword", ["1 person holds 1 dagger"]],
    ["a girl with a dog", ["1 person", "1 dog"]],
    ["a bowl of ramen", ["1 steaming-bowl"]],
    ["a snowman with a red scarf", ["1 snowman+scarf"]],
  ])('reads what is after "with" in %j', (prompt, subjects) => {
    expect(subjectsOf(prompt)).toEqual(subjects);
  });

  test("lets no subject ride itself", () => {
    expect(subjectsOf("스키 타는 곰")).toEqual(["1 skis", "1 bear"]);
  });

  test.each([
    ["lone surrogates", "\ud83d cat \udc31"],
    ["right-to-left and combining marks", "\u202e قطة c\u0301\u0302\u0303at שלום"],
    ["control characters", "\u0000\u0007cat\u001b[31m"],
    ["words that objects inherit", "constructor __proto__ toString hasOwnProperty"],
    ["32,000 characters", "cat dog ".repeat(4000)],
    ["one word of 32,000 characters", "a".repeat(32_000)],
    ["32,000 Chinese characters", "猫".repeat(32_000)],
    ["10,000 emoji", "🐱🐶".repeat(5000)],
  ])("survives %s", (_name, prompt) => {
    const { subjects } = readScene(prompt);
    expect(subjects.length).toBeLessThanOrEqual(6);
    for (const { count } of subjects) expect(count).toBeLessThanOrEqual(9);
  });
});
