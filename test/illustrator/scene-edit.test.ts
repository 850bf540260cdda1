import { describe, expect, test } from "@jest/globals";
import { createRandom } from "../../src/illustrator/canvas/random.ts";
import { compose, extentOf, settle } from "../../src/illustrator/composition.ts";
import type { Scene, Subject } from "../../src/illustrator/scene.ts";
import { readScene } from "../../src/illustrator/scene-builder.ts";
import { editScene } from "../../src/illustrator/scene-edit.ts";

const EXTENT = extentOf(1000, 1000);

interface Edited {
  readonly before: Scene;
  readonly after: Scene;
  /** The words of the last edit that were not found. */
  readonly unchanged: readonly string[];
}

function settledScene(prompt: string): Scene {
  const scene = readScene(prompt);
  settle(scene, createRandom(prompt), EXTENT);
  return scene;
}

/** A scene, and the scene after each edit in turn. */
function edit(prompt: string, ...edits: readonly string[]): Edited {
  const after = settledScene(prompt);
  let unchanged: readonly string[] = [];
  for (const text of edits) unchanged = editScene(after, text, { random: createRandom(text), extent: EXTENT });
  return { before: settledScene(prompt), after, unchanged };
}

/** Number, name, colour, and what they have. */
function told(subject: Subject): string {
  const { count, wearing, holding, riding } = subject;
  const name = subject.kind === "person" ? `person ${JSON.stringify(subject.look)}` : subject.art;
  const colour = subject.kind === "thing" && subject.colour !== undefined ? ` ${subject.colour}` : "";
  const worn = wearing.map((piece) => ` +${piece.art}${piece.colour ?? ""}`).join("");
  return `${count} ${name}${colour}${worn}${holding ? ` holds ${told(holding)}` : ""}${riding ? ` rides ${told(riding)}` : ""}`;
}

const BLUE = "#2f6fe4";
const RED = "#e5352f";

