import type { Colour } from "./canvas/palette.ts";
import type { Random } from "./canvas/random.ts";
import type { Action } from "./words/grammar.ts";
import type { Look } from "./words/people.ts";
import type { Location, Place, Season, Style, TimeOfDay, Weather } from "./words/scenery.ts";
import type { Role } from "./words/things.ts";

/** Something worn, such as a hat. */
export interface Worn {
  readonly art: string;
  colour?: Colour | undefined;
  /** The words that name it. */
  readonly text: string;
}

interface SubjectParts {
  count: number;
  /** The words that name it. */
  readonly text: string;
  wearing: Worn[];
  /** What it holds, eats, drinks or plays; of a vessel, what is in it. */
  holding?: Thing | undefined;
  /** What it rides or drives. */
  riding?: Thing | undefined;
  size?: "small" | "large" | undefined;
  side?: "left" | "right" | undefined;
  /** It is in the air. */
  flies?: boolean | undefined;
  /** The prompt says how many. */
  isCounted?: boolean | undefined;
  /** The prompt means an existing one: "the fox". */
  isDefinite?: boolean | undefined;
  /** The prompt asks for one more: "another fox". */
  isExtra?: boolean | undefined;
  /** The random numbers that decide its looks. */
  looks?: Random | undefined;
  /** The position of each copy, when the scene is arranged. */
  positions?: Position[] | undefined;
}

/** A thing or an animal: its art, and what the prompt says about it. */
export interface Thing extends SubjectParts {
  readonly kind: "thing";
  readonly art: string;
  readonly role: Role;
  colour?: Colour | undefined;
}

/** A person. The seed decides what the prompt leaves open. */
export interface Person extends SubjectParts {
  readonly kind: "person";
  look: Look;
}

export type Subject = Thing | Person;

/** The part of a backdrop that a subject stands in. */
export type Zone = "air" | "water" | "horizon" | "back" | "ground" | "front" | "seat" | "perch" | "void";

/** Where one copy of a subject stands, in scene units. How far down that is depends on the backdrop's ground. */
export interface Position {
  zone: Zone;
  /** The middle of its feet. */
  x: number;
  height: number;
  /** The widest it may get. */
  readonly maxWidth: number;
  /** How near it stands in its zone, 0–1. */
  readonly depth: number;
  /** Whether it stands in a second row, as every other one of several does. */
  readonly row: 0 | 1;
  /** How many share its zone. */
  readonly crowd: number;
  /** −1 to 1: how far it leans, where things of its zone may lean. */
  readonly lean: number;
  readonly isMirrored: boolean;
  /** Where its feet are, if the ground does not decide it. */
  readonly y?: number;
}

/** The content of a picture. */
export interface Scene {
  place?: Place | undefined;
  time?: TimeOfDay | undefined;
  weather?: Weather | undefined;
  season?: Season | undefined;
  style?: Style | undefined;
  /** Colours that belong to no noun: the mood of the picture. */
  colours: readonly Colour[];
  /** The colour of a plain ground behind everything. */
  backdropColour?: Colour | undefined;
  /** The colour that the finished picture is tinted in. */
  tint?: Colour | undefined;
  subjects: Subject[];
  /** Drawn rather than pasted: rainbow, fireworks, aurora, shooting star. */
  effects: string[];
  actions: Action[];
  isPortrait: boolean;
  isAbstract: boolean;
  /** Whether everything in the picture is named. */
  namesAll?: boolean;
  /** Whether the backdrop is named, without a colour. */
  namesBackdrop?: boolean;
  /** Whether a person's hair or eyes are named, without a colour. */
  namesFeature?: "hairColour" | "eyeColour" | undefined;
  /** A size with no noun: "make it bigger". */
  size?: "small" | "large" | undefined;
  /** A description of a person without a noun for the person. */
  look: Look;
  /** The words that name the place, the weather and each effect. */
  readonly texts: { place?: string; weather?: string; [effect: string]: string };
  /** Words for what the picture does not show. */
  readonly missing: Set<string>;
  /** How many phrases were understood. */
  known: number;
  /** The random numbers that choose the colours of the sky, once an edit changed the hour or the weather. */
  shades?: Random | undefined;
  /** The kind of trees in its woods, when that is decided. */
  trees?: "fir" | "tree" | undefined;
  /** Its place, when that is decided. */
  location?: Location | undefined;
}

/** A scene with nothing in it. */
export function emptyScene(): Scene {
  return {
    colours: [],
    subjects: [],
    effects: [],
    actions: [],
    isPortrait: false,
    isAbstract: false,
    look: {},
    texts: {},
    missing: new Set(),
    known: 0,
  };
}
