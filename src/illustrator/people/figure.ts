import { Layer, svg } from "../canvas/layer.ts";
import { darken, lighten } from "../canvas/palette.ts";
import type { Random } from "../canvas/random.ts";
import type { Sprite } from "../subjects/sprite.ts";
import type { Look } from "../words/people.ts";
import { drawBackHair } from "./hair.ts";
import { drawHead } from "./head.ts";
import { type Appearance, settleLook } from "./looks.ts";

/** How a whole person is drawn. */
export type Pose = "stand" | "walk" | "hold" | "ride" | "sit";

let drawn = 0;

/** A whole person, head to feet, as a sprite. The origin is the middle of the face. */
export function figureSprite(look: Look, pose: Pose, random: Random): Sprite {
  const person = settleLook(look, random);
  const layer = new Layer(`p${drawn++ % 100_000}-`, 400, 700);
  const isChild = person.age === "child";
  const hip = isChild ? 150 : 188;
  const foot = pose === "sit" ? hip + 66 : pose === "ride" ? hip + 84 : isChild ? 232 : 318;
  drawBackHair(layer, person);
  if (pose === "ride") drawRidingLeg(layer, person, hip, foot);
  else drawLegs(layer, person, hip, foot, pose);
  drawArm(layer, person, -1, pose);
  drawTorso(layer, person, hip);
  if (person.hair === "long" || person.hair === "braids") drawShoulderHair(layer, person);
  layer.rect(-13, 44, 26, 36, darken(person.skin, 0.12), 1, 8);
  drawArm(layer, person, 1, pose);
  drawHead(layer, person);
  const top = headTop(person);
  return {
    svg: layer.toFragment(),
    box: { x: -78, y: top, width: 156, height: foot - top },
    head: { at: [0, -46], width: 92 },
    eyes: { at: [0, -2], width: 92 },
    neck: { at: [0, 70], width: 76 },
    hand: { at: pose === "hold" ? [0, 142] : [78, 178], size: 84 },
    saddle: { at: [0, hip + 6], size: 60 },
  };
}

/** The top of hair or hat, above the middle of the face. */
function headTop({ outfit, hair }: Appearance): number {
  if (outfit === "wizard") return -138;
  if (outfit === "chef" || outfit === "santa") return -116;
  if (outfit === "royal" || outfit === "knight" || outfit === "pirate") return -98;
  return hair === "bun" ? -104 : -76;
}

function drawTorso(layer: Layer, { outfit, outfitColour, gender, age }: Appearance, hip: number): void {
  const shoulder = age === "child" ? 40 : gender === "male" ? 54 : 46;
  const dark = darken(outfitColour, 0.16);
  const isGown =
    outfit === "dress" || outfit === "hanfu" || outfit === "kimono" || outfit === "royal" || outfit === "wizard";
  if (outfit === "superhero" || (outfit === "royal" && gender === "male")) {
    const cape = `M${-shoulder + 6} 76Q-88 ${hip} -76 ${hip + 104}Q0 ${hip + 84} 76 ${hip + 104}Q88 ${hip} ${shoulder - 6} 76Z`;
    layer.path(cape, "#c92f3f");
  }
  if (isGown) {
    const flare = age === "child" ? 64 : 80;
    const gown = `M${-shoulder} 84Q0 62 ${shoulder} 84Q${shoulder - 8} 122 34 ${hip - 46}Q${flare * 0.8} ${hip + 20} ${flare} ${hip + 84}Q0 ${hip + 104} ${-flare} ${hip + 84}Q${-flare * 0.8} ${hip + 20} -34 ${hip - 46}Q${-shoulder + 8} 122 ${-shoulder} 84Z`;
    layer.path(gown, outfitColour);
    const belt = `M-35 ${hip - 50}Q0 ${hip - 40} 35 ${hip - 50}L36 ${hip - 36}Q0 ${hip - 26} -36 ${hip - 36}Z`;
    layer.path(belt, outfit === "royal" ? "#f4c542" : lighten(outfitColour, 0.4));
    const folds = `M-22 ${hip - 20}Q-32 ${hip + 30} -36 ${hip + 84}M20 ${hip - 20}Q30 ${hip + 30} 34 ${hip + 84}`;
    layer.line(folds, dark, 2.6, 0.6);
  } else {
    const shirt = `M${-shoulder} 88Q0 62 ${shoulder} 88L${shoulder * 0.86} ${hip + 8}Q0 ${hip + 20} ${-shoulder * 0.86} ${hip + 8}Z`;
    layer.path(shirt, outfitColour);
    const shaded = `M${shoulder * 0.3} 74Q${shoulder * 0.8} 78 ${shoulder} 88L${shoulder * 0.86} ${hip + 8}Q${shoulder * 0.5} ${hip + 16} ${shoulder * 0.4} ${hip + 14}Z`;
    layer.path(shaded, dark, 0.4);
  }
  drawDetails(layer, outfit, outfitColour, hip);
}

