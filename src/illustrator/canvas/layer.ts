import type { Colour } from "./palette.ts";

/** The colours of a gradient by where they are (0–1), each opaque or with its opacity (0–1). */
export type Gradient = Readonly<Record<number, Colour | readonly [colour: Colour, opacity: number]>>;

/** A point in scene units. */
export type Point = readonly [x: number, y: number];

/** Writes SVG with two decimals for each number: short, and the same on every platform. */
export function svg(texts: TemplateStringsArray, ...values: readonly (string | number)[]): string {
  return String.raw({ raw: texts }, ...values.map((value) => (typeof value === "string" ? value : round(value))));
}

/** The numbers of a table such as "1 2 3, 4 5 6" in threes; what is left out is 0. */
export function triplesOf(table: string): [number, number, number][] {
  return table.split(", ").map((row) => {
    const [x = 0, y = 0, z = 0] = row.split(" ").map(Number);
    return [x, y, z];
  });
}

const round = (value: number): number => Math.round(value * 100) / 100;

/**
 * One layer of a picture while it is drawn. Its unit is a thousandth of the picture's shorter side, so that a drawing
 * keeps its proportions at every size and ratio. A layer holds only numbers and colours, never a caller's text.
 */
export class Layer {
  readonly width: number;
  readonly height: number;
  readonly #name: string;
  readonly #shapes: string[] = [];
  readonly #definitions: string[] = [];

  /** @param name is part of every id, so that the ids of two layers never clash */
  constructor(name: string, width: number, height: number) {
    this.#name = name;
    this.width = width;
    this.height = height;
  }

  get isEmpty(): boolean {
    return this.#shapes.length === 0;
  }

  /** Appends a piece of SVG. */
  add(shape: string): void {
    this.#shapes.push(shape);
  }

  path(data: string, fill: string, opacity = 1): void {
    this.add(`<path d="${data}" fill="${fill}"${opacityOf(opacity)}/>`);
  }

  line(data: string, stroke: string, width: number, opacity = 1): void {
    this.add(
      svg`<path d="${data}" fill="none" stroke="${stroke}" stroke-width="${width}" stroke-linecap="round" stroke-linejoin="round"${opacityOf(opacity)}/>`,
    );
  }

  rect(x: number, y: number, width: number, height: number, fill: string, opacity = 1, radius = 0): void {
    const corners = radius > 0 ? svg` rx="${radius}"` : "";
    this.add(
      svg`<rect x="${x}" y="${y}" width="${width}" height="${height}" fill="${fill}"${corners}${opacityOf(opacity)}/>`,
    );
  }

  /** Covers the whole layer. */
  fill(fill: string, opacity = 1): void {
    this.rect(0, 0, this.width, this.height, fill, opacity);
  }

  /** Covers the whole width from one height to another, with a gradient from top to bottom. */
  band(from: number, to: number, gradient: Gradient): void {
    this.rect(0, from, this.width, to - from, this.vertical(gradient, from, to));
  }

  circle(x: number, y: number, radius: number, fill: string, opacity = 1): void {
    this.add(svg`<circle cx="${x}" cy="${y}" r="${radius}" fill="${fill}"${opacityOf(opacity)}/>`);
  }

  /** @param table the middle and the radius of each circle: "0 0 5, 10 0 5" */
  circles(table: string, fill: string, opacity = 1): void {
    for (const [x, y, radius] of triplesOf(table)) this.circle(x, y, radius, fill, opacity);
  }

  ellipse(x: number, y: number, radiusX: number, radiusY: number, fill: string, opacity = 1): void {
    this.add(svg`<ellipse cx="${x}" cy="${y}" rx="${radiusX}" ry="${radiusY}" fill="${fill}"${opacityOf(opacity)}/>`);
  }

  polygon(points: readonly Point[], fill: string, opacity = 1): void {
    this.path(`M${points.map(([x, y]) => svg`${x} ${y}`).join("L")}Z`, fill, opacity);
  }

