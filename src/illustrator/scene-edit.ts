import { canAct, holdOf } from "./belongings.ts";
import type { Colour } from "./canvas/palette.ts";
import type { Random } from "./canvas/random.ts";
import { heightOf, zoneOf } from "./layout.ts";
import { addCopies, type Room } from "./room.ts";
import type { Scene, Subject, Thing, Worn } from "./scene.ts";
import { MAX_SUBJECTS } from "./scene-builder.ts";
import { WHITE } from "./words/colours.ts";
import { type Instruction, readInstructions } from "./words/instruction.ts";
import { shows } from "./words/scenery.ts";

/**
 * Changes a scene as a prompt says. It adds, removes, replaces or recolours subjects, or changes the time, weather,
 * place or style. Everything else stays in its place.
 * @param setting draws and places new subjects
 * @returns the words for subjects that were to be changed and are not in the scene
 */
export function editScene(scene: Scene, prompt: string, setting: Omit<Room, "scene">): readonly string[] {
  const edit = new SceneEdit(scene, setting);
  const instructions = readInstructions(prompt);
  scene.missing.clear();
  scene.known = 0;
  const kept = instructions.filter(({ verb }) => verb === "keep").flatMap(({ named }) => named.subjects);
  for (const { verb, named, instead } of instructions) {
    scene.known += named.known + (instead?.known ?? 0);
    if (verb === "keep") continue;
    if (verb === "remove") edit.remove(named, kept);
    else if (verb === "replace") edit.replace(named, instead);
    else edit.show(named, verb);
  }
  return edit.unchanged;
}

class SceneEdit {
  readonly #scene: Scene;
  readonly #setting: Omit<Room, "scene">;
  readonly unchanged: string[] = [];
  /** The number of random streams so far, which tells them apart. */
  #drawn = 0;

  constructor(scene: Scene, setting: Omit<Room, "scene">) {
    this.#scene = scene;
    this.#setting = setting;
  }

  show(named: Scene, verb: Instruction["verb"]): void {
    const scene = this.#scene;
    for (const text of named.missing) scene.missing.add(text);
    Object.assign(scene.texts, named.texts);
    this.#showPlace(named, verb);
    this.#showHour(named);
    if (named.style !== undefined) scene.style = named.style;
    scene.effects = [...new Set([...scene.effects, ...named.effects])];
    scene.actions = [...new Set([...scene.actions, ...named.actions])];
    for (const person of scene.subjects) if (person.kind === "person") person.look = { ...person.look, ...named.look };
    for (const subject of named.subjects) if (!this.#giveAway(subject, named, verb)) this.#showSubject(subject, verb);
    if (named.colours.length > 0) this.#showColours(named, verb);
    const [only, ...others] = scene.subjects;
    if (named.size !== undefined && named.subjects.length === 0 && only !== undefined && others.length === 0) {
      this.#change(only, { ...only, ...NOTHING_SAID, size: named.size });
    }
  }

  #showPlace({ place, backdropColour, subjects, texts }: Scene, verb: Instruction["verb"]): void {
    const scene = this.#scene;
    const [from = "meadow", to] = [scene.location, place ?? "studio"] as const;
    if (place === undefined && backdropColour === undefined) return;
    if (place !== undefined && scene.place !== undefined && shows(scene.place, place)) return;
    if (place !== undefined && verb === "add" && subjects.length > 0) {
      // "add a boat on a lake" adds a boat. There can be only one backdrop.
      if (place !== scene.place) scene.missing.add(texts.place ?? place);
      return;
    }
    scene.place = place;
    scene.backdropColour = backdropColour;
    scene.location = to;
    for (const subject of scene.subjects) {
      const [before, zone] = [zoneOf(subject, scene, from), zoneOf(subject, scene, to)];
      // A subject that is in front for lack of room stays there.
      for (const position of subject.positions ?? []) if (position.zone === before) position.zone = zone;
    }
  }

