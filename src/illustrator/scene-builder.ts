import type { Colour } from "./palette.ts";
import type { Person, Scene, Subject, Thing } from "./scene.ts";
import type { Meaning } from "./vocabulary.ts";
import type { Action } from "./words/grammar.ts";
import type { Look } from "./words/people.ts";
import type { Place } from "./words/scenery.ts";
import type { Role } from "./words/things.ts";

/** Subjects beyond these would only hide each other. */
const MAX_SUBJECTS = 6;

/** Places that a more telling one replaces wherever it stands in the prompt. */
const VAGUE_PLACES: ReadonlySet<Place> = new Set(["sky", "meadow", "room", "table", "stage"]);

/** The number a plural stands for when the prompt gives none. */
const PLURAL_COUNT = 3;

/** Colours that are a fruit where no noun follows. */
const FRUIT_COLOURS: Readonly<Record<Colour, string>> = { "#f28a1f": "tangerine" };

/** Puts meanings together in the order they are heard: what belongs to which noun. */
export class SceneBuilder {
  readonly #scene: Scene;
  #colours: Colour[] = [];
  #count: number | undefined;
  #size: "small" | "large" | undefined;
  #look: Look = {};
  #action: Action | undefined;
  #awaitsRider: Thing | undefined;
  #awaitsWearer: { art: string; colour?: Colour }[] = [];
  #person: Person | undefined;
  #lastActor: Subject | undefined;
  #awaitsHolder: Thing | undefined;
  #isAfterPerson = false;

  constructor(scene: Scene) {
    this.#scene = scene;
  }

  read(meanings: readonly Meaning[]): void {
    for (const meaning of meanings) {
      this.#readOne(meaning);
      this.#isAfterPerson = meaning.is === "person";
    }
  }

  #readOne(meaning: Meaning): void {
    const scene = this.#scene;
    switch (meaning.is) {
      case "place":
        if (scene.place === undefined || VAGUE_PLACES.has(scene.place)) scene.place = meaning.place;
        return;
      case "time":
        scene.time ??= meaning.time;
        return;
      case "weather":
        if (scene.weather !== "storm") scene.weather = meaning.weather;
        return;
      case "season":
        scene.season ??= meaning.season;
        return;
      case "style":
        scene.style ??= meaning.style;
        return;
      case "colour":
        this.#colours.push(meaning.colour);
        return;
      case "count":
        this.#count =
          meaning.count === 0 ? (this.#count === 1 ? 1 : (this.#count ?? PLURAL_COUNT)) : Math.min(9, meaning.count);
        return;
      case "size":
        this.#size = meaning.size;
        return;
      case "action":
        this.#action = meaning.action;
        if (!scene.actions.includes(meaning.action)) scene.actions.push(meaning.action);
        this.#giveBack(meaning.action);
        return;
      case "thing":
        this.#addThing(meaning.art, meaning.role);
        return;
      case "person":
        this.#addPerson(meaning.look);
        return;
      case "trait":
        this.#addTrait(meaning.look);
        return;
      case "feature":
        this.#addFeature(meaning.feature);
        return;
      case "portrait":
        scene.isPortrait = true;
        return;
      case "abstract":
        scene.isAbstract = true;
        return;
      case "break":
        this.#count = undefined;
        this.#size = undefined;
        return;
      default:
        meaning satisfies never;
    }
  }

  #addThing(art: string, role: Role): void {
    const scene = this.#scene;
    if (role === "effect") {
      if (!scene.effects.includes(art)) scene.effects.push(art);
      return;
    }
    const colour = this.#takeColour();
    if (role === "wearable") {
      const worn = { art, ...(colour === undefined ? {} : { colour }) };
      const wearer = this.#lastActor;
      if (wearer === undefined) this.#awaitsWearer.push(worn);
      else wearer.wearing.push(worn);
      this.#count = undefined;
      return;
    }
    const thing: Thing = { kind: "thing", art, role, count: this.#takeCount(), wearing: [] };
    if (colour !== undefined) thing.colour = colour;
    if (this.#size !== undefined) thing.size = this.#size;
    this.#size = undefined;
    const action = this.#action;
    const actor = this.#lastActor;
    if (action === "ride" && isMount(thing)) {
      this.#action = undefined;
      if (actor !== undefined && actor.riding === undefined) actor.riding = thing;
      else this.#awaitsRider = thing;
      return;
    }
    if ((action === "hold" || action === "eat" || action === "play") && isHeld(thing)) {
      this.#action = undefined;
      if (actor !== undefined && actor.holding === undefined) {
        actor.holding = thing;
        return;
      }
      this.#awaitsHolder = thing;
      return;
    }
    this.#addSubject(thing);
  }

  /** Where the verb comes last, as in Japanese and Korean, the noun before it is what is held or ridden. */
  #giveBack(action: Action): void {
    const { subjects } = this.#scene;
    const actor = this.#lastActor;
    const thing = subjects.at(-1);
    if (thing?.kind !== "thing" || thing === actor) return;
    if (actor === undefined) {
      if ((action !== "hold" && action !== "eat") || !isHeld(thing)) return;
      this.#awaitsHolder = subjects.pop() as Thing;
      this.#action = undefined;
      return;
    }
    if ((action === "hold" || action === "eat" || action === "play") && isHeld(thing) && actor.holding === undefined) {
      actor.holding = thing;
    } else if (action === "ride" && isMount(thing) && actor.riding === undefined) {
      actor.riding = thing;
    } else return;
    subjects.pop();
    this.#action = undefined;
  }

