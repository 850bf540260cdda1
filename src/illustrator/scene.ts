import type { Colour } from "./palette.ts";
import type { Action } from "./words/grammar.ts";
import type { Look } from "./words/people.ts";
import type { Place, Season, Style, TimeOfDay, Weather } from "./words/scenery.ts";
import type { Role } from "./words/things.ts";

/** A thing of the prompt: its art, how many, and what was said about it. */
export interface Thing {
  readonly kind: "thing";
  art: string;
  role: Role;
  count: number;
  colour?: Colour;
  size?: "small" | "large";
  /** Art worn, such as a hat, with its colour. */
  wearing: { art: string; colour?: Colour }[];
  /** What it holds, eats, drinks or plays. */
  holding?: Thing;
  /** What it rides or drives. */
  riding?: Thing;
}

/** A person of the prompt. What the prompt leaves open the seed decides. */
export interface Person {
  readonly kind: "person";
  look: Look;
  count: number;
  wearing: { art: string; colour?: Colour }[];
  holding?: Thing;
  riding?: Thing;
}

export type Subject = Thing | Person;

/** What a picture is asked to show. */
export interface Scene {
  place?: Place;
  time?: TimeOfDay;
  weather?: Weather;
  season?: Season;
  style?: Style;
  /** Colours that belong to no noun: the mood of the picture. */
  readonly colours: Colour[];
  readonly subjects: Subject[];
  /** Drawn rather than pasted: rainbow, fireworks, aurora, shooting star. */
  readonly effects: string[];
  readonly actions: Action[];
  isPortrait: boolean;
  isAbstract: boolean;
}