  #showHour({ time, weather, season }: Scene): void {
    const scene = this.#scene;
    if ((time ?? weather) !== undefined) scene.shades = this.#setting.random.fork("shades");
    const isThaw = season !== undefined && season !== "winter" && scene.weather === "snow";
    scene.time = time ?? scene.time;
    scene.weather = weather ?? (isThaw ? "clear" : scene.weather);
    scene.season = season ?? scene.season;
  }

  /** A colour without a noun is for the only subject, for an abstract picture, or a tint over everything. */
  #showColours({ subjects, colours, place, texts }: Scene, verb: Instruction["verb"]): void {
    const scene = this.#scene;
    const [colour] = colours;
    const [named = scene.subjects[0]] = subjects;
    const isOne = subjects.length === 1 || (subjects.length === 0 && scene.subjects.length === 1);
    const found = isOne && named ? this.#find(named) : undefined;
    if (colour === undefined) return;
    // A backdrop cannot be changed in part.
    if (place !== undefined && subjects.length === 0 && verb !== "tint") this.unchanged.push(texts.place ?? place);
    else if (found?.part) found.part.colour = colour;
    else if (found?.subject && verb !== "tint") recolour(found.subject, colour);
    else if (scene.location === "abstract" && subjects.length === 0) scene.colours = colours;
    else scene.tint = colour;
  }

  #showSubject(named: Subject, verb: Instruction["verb"]): void {
    const found = this.#find(named);
    const hasParts = named.wearing.length > 0 || named.holding !== undefined;
    const isNew = named.isExtra || (verb === "add" && !named.isDefinite && (named.isCounted || !hasParts));
    if (named.kind === "thing" && named.role === "wearable") this.#showWorn(named, found?.part);
    else if (found?.subject && isNew && isAlike(found.subject, named)) this.#addCopies(found.subject, named.count);
    else if (found?.subject && !isNew) this.#change(found.subject, named);
    else if (found?.part && !isNew && named.kind === "thing") found.part.colour = named.colour ?? found.part.colour;
    else if (named.isDefinite && verb !== "show") this.unchanged.push(named.text);
    else this.#add(named);
  }

  /** "give her an apple", "let the fox ride a bicycle": whether somebody is to hold or ride it. */
  #giveAway(named: Subject, { subjects, actions }: Scene, verb: Instruction["verb"]): boolean {
    const actor = this.#scene.subjects.find(
      (one) => canAct(one) && (subjects.length === 1 || this.#isNamed(one, subjects)),
    );
    if (actor === undefined || named.kind !== "thing" || isMeant(actor, named)) return false;
    const parts = (verb === "give" ? (["hold"] as const) : actions).map((action) => holdOf(action, named));
    const part = parts.find((one) => one !== undefined);
    if (part !== undefined) this.#change(actor, { ...actor, ...NOTHING_SAID, [part]: named });
    return part !== undefined;
  }

  #isNamed(subject: Subject, subjects: readonly Subject[]): boolean {
    return subjects.some((named) => this.#find(named)?.subject === subject);
  }

  /** "A hat" is a hat that somebody already wears; otherwise the first subject that can wear one gets it. */
  #showWorn({ art, colour, text }: Thing, worn: Worn | Thing | undefined): void {
    const wearer = this.#scene.subjects.find(canAct);
    const hat: Worn = { art, text, colour };
    if (worn !== undefined) worn.colour = colour ?? worn.colour;
    else if (wearer !== undefined) wear(wearer, hat);
    else this.#add({ kind: "thing", role: "wearable", count: 1, wearing: [], ...hat });
  }

  /** Applies the instruction's description to a subject. */
  #change(subject: Subject, named: Subject): void {
    const scene = this.#scene;
    const before = heightOf(subject, scene.subjects);
    if (subject.kind === "person" && named.kind === "person") subject.look = { ...subject.look, ...named.look };
    if (named.kind === "thing" && named.colour !== undefined) recolour(subject, named.colour);
    for (const worn of named.wearing) wear(subject, worn);
    subject.holding = named.holding ?? subject.holding;
    subject.size = named.size ?? subject.size;
    if (named.riding !== undefined) {
      subject.riding = named.riding;
      scene.isPortrait = false;
      // It rides the horse that is there, if there is one.
      scene.subjects = scene.subjects.filter((other) => other === subject || !isMeant(other, named.riding));
    }
    const growth = heightOf(subject, scene.subjects) / before;
    for (const position of subject.positions ?? []) {
      position.height *= growth;
      if (named.side !== undefined) position.x = this.#setting.extent.width * SIDES[named.side];
    }
    if (!named.isCounted) return;
    if (named.count > subject.count) this.#addCopies(subject, named.count - subject.count);
    else if (named.count > 1) dropCopies(subject, subject.count - named.count);
  }

  #add(subject: Subject): void {
    const { subjects, missing } = this.#scene;
    if (subjects.length >= MAX_SUBJECTS) {
      missing.add(subject.text);
      return;
    }
    const copies = subject.count;
    subject.looks = this.#newStream();
    subject.positions = [];
    subject.count = 0;
    subjects.push(subject);
    this.#addCopies(subject, copies);
  }

  #addCopies(subject: Subject, count: number): void {
    addCopies(subject, count, { ...this.#setting, scene: this.#scene, random: this.#newStream() });
  }

  #newStream(): Random {
    return this.#setting.random.fork(`drawn ${this.#drawn++}`);
  }

  remove(named: Scene, kept: readonly Subject[]): void {
    const scene = this.#scene;
    for (const subject of named.subjects) this.#removeSubject(subject);
    if (named.namesAll)
      scene.subjects = scene.subjects.filter((subject) => kept.some((other) => isMeant(subject, other)));
    if (named.namesBackdrop) this.#showPlace({ ...named, place: undefined, backdropColour: WHITE }, "change");
    this.unchanged.push(...named.missing);
    scene.effects = scene.effects.filter((effect) => !named.effects.includes(effect));
    const isThaw = named.weather === "snow" || named.season === "winter";
    if (named.weather === scene.weather || (isThaw && scene.weather === "snow")) scene.weather = "clear";
    if (named.season === scene.season || (isThaw && scene.season === "winter")) scene.season = undefined;
    if (named.style === scene.style) scene.style = undefined;
    if (named.place !== undefined) this.unchanged.push(named.texts.place ?? named.place);
  }

  /** Removes a subject, some of its copies, or only what the instruction names of it. */
  #removeSubject(named: Subject): void {
    const scene = this.#scene;
    const { subject, holder } = this.#find(named) ?? {};
    const parts = partsOf(named);
    if (subject !== undefined && parts.length > 0) for (const { art } of parts) takeFrom(subject, art);
    else if (subject !== undefined && named.isCounted && named.count < subject.count) dropCopies(subject, named.count);
    else if (subject !== undefined) scene.subjects = scene.subjects.filter((other) => other !== subject);
    else if (holder !== undefined && named.kind === "thing") takeFrom(holder, named.art);
    else this.unchanged.push(named.text);
  }

  replace(named: Scene, instead: Scene | undefined): void {
    // If the verb comes last, both nouns are in one list: 狐を猫に変えて.
    const [target, ...rest] = named.subjects;
    const substitute = instead ?? { ...named, subjects: rest };
    const [comes, ...others] = substitute.subjects;
    const found = target && this.#find(target);
    if (target !== undefined && found === undefined) this.unchanged.push(target.text);
    if (found?.subject && comes !== undefined && !isWorn(comes)) {
      this.#putInPlace(found.subject, comes);
      this.show({ ...substitute, subjects: others, colours: [] }, "change");
    } else if (found?.subject && comes === undefined) {
      this.show({ ...substitute, subjects: [{ ...found.subject, ...NOTHING_SAID }] }, "change");
    } else if (found?.holder && comes?.kind === "thing" && target?.kind === "thing") {
      swapPart(found.holder, target.art, comes);
      this.show({ ...substitute, subjects: others, colours: [] }, "change");
    } else {
      const [colour] = substitute.colours;
      const { namesBackdrop, namesFeature } = named;
      if (colour !== undefined && namesFeature) {
        this.show({ ...substitute, look: { [namesFeature]: colour }, colours: [] }, "change");
      } else if (namesBackdrop && colour !== undefined) {
        this.show({ ...substitute, backdropColour: colour, colours: [] }, "change");
      } else this.show(substitute, "change");
    }
  }

  /** The new subject stands in the old one's place, scaled by their real sizes. */
  #putInPlace(old: Subject, comes: Subject): void {
    const scene = this.#scene;
    const copies = comes.count;
    const growth = heightOf(comes, scene.subjects) / heightOf(old, scene.subjects);
    scene.subjects = scene.subjects.map((subject) => (subject === old ? comes : subject));
    scene.isPortrait &&= scene.subjects.some(({ kind }) => kind === "person");
    const zone = zoneOf(comes, scene, scene.location ?? "meadow");
    comes.looks = this.#newStream();
    comes.positions = (old.positions ?? []).map((position) => ({
      ...position,
      zone,
      height: position.height * growth,
    }));
    comes.count = comes.positions.length;
    if (comes.isCounted && copies > comes.count) this.#addCopies(comes, copies - comes.count);
  }

  /** The subject that a noun names, or the one that wears, holds or rides the named thing. */
  #find(named: Subject): { subject?: Subject; holder?: Subject; part?: Worn | Thing } | undefined {
    const { subjects } = this.#scene;
    const meant = subjects.filter((subject) => isMeant(subject, named));
    const subject = meant.find((one) => isAlike(one, named)) ?? meant[0];
    if (subject !== undefined) return { subject };
    for (const holder of subjects) {
      const part = partsOf(holder).find(
        ({ art, text }) => named.kind === "thing" && (art === named.art || isSameText(text, named.text)),
      );
      if (part !== undefined) return { holder, part };
    }
    return undefined;
  }
}

