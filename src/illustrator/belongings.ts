import type { Subject, Thing } from "./scene.ts";
import type { Action } from "./words/grammar.ts";
import type { Look } from "./words/people.ts";
import type { Role } from "./words/things.ts";

/** The things that a vessel can contain. */
export const CONTENTS: Readonly<Record<string, Role>> = { bowl: "food", vase: "flower" };

/** Vessels that are not drawn beside their contents, whose art already shows one. */
export const CUPS: ReadonlySet<string> = new Set([
  "tumbler-glass",
  "hot-beverage",
  "bottle-with-popping-cork",
  "pot-of-food",
]);

/** Dishes whose art shows a bowl. */
export const SERVED: ReadonlySet<string> = new Set(
  "steaming-bowl pot-of-food cooked-rice curry-rice green-salad bowl-with-spoon".split(" "),
);

/** Whether it can wear, hold and ride something. */
export const canAct = (subject: Subject): boolean =>
  subject.kind === "person" || ["animal", "bird", "face", "swimmer"].includes(subject.role);

const MOUNTS: ReadonlySet<Role> = new Set(["animal", "vehicle", "boat", "aircraft", "swimmer", "bird"]);
const HELD: ReadonlySet<Role> = new Set(["food", "object", "instrument", "flower", "symbol"]);

/** Whether an action makes a subject ride a thing or hold it. */
export function holdOf(action: Action | undefined, { art, role }: Thing): "riding" | "holding" | undefined {
  if (action === "ride") return MOUNTS.has(role) ? "riding" : undefined;
  const canHold = HELD.has(role) || art === "kite" || art === "balloon";
  return canHold && (action === "hold" || action === "eat" || action === "play") ? "holding" : undefined;
}

/** Whether two nouns in a row can speak of one person: "a chinese girl, young woman". */
export function isSamePerson(first: Look, second: Look): boolean {
  const isGeneral = Object.keys(second).length === 0;
  return isGeneral || (first.gender !== undefined && first.gender === second.gender && second.outfit === undefined);
}