  #addPerson(look: Look): void {
    const person: Person = { kind: "person", look: { ...look, ...this.#look }, count: this.#takeCount(), wearing: [] };
    const colour = this.#takeColour();
    if (colour !== undefined) person.look = { ...person.look, outfitColour: colour };
    this.#look = {};
    this.#size = undefined;
    const same = this.#person;
    const isSame = this.#isAfterPerson || (same !== undefined && isSamePerson(same.look, look));
    if (same !== undefined && isSame && same.count === 1 && person.count === 1) {
      same.look = { ...person.look, ...same.look, ...look };
      return;
    }
    this.#person = person;
    this.#addSubject(person);
  }

  #addTrait(look: Look): void {
    const isAboutClothes = look.outfit !== undefined;
    const colour = isAboutClothes || look.hair !== undefined ? this.#takeColour() : undefined;
    const said: Look = {
      ...look,
      ...(colour === undefined ? {} : isAboutClothes ? { outfitColour: colour } : { hairColour: colour }),
    };
    const isBefore = look.age !== undefined || look.skin !== undefined;
    if (this.#person === undefined || isBefore) this.#look = { ...this.#look, ...said };
    else this.#person.look = { ...this.#person.look, ...said };
  }

  #addFeature(feature: "hairColour" | "eyeColour" | "skin"): void {
    if (feature === "skin") return;
    const colour = this.#takeColour();
    if (colour !== undefined) this.#addTrait({ [feature]: colour });
  }

  #addSubject(subject: Subject): void {
    const { subjects } = this.#scene;
    const same = subjects.find(
      (other) =>
        other.kind === "thing" &&
        subject.kind === "thing" &&
        other.art === subject.art &&
        other.colour === subject.colour,
    );
    if (same !== undefined) {
      same.count = Math.max(same.count, subject.count);
      return;
    }
    if (subjects.length === MAX_SUBJECTS) return;
    subjects.push(subject);
    if (!canAct(subject)) return;
    this.#lastActor = subject;
    subject.wearing.push(...this.#awaitsWearer.splice(0));
    if (this.#awaitsRider !== undefined) {
      subject.riding = this.#awaitsRider;
      this.#awaitsRider = undefined;
    }
    if (this.#awaitsHolder !== undefined) {
      subject.holding = this.#awaitsHolder;
      this.#awaitsHolder = undefined;
    }
  }

  finish(): void {
    const { subjects, colours } = this.#scene;
    for (const waiting of [this.#awaitsRider, this.#awaitsHolder]) if (waiting !== undefined) this.#addSubject(waiting);
    for (const { art, colour } of this.#awaitsWearer) {
      const role = "wearable";
      subjects.push({ kind: "thing", art, role, count: 1, wearing: [], ...(colour === undefined ? {} : { colour }) });
    }
    const fruit = FRUIT_COLOURS[this.#colours.at(-1) ?? ""];
    if (fruit !== undefined && subjects.length === 0 && !this.#scene.isAbstract) {
      this.#colours.pop();
      this.#addSubject({ kind: "thing", art: fruit, role: "food", count: 1, wearing: [] });
    }
    const last = subjects.findLast((subject) => subject.kind === "person");
    if (last?.kind === "person") last.look = { ...this.#look, ...last.look };
    colours.push(...this.#colours);
  }

  /** The colour right before the noun. The ones before that are the picture's. */
  #takeColour(): Colour | undefined {
    const colour = this.#colours.pop();
    this.#scene.colours.push(...this.#colours);
    this.#colours = [];
    return colour;
  }

  #takeCount(): number {
    const count = this.#count ?? 1;
    this.#count = undefined;
    return count;
  }
}

const canAct = (subject: Subject): boolean =>
  subject.kind === "person" || ["animal", "bird", "face", "swimmer"].includes(subject.role);

const isMount = (thing: Thing): boolean =>
  ["animal", "vehicle", "boat", "aircraft", "swimmer", "bird"].includes(thing.role);

const isHeld = (thing: Thing): boolean =>
  ["food", "object", "instrument", "flower", "symbol"].includes(thing.role) ||
  thing.art === "kite" ||
  thing.art === "balloon";

/** Whether two nouns in a row can speak of one person: "a chinese girl, young woman". */
function isSamePerson(first: Look, second: Look): boolean {
  const isGeneral = Object.keys(second).length === 0;
  return isGeneral || (first.gender !== undefined && first.gender === second.gender && second.outfit === undefined);
}
