/** Random numbers that are the same in every run, so that a failing test fails again. */
export interface Random {
  /** A whole number from `min` to `max`, both included. */
  whole(min: number, max: number): number;
  pick<Value>(values: readonly Value[]): Value;
  shuffled<Value>(values: readonly Value[]): Value[];
  bytes(length: number): Buffer;
}

/** mulberry32 by Tommy Ettinger, in the public domain: 32 bits of state, evenly spread. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
  const whole = (min: number, max: number) => min + Math.floor((next() / 2 ** 32) * (max - min + 1));
  return {
    whole,
    pick(values) {
      if (values.length === 0) throw new Error("there is nothing to pick from");
      return values[whole(0, values.length - 1)] as (typeof values)[number];
    },
    shuffled(values) {
      const result = [...values];
      for (let last = result.length - 1; last > 0; last--) {
        const other = whole(0, last);
        [result[last], result[other]] = [
          result[other] as (typeof values)[number],
          result[last] as (typeof values)[number],
        ];
      }
      return result;
    },
    bytes(length) {
      const bytes = Buffer.alloc(Math.ceil(length / 4) * 4);
      for (let offset = 0; offset < bytes.length; offset += 4) bytes.writeUInt32LE(next(), offset);
      return bytes.subarray(0, length);
    },
  };
}
