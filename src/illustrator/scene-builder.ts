import { CONTENTS, CUPS, canAct, holdOf, isSamePerson, SERVED } from "./belongings.ts";
import type { Colour } from "./canvas/palette.ts";
import { emptyScene, type Person, type Scene, type Subject, type Thing, type Worn } from "./scene.ts";
import type { Action } from "./words/grammar.ts";
import type { Look } from "./words/people.ts";
import { type Phrase, readPhrases } from "./words/prompt.ts";
import { type Place, shows } from "./words/scenery.ts";
import type { Role } from "./words/things.ts";
import type { Meaning } from "./words/vocabulary.ts";

/** The most subjects: more would only hide each other. */
export const MAX_SUBJECTS = 6;

/** Vague places, which a more specific one replaces wherever it is in the prompt. */
const VAGUE_PLACES: ReadonlySet<Place> = new Set(["sky", "meadow", "room", "table", "stage"]);

/** Words for a place that usually mean something else. */
const VAGUE_TEXTS: ReadonlySet<string> = new Set(["bamboo", "竹", "竹子", "대나무"]);

/** The number a plural stands for when the prompt gives none. */
const PLURAL_COUNT = 3;
/** The most copies of one subject. */
export const MAX_COUNT = 9;

/** Colours that are a fruit where no noun follows. */
const FRUIT_COLOURS: Readonly<Record<Colour, string>> = { "#f28a1f": "tangerine" };

/** The meanings that "without" and "no" can exclude. */
const NOUNS: ReadonlySet<Meaning["is"]> = new Set(["thing", "person", "trait", "place", "weather", "setting"]);

/** Words that mean nothing without a noun. */
const GRAMMAR: ReadonlySet<Meaning["is"]> = new Set(["break", "filler", "negation", "count", "next", "verb"]);

/** Reads a prompt into a scene. It never fails: a prompt without a known word gives a scene without subjects. */
export function readScene(prompt: string): Scene {
  return buildScene(readPhrases(prompt));
}

/** Puts the meanings of phrases together. */
export function buildScene(phrases: readonly Phrase[]): Scene {
  const scene = emptyScene();
  const builder = new SceneBuilder(scene);
  for (const phrase of phrases) builder.read(phrase);
  builder.finish();
  return scene;
}

/** Combines meanings in reading order: it decides which word belongs to which noun. */
class SceneBuilder {
  readonly #scene: Scene;
  #colours: Colour[] = [];
  /** What was read about the next noun. */
  #next: Partial<Pick<Subject, "count" | "size" | "side" | "isDefinite" | "isExtra">> = {};
  #isPlural = false;
  #look: Look = {};
  #age: Look["age"];
  #action: Action | undefined;
  /** The thing that the next subject able to act rides or holds. */
  #awaitsActor: Partial<Record<"riding" | "holding", Thing>> = {};
  #awaitsWearer: Worn[] = [];
  #person: Person | undefined;
  #lastActor: Subject | undefined;
  #isAfterPerson = false;
  #isNegated = false;
  /** Whether the last word was "on", with only a colour since: "on white". */
  #isOnColour = false;
  #isBackdropNext = false;
  /** Whether the last filler was "of". */
  #isOf = false;
  /** A feature that the next colour applies to: "her hair blue". */
  #awaitsColour: "hairColour" | "eyeColour" | undefined;
  /** The last subject, until the sentence or its part ends. */
  #neighbour: Subject | undefined;

  constructor(scene: Scene) {
    this.#scene = scene;
  }

  read(phrase: Phrase): void {
    if (phrase.isUnknown) this.#scene.missing.add(phrase.text);
    if (phrase.meanings.some(({ is }) => !GRAMMAR.has(is))) this.#scene.known++;
    if (this.#isNegated) {
      this.#isNegated = !phrase.meanings.some(({ is }) => NOUNS.has(is) || is === "break");
      return;
    }
    for (const meaning of phrase.meanings) {
      this.#readOne(meaning, phrase.text);
      this.#isAfterPerson = meaning.is === "person";
    }
  }

