import type { Scene } from "../scene.ts";
import { buildScene } from "../scene-builder.ts";
import type { Verb } from "./grammar.ts";
import { type Phrase, readPhrases, STOP } from "./prompt.ts";
import type { Meaning } from "./vocabulary.ts";

/** One thing to do: a verb, and what it names. */
export interface Instruction {
  /** `show` where there is no verb. */
  readonly verb: Verb | "show";
  readonly named: Scene;
  /** What comes in place of what is named. */
  readonly instead?: Scene;
}

/** Reads the instructions of a prompt such as "remove the fox and make it night". */
export function readInstructions(prompt: string): Instruction[] {
  const instructions: Instruction[] = [];
  let verb: Instruction["verb"] = "show";
  let part: Phrase[] = [];
  let target: Phrase[] | undefined;
  const end = (next: Instruction["verb"]): void => {
    if (target !== undefined)
      instructions.push({ verb: "replace", named: buildScene(target), instead: buildScene(part) });
    else if (part.length > 0) instructions.push({ verb, named: buildScene(part) });
    verb = next;
    part = [];
    target = undefined;
  };
  for (const phrase of readPhrases(prompt)) {
    const { before, between, after } = verbsOf(phrase);
    // A list goes on behind a comma: "remove the fox, the tree and the sun".
    if (phrase === STOP) end(verb === "remove" || verb === "add" ? verb : "show");
    else if (between && target === undefined && part.some(isNoun) && takesSubstitute(verb, phrase)) {
      target = part;
      part = [];
    } else if ((after && part.length > 0) || (before && isBehindNoun(before, verb, phrase, part))) {
      verb = after ?? before ?? verb;
      end("show");
    } else if (before) end(before);
    else part.push(phrase);
  }
  end("show");
  return instructions;
}

function verbsOf({ meanings }: Phrase): Partial<Record<"before" | "between" | "after", Verb>> {
  return Object.fromEntries(
    meanings.flatMap((meaning) => (meaning.is === "verb" ? [[meaning.position, meaning.verb]] : [])),
  );
}

const isChinese = ({ text }: Phrase): boolean => /^\p{sc=Han}/u.test(text);

/** Whether a substitute follows: English has "to", "with" and the like between nouns for much else. */
function takesSubstitute(verb: Instruction["verb"], phrase: Phrase): boolean {
  return isChinese(phrase) || verb === "replace" || (verb === "change" && ["into", "to"].includes(phrase.text));
}

/** In Chinese 把 brings the noun before its verb: 把狐狸去掉. */
function isBehindNoun(before: Verb, verb: Instruction["verb"], phrase: Phrase, part: readonly Phrase[]): boolean {
  return verb === "change" && before !== "add" && isChinese(phrase) && part.some(isNoun);
}

const NOUNS: ReadonlySet<Meaning["is"]> = new Set(["thing", "person", "place", "setting", "weather", "backdrop"]);
const isNoun = ({ meanings }: Phrase): boolean => meanings.some(({ is }) => NOUNS.has(is));
