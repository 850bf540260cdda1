import type { Colour } from "./palette.ts";

/** A colour of a gradient: where (0–1), what, and how opaque (0–1, default 1). */
export type Stop = readonly [offset: number, colour: Colour, opacity?: number];

/** A point in scene units. */
export type Point = readonly [x: number, y: number];

/** Writes a number for SVG: short, and the same everywhere. */
export const n = (value: number): string => String(Math.round(value * 100) / 100);

/**
 * One layer of a picture while it is drawn. The unit is a thousandth of the picture's shorter side, so that whatever
 * is drawn keeps its proportions at every size and ratio. Everything added is made of numbers and colours: no text of
 * a caller comes here.
 */
export class Sheet {
  readonly width: number;
  readonly height: number;
  readonly #name: string;
  readonly #shapes: string[] = [];
  readonly #definitions: string[] = [];

  /** `name` keeps the ids of two sheets apart. */
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
      `<path d="${data}" fill="none" stroke="${stroke}" stroke-width="${n(width)}" stroke-linecap="round" stroke-linejoin="round"${opacityOf(opacity)}/>`,
    );
  }

  rect(x: number, y: number, width: number, height: number, fill: string, opacity = 1, radius = 0): void {
    this.add(
      `<rect x="${n(x)}" y="${n(y)}" width="${n(width)}" height="${n(height)}" fill="${fill}"${radius > 0 ? ` rx="${n(radius)}"` : ""}${opacityOf(opacity)}/>`,
    );
  }

  circle(x: number, y: number, radius: number, fill: string, opacity = 1): void {
    this.add(`<circle cx="${n(x)}" cy="${n(y)}" r="${n(radius)}" fill="${fill}"${opacityOf(opacity)}/>`);
  }

  ellipse(x: number, y: number, radiusX: number, radiusY: number, fill: string, opacity = 1): void {
    this.add(
      `<ellipse cx="${n(x)}" cy="${n(y)}" rx="${n(radiusX)}" ry="${n(radiusY)}" fill="${fill}"${opacityOf(opacity)}/>`,
    );
  }

  polygon(points: readonly Point[], fill: string, opacity = 1): void {
    this.path(`M${points.map(([x, y]) => `${n(x)} ${n(y)}`).join("L")}Z`, fill, opacity);
  }

  /** A vertical gradient from one height to another, as a fill. */
  vertical(stops: readonly Stop[], from = 0, to = this.height): string {
    return this.linear(stops, [0, from], [0, to]);
  }

  /** A gradient between two points, as a fill. */
  linear(stops: readonly Stop[], from: Point, to: Point): string {
    return this.#define(
      (id) =>
        `<linearGradient id="${id}" gradientUnits="userSpaceOnUse" x1="${n(from[0])}" y1="${n(from[1])}" x2="${n(to[0])}" y2="${n(to[1])}">${stopsOf(stops)}</linearGradient>`,
    );
  }

  /** A round gradient, as a fill for the shape it is given to: it spans that shape's own box. */
  radial(stops: readonly Stop[]): string {
    return this.#define((id) => `<radialGradient id="${id}">${stopsOf(stops)}</radialGradient>`);
  }

  /** A soft disc of light: full in the middle, nothing at the edge. */
  glow(x: number, y: number, radius: number, colour: Colour, opacity: number): void {
    const fill = this.radial([
      [0, colour, opacity],
      [0.35, colour, opacity * 0.45],
      [0.7, colour, opacity * 0.12],
      [1, colour, 0],
    ]);
    this.circle(x, y, radius, fill);
  }

  /** A soft shadow lying on the ground. */
  shadow(x: number, y: number, radiusX: number, radiusY: number, colour: Colour, opacity: number): void {
    const fill = this.radial([
      [0, colour, opacity],
      [0.55, colour, opacity * 0.75],
      [1, colour, 0],
    ]);
    this.ellipse(x, y, radiusX, radiusY, fill);
  }

  /** The number of shapes so far, for {@link since}. */
  mark(): number {
    return this.#shapes.length;
  }

  /** What was added since a mark, to be drawn once more elsewhere. */
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

  /** Everything drawn, with its definitions, as a piece to put into another SVG. */
  toFragment(): string {
    return `<defs>${this.#definitions.join("")}</defs>${this.#shapes.join("")}`;
  }

  /** The whole layer as an SVG document of exactly this many pixels. */
  toSvg(pixelWidth: number, pixelHeight: number): string {
    const scaleX = pixelWidth / this.width;
    const scaleY = pixelHeight / this.height;
    return `<svg xmlns="http://www.w3.org/2000/svg" width="${pixelWidth}" height="${pixelHeight}"><defs>${this.#definitions.join("")}</defs><g transform="scale(${scaleX} ${scaleY})">${this.#shapes.join("")}</g></svg>`;
  }

  #define(definition: (id: string) => string): string {
    const id = `${this.#name}${this.#definitions.length}`;
    this.#definitions.push(definition(id));
    return `url(#${id})`;
  }
}

function opacityOf(opacity: number): string {
  return opacity < 1 ? ` opacity="${n(opacity)}"` : "";
}

function stopsOf(stops: readonly Stop[]): string {
  return stops
    .map(
      ([offset, colour, opacity = 1]) =>
        `<stop offset="${n(offset)}" stop-color="${colour}"${opacity < 1 ? ` stop-opacity="${n(opacity)}"` : ""}/>`,
    )
    .join("");
}