function drawDetails(layer: Layer, outfit: Appearance["outfit"], colour: string, hip: number): void {
  const dark = darken(colour, 0.24);
  if (outfit === "kimono" || outfit === "hanfu" || outfit === "athlete" || outfit === "wizard") {
    layer.line("M-18 72L6 112M18 72L-4 104", lighten(colour, 0.5), 6);
  } else if (outfit === "suit" || outfit === "police" || outfit === "pirate") {
    layer.path("M-17 70L0 118L17 70L0 76Z", "#fbfaf6");
    layer.path("M-5 78h10l4 34l-9 10l-9 -10z", outfit === "suit" ? "#b8383f" : "#1c2233");
    layer.line("M-18 70L0 120L18 70", dark, 3);
  } else if (outfit === "doctor" || outfit === "chef" || outfit === "coat") {
    layer.line(`M0 84V${hip + 10}`, dark, 2.6);
    for (const y of [104, 128, 152]) layer.circle(9, y, 3.2, dark);
    if (outfit === "doctor") layer.line("M-16 70Q-20 112 -4 120M16 70Q20 100 14 112", "#4a5a78", 3.4);
  } else if (outfit === "astronaut") {
    layer.rect(-24, 100, 48, 34, "#8f9fb5", 1, 6);
    layer.circle(-12, 112, 4.5, "#e5485a");
    layer.circle(2, 112, 4.5, "#f4c542");
    layer.rect(-16, 121, 32, 6, "#4f9be8", 1, 3);
    layer.rect(-44, 80, 16, 12, "#e5605a", 1, 3);
  } else if (outfit === "knight") {
    layer.line(`M0 78V${hip}M-40 118Q0 132 40 118M-38 148Q0 162 38 148`, dark, 3);
  } else if (outfit === "santa") {
    layer.rect(-9, 76, 18, hip - 62, "#fbfaf6", 1, 6);
    layer.rect(-46, hip - 26, 92, 16, "#2b2733");
    layer.rect(-12, hip - 30, 24, 24, "#f4c542", 1, 4);
  } else if (outfit === "superhero") {
    layer.path("M0 94l9 18l20 2l-15 14l4 20l-18 -10l-18 10l4 -20l-15 -14l20 -2z", "#f4c542");
  } else if (outfit === "farmer" || outfit === "worker") {
    layer.path(`M-26 110H26V${hip + 10}H-26Z`, darken(colour, 0.3));
    layer.line("M-24 112L-30 78M24 112L30 78", darken(colour, 0.3), 9);
  } else if (outfit === "hoodie") {
    layer.path("M-26 72Q0 96 26 72L22 64Q0 84 -22 64Z", dark);
    layer.line("M-8 86v22M8 86v22", "#fbfaf6", 3);
  } else layer.path("M-16 70Q0 92 16 70Q0 78 -16 70Z", lighten(colour, 0.35));
}

