import { type Layer, svg } from "../canvas/layer.ts";
import { darken, mix } from "../canvas/palette.ts";
import type { Appearance } from "./looks.ts";

const INK = "#2a1d24";

/** Draws eyes, brows, nose, mouth and cheeks on a face around (0, 0). */
export function drawFeatures(layer: Layer, person: Appearance): void {
  const blush = mix(person.skin, "#f0605f", 0.42);
  for (const side of [-1, 1]) layer.ellipse(side * 31, 19, 10.5, 6.5, blush, 0.55);
  if (person.hasFreckles) {
    const freckles = "-36 15 1.3, -30 19 1.3, -25 15 1.3, -33 22 1.3, 36 15 1.3, 30 19 1.3, 25 15 1.3, 33 22 1.3";
    layer.circles(freckles, darken(person.skin, 0.35), 0.7);
  }
  for (const side of [-1, 1] as const) {
    drawEye(layer, person, side);
    drawBrow(layer, person, side);
  }
  layer.line("M-1 8Q-6 19 2 20", darken(person.skin, 0.32), 2.6, 0.8);
  drawMouth(layer, person);
  if (person.age === "old") {
    const [forehead, eyes] = [
      "M-22 -37Q0 -41 22 -37M-18 -44Q0 -47 18 -44",
      "M-40 2l-6 -3M-40 6l-6 1M40 2l6 -3M40 6l6 1M-22 20Q-27 26 -25 33M22 20Q27 26 25 33",
    ];
    layer.line(forehead + eyes, darken(person.skin, 0.24), 1.9, 0.6);
  }
}

function drawEye(layer: Layer, { gaze, eyes, expression, eyeColour, gender, age }: Appearance, side: 1 | -1): void {
  const x = side * 21;
  if (gaze === "closed" || expression === "laughing") {
    const bend = gaze === "closed" ? 6 : -8;
    const lid = svg`M${x - 10} ${gaze === "closed" ? -2 : 2}Q${x} ${(gaze === "closed" ? -2 : 2) + bend} ${x + 10} ${gaze === "closed" ? -2 : 2}`;
    layer.line(lid, INK, 3.6);
    return;
  }
  const growth = age === "child" ? 1.3 : age === "young" ? 1.08 : 0.92;
  const height = (eyes === "narrow" ? 9.6 : 11) * (expression === "surprised" ? 1.18 : 1) * growth;
  const width = age === "child" ? 12.5 : 10.5;
  const shiftX = gaze === "left" ? -3.6 : gaze === "right" ? 3.6 : 0;
  const shiftY = gaze === "up" ? -3.4 : 0.6;
  const tilt = eyes === "narrow" ? -6 * side : -2 * side;
  layer.group(`transform="rotate(${tilt} ${x} 0)"`, () => {
    layer.ellipse(x, 0, width, height, "#ffffff");
    layer.circle(x + shiftX, shiftY, Math.min(8, height * 0.76), eyeColour);
    layer.circle(x + shiftX, shiftY, Math.min(4.4, height * 0.42), "#140d12");
    layer.circle(x + shiftX + 2.6, shiftY - 3.2, 2.5, "#ffffff");
    layer.circle(x + shiftX - 2.4, shiftY + 2.8, 1.2, "#ffffff", 0.8);
    const lash = svg`M${x - width} ${-height * 0.24}Q${x} ${-height * 1.45} ${x + width} ${-height * 0.24}`;
    layer.line(lash, INK, gender === "female" ? 3.8 : 3);
    if (gender === "female" && (age === "young" || age === "adult")) {
      const lashes = svg`M${x + side * width} ${-height * 0.24}l${side * 5} -4.5M${x + side * width * 0.75} ${-height * 0.62}l${side * 4} -4.5`;
      layer.line(lashes, INK, 2.4);
    }
  });
}

function drawBrow(layer: Layer, { hairColour, expression, gender, age, hair }: Appearance, side: 1 | -1): void {
  const colour = hair === "bald" ? "#5b4636" : age === "old" ? darken(hairColour, 0.12) : darken(hairColour, 0.1);
  const inner = expression === "angry" ? 6 : expression === "sad" ? -5 : 0;
  const lift = expression === "surprised" ? -6 : 0;
  const brow = svg`M${side * 9} ${-19 + inner + lift}Q${side * 20} ${-26 + lift} ${side * 32} ${-19 - inner * 0.5 + lift}`;
  layer.line(brow, colour, gender === "male" && age !== "child" ? 5 : 3.4);
}

function drawMouth(layer: Layer, { expression, gender, age, skin }: Appearance): void {
  const lip = gender === "female" && age !== "child" ? mix("#c9404f", skin, 0.18) : mix("#a8503f", skin, 0.4);
  switch (expression) {
    case "smiling":
      layer.path("M-15 31Q0 36 15 31Q12 46 0 47Q-12 46 -15 31Z", "#8a2733");
      layer.path("M-13 32Q0 36 13 32L12 36Q0 40 -12 36Z", "#ffffff");
      layer.line("M-15 31Q0 36 15 31", lip, 2.4);
      return;
    case "laughing":
      layer.path("M-19 28Q0 33 19 28Q17 49 0 50Q-17 49 -19 28Z", "#8a2733");
      layer.path("M-17 29.5Q0 34 17 29.5L16 35Q0 39 -16 35Z", "#ffffff");
      layer.path("M-9 46Q0 38 9 46Q5 50 0 50Q-5 50 -9 46Z", "#e8707a");
      return;
    case "sad":
      layer.line("M-12 40Q0 31 12 40", lip, 3.6);
      layer.path("M-27 14q-5 8 0 11q5 -3 0 -11z", "#7fc8ff", 0.9);
      return;
    case "angry":
      layer.line("M-12 39Q0 33 12 39", lip, 4);
      return;
    case "surprised":
      layer.ellipse(0, 38, 7, 9, "#8a2733");
      return;
    case "calm":
      layer.line("M-12 35Q0 39 12 35", lip, 3.6);
      return;
    default:
      expression satisfies never;
  }
}