/** The new position of something moved to a side, as a share of the picture's width. */
const SIDES = { left: 0.24, right: 0.76 } as const;

/** For an instruction that names a subject without saying anything about it. */
const NOTHING_SAID = { wearing: [], isCounted: false, isDefinite: true, isExtra: false, side: undefined };

const partsOf = ({ wearing, holding, riding }: Subject): (Worn | Thing)[] =>
  [...wearing, holding, riding].filter((part) => part !== undefined);

const isWorn = (subject: Subject): boolean => subject.kind === "thing" && subject.role === "wearable";

/** Whether a noun can mean this subject. */
function isMeant(subject: Subject, named: Subject | undefined): boolean {
  if (named?.kind === "thing") {
    return subject.kind === "thing" && (subject.art === named.art || isSameText(subject.text, named.text));
  }
  if (named === undefined || subject.kind !== "person") return false;
  const [one, other] = [subject.look, named.look];
  const agrees = (trait: "gender" | "outfit") =>
    one[trait] === undefined || other[trait] === undefined || one[trait] === other[trait];
  return agrees("gender") && agrees("outfit");
}

/** A black cat is a cat, and a bowl of fruit a bowl. */
function isSameText(one: string, other: string): boolean {
  const isPart = (whole: string, part: string) =>
    part !== "" && (/^\p{sc=Latin}/u.test(part) ? ` ${whole} `.includes(` ${part} `) : whole.includes(part));
  return isPart(one, other) || isPart(other, one);
}