describe("an instruction", () => {
  test.each<[scene: string, edits: string[], subjects: string[]]>([
    ["a fox in a forest", ["add a cat with a hat"], ["1 fox", "1 cat-face +top-hat"]],
    ["a fox in a forest", ["remove the fox"], []],
    ["a fox and a cat", ["remove the fox"], ["1 cat-face"]],
    ["a fox and a cat", ["delete the cat and add a dog"], ["1 fox", "1 dog"]],
    ["a fox, a cat and a dog", ["remove the fox, the dog"], ["1 cat-face"]],
    ["a fox, a cat and a dog", ["remove everything except the cat"], ["1 cat-face"]],
    ["a fox", ["replace the fox with a wolf"], ["1 wolf"]],
    ["a fox", ["turn the fox into a blue cat"], [`1 cat-face ${BLUE}`]],
    ["a fox", ["swap the fox for two cats"], ["2 cat-face"]],
    ["a blue car", ["make the car red"], [`1 automobile ${RED}`]],
    ["a blue car", ["change the car's color to red"], [`1 automobile ${RED}`]],
    ["a fox and a car", ["paint the car red"], ["1 fox", `1 automobile ${RED}`]],
    ["a fox", ["give the fox a red hat"], [`1 fox +top-hat${RED}`]],
    ["a fox", ["add a hat to the fox"], ["1 fox +top-hat"]],
    ["a fox wearing a hat", ["remove the hat"], ["1 fox"]],
    ["a fox wearing a hat", ["replace the hat with a crown"], ["1 fox +crown"]],
    ["a fox wearing a hat", ["make the hat red"], [`1 fox +top-hat${RED}`]],
    ["a fox", ["add another fox"], ["2 fox"]],
    ["a fox", ["add a fox", "remove one fox"], ["1 fox"]],
    ["two cats", ["make it four cats"], ["4 cat-face"]],
    ["five cats", ["remove two of the cats"], ["3 cat-face"]],
    ["a cat", ["let the cat hold an umbrella"], ["1 cat-face holds 1 umbrella"]],
    ["a girl", ["make her hair blue"], [`1 person {"gender":"female","age":"young","hairColour":"${BLUE}"}`]],
    ["a girl", ["change her eyes to blue"], [`1 person {"gender":"female","age":"young","eyeColour":"${BLUE}"}`]],
    ["a girl", ["give her an apple"], ['1 person {"gender":"female","age":"young"} holds 1 red-apple']],
    ["a fox", ["let the fox ride a bicycle"], ["1 fox rides 1 bicycle"]],
    ["a knight", ["give the knight a sword"], ['1 person {"outfit":"knight"} holds 1 dagger']],
    ["a castle on a hill", ["add a dragon flying in the sky"], ["1 castle", "1 dragon"]],
    ["a bowl of fruit", ["replace the bowl with a vase"], ["1 vase"]],
    ["a knight riding a horse", ["replace the horse with a dragon"], ['1 person {"outfit":"knight"} rides 1 dragon']],
    ["a girl", ["make her hair blonde"], ['1 person {"gender":"female","age":"young","hairColour":"#e8c26a"}']],
    ["一只猫在公园", ["加一只狗"], ["1 cat-face", "1 dog"]],
    ["一只猫在公园", ["把猫换成兔子"], ["1 rabbit"]],
    ["猫和狗", ["去掉狗"], ["1 cat-face"]],
    ["猫和狗", ["把狗去掉"], ["1 cat-face"]],
    ["一辆汽车", ["把汽车变成红色"], [`1 automobile ${RED}`]],
    ["一只狐狸", ["给狐狸戴上帽子"], ["1 fox +top-hat"]],
    ["森の中の狐", ["猫を追加して"], ["1 fox", "1 cat-face"]],
    ["森の中の狐", ["狐を猫に変えて"], ["1 cat-face"]],
    ["狐と猫", ["狐を消して"], ["1 cat-face"]],
    ["狐", ["狐に帽子をかぶせて"], ["1 fox +top-hat"]],
    ["숲 속의 여우", ["고양이를 추가해줘"], ["1 fox", "1 cat-face"]],
    ["숲 속의 여우", ["여우를 고양이로 바꿔줘"], ["1 cat-face"]],
    ["여우와 고양이", ["여우를 지워줘"], ["1 cat-face"]],
  ])("changes %j by %j", (prompt, edits, subjects) => {
    const { after, unchanged } = edit(prompt, ...edits);
    expect(after.subjects.map(told)).toEqual(subjects);
    expect(unchanged).toEqual([]);
    expect([...after.missing]).toEqual([]);
  });

  test.each<[text: string, changes: Partial<Scene>]>([
    ["make it night", { time: "night" }],
    ["at sunset in the rain", { time: "sunset", weather: "rain" }],
    ["let it snow", { weather: "snow" }],
    ["in winter", { season: "winter" }],
    ["move it to a beach", { place: "beach", location: "beach" }],
    ["change the background to a city", { place: "city", location: "city" }],
    ["make the background white", { backdropColour: "#f6f4ef", location: "studio" }],
    ["change the background to white", { backdropColour: "#f6f4ef", location: "studio" }],
    ["remove the background", { backdropColour: "#f6f4ef", location: "studio" }],
    ["as a watercolor", { style: "watercolour" }],
    ["tint it red", { tint: RED }],
    ["变成晚上", { time: "night" }],
    ["背景换成海滩", { place: "beach" }],
    ["夜にして", { time: "night" }],
    ["背景を海に変えて", { place: "sea" }],
    ["밤으로 바꿔줘", { time: "night" }],
    ["배경을 해변으로 바꿔줘", { place: "beach" }],
  ])("%j changes the scene and none of its subjects", (text, changes) => {
    const { before, after } = edit("a fox and a cat in a forest", text);
    expect(after).toMatchObject(changes);
    expect(after.subjects.map(told)).toEqual(before.subjects.map(told));
  });

  test("removes the weather, the season and the objects in the sky", () => {
    expect(edit("a fox in a forest in the rain", "remove the rain").after.weather).toBe("clear");
    expect(edit("a fox in a forest in winter", "no snow").after.season).toBeUndefined();
    expect(edit("a fox in snow", "make it summer").after.weather).toBe("clear");
    expect(edit("a rainbow over a lake", "remove the rainbow").after.effects).toEqual([]);
  });

  test.each([
    ["remove the elephant", ["elephant"]],
    ["make the elephant blue", ["elephant"]],
    ["remove the zeppelin", ["zeppelin"]],
    ["remove the forest", ["forest"]],
    ["remove the fox", []],
  ])("%j reports what it did not find", (text, unchanged) => {
    expect(edit("a fox in a forest", text).unchanged).toEqual(unchanged);
  });
});

