/** The most characters of a wrong name that are compared. */
const MAX_LENGTH = 100;

/** Finds the name that differs least, in at most two letters. */
export function nearestName(name: string, names: readonly string[]): string | undefined {
  const distances = names.map((candidate) => [candidate, distance(name.slice(0, MAX_LENGTH), candidate)] as const);
  const [best] = distances.sort(([, one], [, other]) => one - other);
  return best && best[1] <= 2 && best[1] < best[0].length ? best[0] : undefined;
}

/** Levenshtein's distance. */
function distance(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, index) => index);
  for (const [index, character] of [...one].entries()) {
    const next = [index + 1];
    for (let column = 1; column <= other.length; column++) {
      const replaced = (row[column - 1] ?? 0) + (character === other[column - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[column] ?? 0) + 1, (next[column - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}