  /** A vertical gradient from one height to another, as a fill. */
  vertical(gradient: Gradient, from = 0, to = this.height): string {
    return this.linear(gradient, [0, from], [0, to]);
  }

  /** A gradient from left to right, as a fill. */
  across(gradient: Gradient, from: number, to: number): string {
    return this.linear(gradient, [from, 0], [to, 0]);
  }

  /** A gradient between two points, as a fill. */
  linear(gradient: Gradient, from: Point, to: Point): string {
    return this.#define(
      (id) =>
        svg`<linearGradient id="${id}" gradientUnits="userSpaceOnUse" x1="${from[0]}" y1="${from[1]}" x2="${to[0]}" y2="${to[1]}">${stopsOf(gradient)}</linearGradient>`,
    );
  }

  /** A round gradient, as a fill. It spans the box of the shape that it fills. */
  radial(gradient: Gradient): string {
    return this.#define((id) => `<radialGradient id="${id}">${stopsOf(gradient)}</radialGradient>`);
  }

  /** A soft disc of light: full in the middle, nothing at the edge. */
  glow(x: number, y: number, radius: number, colour: Colour, opacity: number): void {
    const at = (share: number) => [colour, opacity * share] as const;
    this.circle(x, y, radius, this.radial({ 0: at(1), 0.35: at(0.45), 0.7: at(0.12), 1: at(0) }));
  }

  /** A soft shadow lying on the ground. */
  shadow(x: number, y: number, radiusX: number, radiusY: number, colour: Colour, opacity: number): void {
    const fill = this.radial({ 0: [colour, opacity], 0.55: [colour, opacity * 0.75], 1: [colour, 0] });
    this.ellipse(x, y, radiusX, radiusY, fill);
  }

  /** The number of shapes so far, for {@link since}. */
  mark(): number {
    return this.#shapes.length;
  }

  /** The shapes that were added since a mark, to be drawn once more elsewhere. */
  since(mark: number): string {
    return this.#shapes.slice(mark).join("");
  }

  /** Draws into a group with a transform, an opacity or both. */
  group(attributes: string, draw: () => void): void {
    this.add(`<g ${attributes}>`);
    draw();
    this.add("</g>");
  }

  /** A clip path around a shape, as the value of a `clip-path` attribute. */
  clip(shape: string): string {
    return this.#define((id) => `<clipPath id="${id}">${shape}</clipPath>`);
  }

  /** All shapes with their definitions, as a piece to put into another SVG. */
  toFragment(): string {
    return `<defs>${this.#definitions.join("")}</defs>${this.#shapes.join("")}`;
  }

  /** An SVG document of exactly this many pixels, which the layer covers; what is too much of it is cut off. */
  toSvg(pixelWidth: number, pixelHeight: number): string {
    const scale = Math.max(pixelWidth / this.width, pixelHeight / this.height);
    const [x, y] = [(pixelWidth - this.width * scale) / 2, (pixelHeight - this.height * scale) / 2];
    return `<svg xmlns="http://www.w3.org/2000/svg" width="${pixelWidth}" height="${pixelHeight}"><defs>${this.#definitions.join("")}</defs><g transform="translate(${x} ${y}) scale(${scale})">${this.#shapes.join("")}</g></svg>`;
  }

  #define(definition: (id: string) => string): string {
    const id = `${this.#name}${this.#definitions.length}`;
    this.#definitions.push(definition(id));
    return `url(#${id})`;
  }
}

function opacityOf(opacity: number): string {
  return opacity < 1 ? svg` opacity="${opacity}"` : "";
}

function stopsOf(gradient: Gradient): string {
  return Object.entries(gradient)
    .map(
      ([offset, stop]) =>
        [Number(offset), ...(typeof stop === "string" ? [stop, 1] : stop)] as [number, Colour, number],
    )
    .sort(([first], [second]) => first - second)
    .map(
      ([offset, colour, opacity]) =>
        svg`<stop offset="${offset}" stop-color="${colour}"${opacity < 1 ? svg` stop-opacity="${opacity}"` : ""}/>`,
    )
    .join("");
}