function legColours({ outfit, outfitColour, skin }: Appearance): { leg: string; shoe: string } {
  if (outfit === "astronaut") return { leg: darken(outfitColour, 0.06), shoe: "#8f9fb5" };
  if (outfit === "dress") return { leg: skin, shoe: darken(outfitColour, 0.3) };
  if (outfit === "santa") return { leg: "#d9302f", shoe: "#2b2733" };
  if (outfit === "knight") return { leg: "#8f9bac", shoe: "#6f7b8c" };
  if (outfit === "ninja" || outfit === "police" || outfit === "suit")
    return { leg: darken(outfitColour, 0.2), shoe: "#1c1a22" };
  if (outfit === "superhero") return { leg: outfitColour, shoe: "#c92f3f" };
  return { leg: "#3f5480", shoe: "#5a3a2c" };
}

function drawLegs(layer: Layer, person: Appearance, hip: number, foot: number, pose: Pose): void {
  const { leg, shoe } = legColours(person);
  if (pose === "sit") {
    for (const side of [-1, 1]) {
      layer.line(`M${side * 18} ${hip}L${side * 34} ${hip + 22}L${side * 34} ${foot - 12}`, leg, 30);
      layer.ellipse(side * 38, foot - 8, 22, 11, shoe);
    }
    return;
  }
  const stride = pose === "walk" ? 26 : 0;
  for (const side of [-1, 1]) {
    const x = side * 20 + side * stride;
    const limb = svg`M${side * 18} ${hip}Q${side * 22 + side * stride * 0.3} ${(hip + foot) / 2} ${x} ${foot - 16}`;
    layer.line(limb, side < 0 ? darken(leg, 0.14) : leg, 30);
    const boot = `M${x - 18} ${foot}Q${x - 20} ${foot - 22} ${x} ${foot - 22}Q${x + side * 4 + 22} ${foot - 20} ${x + side * 4 + 24} ${foot}Z`;
    layer.path(boot, shoe);
  }
}

/** The leg on the viewer's side, astride. */
function drawRidingLeg(layer: Layer, person: Appearance, hip: number, foot: number): void {
  const { leg, shoe } = legColours(person);
  layer.line(`M4 ${hip}Q30 ${hip + 10} 22 ${foot - 16}`, leg, 32);
  layer.path(`M2 ${foot + 2}Q0 ${foot - 22} 18 ${foot - 22}Q42 ${foot - 16} 44 ${foot + 2}Z`, shoe);
}

function drawArm(layer: Layer, person: Appearance, side: -1 | 1, pose: Pose): void {
  const { outfit, outfitColour, skin, age } = person;
  const shoulder = (age === "child" ? 34 : 44) * side;
  const sleeve = darken(outfitColour, side < 0 ? 0.18 : 0.08);
  const hand = outfit === "astronaut" ? "#8f9fb5" : skin;
  const [elbowX, elbowY, handX, handY] =
    pose === "hold"
      ? [side * 72, 134, side * 26, 150]
      : pose === "ride"
        ? [side * 66, 130, side * 34 - 24, 158]
        : pose === "sit"
          ? [side * 68, 134, side * 46, 172]
          : [side * 68, 132, side * 76, 176];
  layer.line(svg`M${shoulder} 94Q${elbowX} ${elbowY - 8} ${elbowX} ${elbowY}L${handX} ${handY}`, sleeve, 25);
  layer.circle(handX, handY, 13, hand);
}

/** Locks that fall in front of the shoulders. */
function drawShoulderHair(layer: Layer, { hairColour, hair }: Appearance): void {
  if (hair !== "long") return;
  for (const side of [-1, 1])
    layer.path(
      `M${side * 54} 20Q${side * 62} 70 ${side * 50} 122Q${side * 34} 116 ${side * 38} 60Z`,
      darken(hairColour, 0.06),
    );
}