/** Whether another one of the second kind would look like the first. */
function isAlike(one: Subject, other: Subject): boolean {
  return one.kind === "thing" && other.kind === "thing" && one.art === other.art && one.colour === other.colour;
}

function recolour(subject: Subject, colour: Colour): void {
  if (subject.kind === "thing") subject.colour = colour;
  else subject.look = { ...subject.look, outfitColour: colour };
}

function wear(subject: Subject, worn: Worn): void {
  subject.wearing = [...subject.wearing.filter(({ art }) => art !== worn.art), worn];
}

function takeFrom(subject: Subject, art: string): void {
  subject.wearing = subject.wearing.filter((worn) => worn.art !== art);
  if (subject.holding?.art === art) subject.holding = undefined;
  if (subject.riding?.art === art) subject.riding = undefined;
}

/** Gives a subject another thing to wear, hold or ride. */
function swapPart(subject: Subject, art: string, thing: Thing): void {
  if (subject.holding?.art === art) subject.holding = thing;
  else if (subject.riding?.art === art) subject.riding = thing;
  else {
    takeFrom(subject, art);
    wear(subject, thing);
  }
}

function dropCopies(subject: Subject, count: number): void {
  subject.count -= count;
  subject.positions = subject.positions?.slice(0, subject.count);
}