  #readOne(meaning: Meaning, text: string): void {
    const scene = this.#scene;
    if (meaning.is !== "colour" && meaning.is !== "break" && meaning.is !== "filler") this.#isOnColour = false;
    switch (meaning.is) {
      case "place":
        this.#addPlace(meaning.place, text);
        return;
      case "weather":
        if (scene.weather !== "storm") scene.weather = meaning.weather;
        scene.texts.weather = text;
        return;
      case "setting":
        // The first hour, season and style count.
        scene.time ??= meaning.time;
        scene.season ??= meaning.season;
        scene.style ??= meaning.style;
        return;
      case "colour":
        if (this.#isBackdropNext) scene.backdropColour = meaning.colour;
        else if (this.#awaitsColour) this.#addTrait({ [this.#awaitsColour]: meaning.colour });
        else this.#colours.push(meaning.colour);
        this.#isBackdropNext = false;
        this.#awaitsColour = undefined;
        return;
      case "backdrop": {
        const colour = this.#takeColour();
        if (colour === undefined) this.#isBackdropNext = true;
        else scene.backdropColour = colour;
        return;
      }
      case "count":
        if (meaning.count === 0) this.#isPlural = true;
        else Object.assign(this.#next, { count: Math.min(MAX_COUNT, meaning.count), isDefinite: false });
        return;
      case "next":
        Object.assign(this.#next, meaning.next);
        return;
      case "side":
        (this.#neighbour ?? this.#next).side = meaning.side;
        return;
      case "action":
        this.#action = meaning.action;
        if (meaning.action === "fly" && this.#neighbour) this.#neighbour.flies = true;
        if (!scene.actions.includes(meaning.action)) scene.actions.push(meaning.action);
        this.#giveBack(meaning.action);
        return;
      case "thing":
        this.#addThing(meaning.art, meaning.role, text);
        return;
      case "person":
        this.#addPerson(meaning.look, text);
        return;
      case "trait":
        this.#addTrait(meaning.look);
        return;
      case "age":
        this.#age = meaning.age;
        return;
      case "feature":
        this.#addFeature(meaning.feature);
        return;
      case "flag":
        scene[meaning.flag] = true;
        return;
      case "likeness":
        scene.missing.add(text);
        return;
      case "negation":
        this.#isNegated = true;
        return;
      case "break":
        this.#endPart();
        this.#isOnColour = /^(isolated )?on\b/.test(text);
        return;
      case "filler":
        // "a knight with a sword": the noun after it is held, if it can be.
        this.#isOf = text === "of";
        if (text === "with" && this.#neighbour === this.#lastActor) this.#action ??= "hold";
        return;
      case "verb":
        return;
      default:
        meaning satisfies never;
    }
  }

  #endPart(): void {
    const ground = this.#isOnColour ? this.#colours.pop() : undefined;
    if (ground !== undefined) this.#scene.backdropColour ??= ground;
    if (this.#person !== undefined && this.#age !== undefined)
      this.#person.look = { ...this.#person.look, age: this.#age };
    this.#addTrailing();
    this.#age = undefined;
    this.#awaitsColour = undefined;
    this.#neighbour = undefined;
    this.#forgetNext();
  }

  /** Modifiers after their noun: "the fox bigger", 고양이 두 마리. */
  #addTrailing(): void {
    const { size, count } = this.#next;
    const neighbour = this.#neighbour;
    if (neighbour === undefined) return;
    if (size !== undefined) neighbour.size ??= size;
    if (count === undefined || neighbour.isCounted) return;
    neighbour.count = count;
    neighbour.isCounted = true;
  }

  #forgetNext(): void {
    this.#next = {};
    this.#isPlural = false;
  }

  /** The first place counts, unless it is vague. Another place may be a part of it. */
  #addPlace(place: Place, text: string): void {
    const scene = this.#scene;
    const known = scene.place;
    const knownText = scene.texts.place ?? "";
    const isVague = (known && VAGUE_PLACES.has(known)) || VAGUE_TEXTS.has(knownText) || scene.missing.has(knownText);
    if (known === undefined || (isVague && known !== place)) {
      if (known !== undefined && !shows(place, known)) scene.missing.add(knownText);
      scene.place = place;
      scene.texts.place = text;
    } else if (known !== place && !shows(known, place)) scene.missing.add(text);
  }

  #addThing(art: string, role: Role, text: string): void {
    const scene = this.#scene;
    if (role === "effect") {
      if (!scene.effects.includes(art)) scene.effects.push(art);
      scene.texts[art] = text;
      return;
    }
    const colour = this.#takeColour();
    if (role === "wearable") {
      const worn: Worn = { art, text, colour };
      const wearer = this.#lastActor;
      if (wearer === undefined) this.#awaitsWearer.push(worn);
      else wearer.wearing.push(worn);
      this.#forgetNext();
      return;
    }
    const thing: Thing = { kind: "thing", art, role, text, colour, wearing: [], ...this.#takeNext() };
    this.#age = undefined;
    const neighbour = this.#neighbour;
    if (neighbour?.kind === "thing" && neighbour.holding === undefined && this.#isOf && CUPS.has(neighbour.art)) {
      scene.subjects[scene.subjects.indexOf(neighbour)] = { ...thing, count: neighbour.count };
      return;
    }
    if (neighbour?.kind === "thing" && CONTENTS[neighbour.art] === role) {
      if (SERVED.has(art)) scene.subjects[scene.subjects.indexOf(neighbour)] = thing;
      else neighbour.holding = thing;
      return;
    }
    const part = holdOf(this.#action, thing);
    if (part !== undefined) {
      const actor = this.#lastActor;
      (actor === undefined || actor[part] !== undefined ? this.#awaitsActor : actor)[part] = thing;
      this.#action = undefined;
      return;
    }
    if (neighbour?.kind === "thing" && CONTENTS[art] === neighbour.role) {
      thing.holding = scene.subjects.pop() as Thing;
    }
    this.#addSubject(thing);
  }

  /** If the verb comes last, as in Japanese and Korean, the noun before it is held or ridden. */
  #giveBack(action: Action): void {
    const { subjects } = this.#scene;
    const [actor, thing] = [this.#lastActor, subjects.at(-1)];
    const part = thing?.kind === "thing" && thing !== actor ? holdOf(action, thing) : undefined;
    const isFree = actor === undefined ? action === "hold" || action === "eat" : part && actor[part] === undefined;
    if (part === undefined || !isFree) return;
    (actor ?? this.#awaitsActor)[part] = subjects.pop() as Thing;
    this.#action = undefined;
  }

  #addPerson(noun: Look, text: string): void {
    const age = this.#age === undefined ? {} : { age: this.#age };
    const person: Person = {
      kind: "person",
      look: { ...noun, ...this.#look, ...age },
      text,
      wearing: [],
      ...this.#takeNext(),
    };
    const colour = this.#takeColour();
    if (colour !== undefined) person.look = { ...person.look, outfitColour: colour };
    this.#look = {};
    this.#age = undefined;
    const same = this.#person;
    const isSame = this.#isAfterPerson || (same !== undefined && !person.isCounted && isSamePerson(same.look, noun));
    if (same !== undefined && isSame && same.count === 1 && person.count === 1) {
      same.look = { ...person.look, ...same.look, ...noun, ...age };
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
    if (colour === undefined) this.#awaitsColour = feature;
    else this.#addTrait({ [feature]: colour });
  }

  #addSubject(subject: Subject): void {
    const { subjects, missing } = this.#scene;
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
    if (subjects.length === MAX_SUBJECTS) {
      missing.add(subject.text);
      return;
    }
    subjects.push(subject);
    this.#neighbour = subject;
    if (!canAct(subject)) return;
    if (this.#action === "fly") {
      subject.flies = true;
      this.#action = undefined;
    }
    this.#lastActor = subject;
    subject.wearing.push(...this.#awaitsWearer.splice(0));
    Object.assign(subject, this.#awaitsActor);
    this.#awaitsActor = {};
  }

  finish(): void {
    const scene = this.#scene;
    scene.namesFeature = this.#awaitsColour;
    scene.size = this.#neighbour === undefined ? this.#next.size : undefined;
    if (scene.size !== undefined) scene.known++;
    this.#endPart();
    const { subjects } = scene;
    if (this.#isBackdropNext) scene.namesBackdrop = true;
    const waiting = Object.values(this.#awaitsActor);
    this.#awaitsActor = {};
    for (const thing of waiting) this.#addSubject(thing);
    for (const worn of this.#awaitsWearer) {
      subjects.push({ kind: "thing", role: "wearable", count: 1, wearing: [], ...worn });
    }
    const fruit = FRUIT_COLOURS[this.#colours.at(-1) ?? ""];
    if (fruit !== undefined && subjects.length === 0 && !scene.isAbstract) {
      this.#colours.pop();
      this.#addSubject({ kind: "thing", art: fruit, role: "food", text: "orange", count: 1, wearing: [] });
    }
    const last = subjects.findLast((subject) => subject.kind === "person");
    if (last?.kind === "person") last.look = { ...this.#look, ...last.look };
    else scene.look = this.#look;
    scene.colours = [...scene.colours, ...this.#colours];
  }

  /** The colour directly before the noun. Earlier colours belong to the picture. */
  #takeColour(): Colour | undefined {
    const colour = this.#colours.pop();
    this.#scene.colours = [...this.#scene.colours, ...this.#colours];
    this.#colours = [];
    return colour;
  }

  #takeNext(): Pick<Subject, "count" | "isCounted" | "size" | "side" | "isDefinite" | "isExtra"> {
    const { count = this.#isPlural ? PLURAL_COUNT : 1, ...said } = this.#next;
    const isCounted = this.#next.count !== undefined;
    this.#forgetNext();
    return { count, ...(isCounted && { isCounted }), ...said };
  }
}