describe("everything else stays in its place", () => {
  /** A subject's position, without the ground below it. */
  const placesOf = (scene: Scene, art: string) =>
    scene.subjects.find((subject) => subject.kind === "thing" && subject.art === art)?.positions;

  test.each([
    "add a dog",
    "remove the cat",
    "replace the cat with two dogs",
    "make the cat red",
    "make it night",
    "make it snow",
    "add a tree",
    "as an oil painting",
    "add two more cats",
  ])("if the instruction is %j", (text) => {
    const { before, after } = edit("a fox and a cat in a meadow", text);
    expect(placesOf(before, "fox")).toHaveLength(1);
    expect(placesOf(after, "fox")).toEqual(placesOf(before, "fox"));
  });

  test("a replacement stands in the place of the replaced subject", () => {
    const { before, after } = edit("a fox and a cat in a meadow", "replace the fox with a wolf");
    expect(placesOf(after, "wolf")).toEqual(placesOf(before, "fox"));
  });

  test.each(["a fox", "a bear", "two cats", "a castle", "three penguins", "a horse and a dog"])(
    "what is added to %s stands beside it, not on it",
    (prompt) => {
      for (const text of ["add a cat with a hat", "add a rabbit", "add a chair"]) {
        const { after } = edit(`${prompt} in a forest`, text);
        const middles = after.subjects
          .flatMap(({ positions = [] }) => positions.map(({ x }) => x))
          .sort((a, b) => a - b);
        for (const [index, x] of middles.slice(1).entries()) expect(x - (middles[index] ?? 0)).toBeGreaterThan(60);
      }
    },
  );

  const PLACES =
    "meadow forest jungle mountains lake river beach sea desert village farm garden park library kitchen bedroom office " +
    "cafe room table cave stadium";

  /** The positions of a backdrop's shapes, whatever their colours. */
  function outlinesOf(scene: Scene, prompt: string, shape: RegExp): string[] {
    const { backdrop } = compose(scene, createRandom(prompt), EXTENT);
    return backdrop.toSvg(1000, 1000).match(shape) ?? [];
  }

  const moves = (place: string, text: string, shape: RegExp): string[] => {
    const prompt = `a fox in a ${place}`;
    const { before, after } = edit(prompt, text);
    const outlines = outlinesOf(before, prompt, shape);
    const kept = new Set(outlinesOf(after, prompt, shape));
    expect(outlines).not.toEqual([]);
    return outlines.filter((outline) => !kept.has(outline));
  };

  test.each(PLACES.split(" "))("time of day, weather and autumn colours move nothing in a %s", (place) => {
    for (const text of ["make it night", "at sunset", "in the rain", "in autumn"]) {
      expect(moves(place, text, /(?<= )d="[^"]{12,}"/g)).toEqual([]);
    }
  });

  test.each(["meadow", "forest", "mountains", "lake", "village", "park"])("snow moves no hill in a %s", (place) => {
    expect(moves(place, "make it snow", /(?<= )d="M-10 [^"]+"/g)).toEqual([]);
  });

  test.each(["city", "street"])("night moves no house in a %s", (place) => {
    expect(moves(place, "make it night", /<rect x="[^"]+" y="[^"]+" width="[^"]+" height="[^"]+"/g)).toEqual([]);
  });
});
