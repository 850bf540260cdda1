import { type Layer, svg } from "../canvas/layer.ts";
import { darken, lighten } from "../canvas/palette.ts";
import type { Appearance } from "./looks.ts";

/** Outfits that cover the hair at the front. */
const COVERS_HAIR: ReadonlySet<string> = new Set(["ninja", "knight"]);

/** What falls behind the head and shoulders. */
const BACK_HAIR: Readonly<Record<Appearance["hair"], string>> = {
  long: "M-57 -20C-60 -84 60 -84 57 -20C58 30 72 90 62 146C40 158 20 150 14 120H-14C-20 150 -40 158 -62 146C-72 90 -58 30 -57 -20Z",
  bob: "M-58 -16C-60 -82 60 -82 58 -16C60 20 62 44 50 66C34 74 -34 74 -50 66C-62 44 -60 20 -58 -16Z",
  ponytail: "M30 -60C84 -64 92 0 70 66C62 82 52 78 56 60C66 18 58 -20 26 -34ZM-52 -14C-56 -78 56 -78 52 -14Z",
  braids: "M-55 -14C-58 -80 58 -80 55 -14L48 30H-48Z",
  bun: "M-53 -14C-56 -80 56 -80 53 -14ZM-27 -78a27 27 0 1 0 54 0a27 27 0 1 0 -54 0z",
  curly: "",
  short: "M-53 2C-58 -82 58 -82 53 2L46 16H-46Z",
  bald: "",
};

/** Draws the hair behind the head, which is around (0, 0). */
export function drawBackHair(layer: Layer, { hair, hairColour, outfit }: Appearance): void {
  const colour = darken(hairColour, 0.16);
  const shape = outfit === "astronaut" && hair !== "bald" ? "short" : hair;
  layer.path(BACK_HAIR[shape], colour);
  if (shape === "bun") layer.line("M-16 -86Q0 -70 18 -84", lighten(colour, 0.14), 3, 0.7);
  if (shape === "curly") {
    layer.circles("-46 -30 27, -52 4 24, 46 -30 27, 52 4 24, -26 -58 28, 26 -58 28, 0 -66 28", colour);
    layer.circles("-48 30 18, 48 30 18", colour);
  }
  for (const side of shape === "braids" ? [-1, 1] : []) {
    for (let knot = 0; knot < 6; knot++) {
      const [knotX, knotY] = [side * (54 + knot * 1.5), 32 + knot * 19];
      layer.ellipse(knotX, knotY, 14 - knot * 0.9, 13, knot % 2 === 0 ? colour : darken(hairColour, 0.05));
    }
    layer.rect(side * 63 - 9, 142, 18, 8, "#e5605a", 1, 3);
    layer.path(`M${side * 63 - 9} 150h18l-4 22h-10z`, colour);
  }
}

/** Draws the hair over the forehead. */
export function drawFrontHair(layer: Layer, person: Appearance): void {
  const { hair, hairColour, fringe, outfit } = person;
  if (hair === "bald" || COVERS_HAIR.has(outfit)) {
    if (person.age === "old" && hair === "bald")
      for (const side of [-1, 1]) layer.ellipse(side * 50, -6, 8, 17, hairColour);
    return;
  }
  const shine = lighten(hairColour, 0.22);
  if (hair === "curly") {
    layer.circles("-38 -38 17, -18 -50 18, 4 -53 18, 26 -47 17, 42 -34 15", hairColour);
    layer.line("M-26 -56q6 -6 12 0M0 -59q6 -6 12 0M22 -52q6 -6 12 0", shine, 2.6, 0.6);
    return;
  }
  if (hair === "short" && person.gender === "male") {
    const sweep = fringe % 2 === 0 ? 1 : -1;
    layer.group(`transform="scale(${sweep} 1)"`, () => {
      layer.path(
        "M-52 -8C-62 -88 62 -92 53 -8C48 -20 46 -28 42 -34C22 -26 -14 -30 -30 -44C-36 -36 -46 -24 -52 -8Z",
        hairColour,
      );
      layer.line("M-22 -56Q6 -68 32 -54", shine, 3.4, 0.5);
    });
    return;
  }
  const falls = hair === "long" || hair === "bob" || hair === "braids";
  const paths = [
    "M-54 4C-60 -88 60 -88 54 4C50 -8 49 -20 48 -27Q0 -21 -48 -27C-49 -20 -50 -8 -54 4Z",
    "M-54 6C-62 -90 62 -90 54 6C50 -16 38 -38 10 -48C2 -32 -34 -20 -46 -18C-49 -10 -51 -2 -54 6Z",
    "M-54 8C-62 -90 62 -90 54 8C51 -18 30 -40 0 -56C-30 -40 -51 -18 -54 8Z",
    "M-54 6C-62 -90 62 -90 54 6C51 -2 49 -10 46 -18C34 -20 8 -30 -10 -49C-36 -38 -50 -16 -54 6Z",
  ];
  layer.path(paths[fringe] ?? "", hairColour);
  layer.line("M-30 -52Q0 -66 30 -52", shine, 4, 0.42);
  if (falls && outfit !== "astronaut") {
    const length = hair === "long" ? 118 : hair === "bob" ? 56 : 24;
    for (const side of [-1, 1]) {
      const lock = svg`M${side * 54} -16C${side * 58} 20 ${side * 62} ${length * 0.6} ${side * 54} ${length}C${side * 44} ${length + 4} ${side * 38} ${length * 0.7} ${side * 46} ${length * 0.3}C${side * 48} 6 ${side * 47} -8 ${side * 46} -20Z`;
      layer.path(lock, hairColour);
      const gleam = svg`M${side * 53} 0C${side * 55} 26 ${side * 56} ${length * 0.6} ${side * 51} ${length * 0.86}`;
      layer.line(gleam, shine, 1.8, 0.4);
    }
  }
}
