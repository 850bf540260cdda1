/** One figure of the table that `npm run bench` prints. */
export interface Row {
  readonly figure: string;
  readonly measured: string;
  /** The target, `none` if there is none. */
  readonly target: string;
  readonly comparedWith: string;
}

/** A file that measures related figures. Each section starts its own processes and leaves nothing behind. */
export interface Section {
  measure(): Promise<readonly Row[]>;
}

export async function timed(work: () => Promise<void>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return performance.now() - startedAt;
}

export function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

export function ms(value: number): string {
  return `${value.toFixed(value < 100 ? 1 : 0)} ms`;
}

/** Milliseconds as microseconds, for what takes less than one of the former. */
export function us(valueMs: number): string {
  return `${(valueMs * 1000).toFixed(0)} µs`;
}

export function mib(bytes: number): string {
  return `${(bytes / 1024 / 1024).toFixed(0)} MiB`;
}
