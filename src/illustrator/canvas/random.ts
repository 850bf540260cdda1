/** A stream of seeded numbers: the same seed gives the same stream on every platform. */
export interface Random {
  /** At least 0, below 1. */
  next(): number;
  /** At least `low`, below `high`. */
  between(low: number, high: number): number;
  /** A whole number from `low` to `high`, both included. */
  whole(low: number, high: number): number;
  /** True with the given probability, 0–1. */
  chance(probability: number): boolean;
  /** One element. The list is not empty. */
  pick<Item>(items: readonly Item[]): Item;
  /** The elements in another order. */
  shuffle<Item>(items: readonly Item[]): Item[];
  /** An independent stream that belongs to this one's seed and a name. It does not move this one. */
  fork(name: string): Random;
  /** An independent stream that starts from this one's next number. It moves this one by that number only. */
  split(): Random;
}

/**
 * Hashes text to 128 bits with four lanes of multiply and xor-shift. Not cryptographic.
 *
 * @see https://github.com/bryc/code/blob/master/jshash/PRNGs.md for cyrb128, which this is
 */
function hash(text: string): [number, number, number, number] {
  let a = 1779033703;
  let b = 3144134277;
  let c = 1013904242;
  let d = 2773480762;
  for (let position = 0; position < text.length; position++) {
    const unit = text.charCodeAt(position);
    a = b ^ Math.imul(a ^ unit, 597399067);
    b = c ^ Math.imul(b ^ unit, 2869860233);
    c = d ^ Math.imul(c ^ unit, 951274213);
    d = a ^ Math.imul(d ^ unit, 2716044179);
  }
  a = Math.imul(c ^ (a >>> 18), 597399067);
  b = Math.imul(d ^ (b >>> 22), 2869860233);
  c = Math.imul(a ^ (c >>> 17), 951274213);
  d = Math.imul(b ^ (d >>> 19), 2716044179);
  return [a ^ b ^ c ^ d, b ^ a, c ^ a, d ^ a];
}

/** Seeds a {@link Random} with every bit of a text. */
export function createRandom(seed: string): Random {
  let [a, b, c, d] = hash(seed);
  const next = (): number => {
    const sum = (((a + b) | 0) + d) | 0;
    d = (d + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (c << 21) | (c >>> 11);
    c = (c + sum) | 0;
    return (sum >>> 0) / 4294967296;
  };
  for (let round = 0; round < 12; round++) next();

  const random: Random = {
    next,
    between: (low, high) => low + next() * (high - low),
    whole: (low, high) => low + Math.floor(next() * (high - low + 1)),
    chance: (probability) => next() < probability,
    pick: (items) => {
      const item = items[Math.floor(next() * items.length)];
      if (item === undefined) throw new RangeError("pick() needs a list that is not empty");
      return item;
    },
    shuffle: <Item>(items: readonly Item[]): Item[] =>
      items
        .map((item) => ({ item, key: next() }))
        .sort((left, right) => left.key - right.key)
        .map(({ item }) => item),
    fork: (name) => createRandom(`${seed}\u0000${name}`),
    split: () => createRandom(`${next()}`),
  };
  return random;
}
