import { readFile } from "node:fs/promises";

/** Every Linux counts processor time in hundredths of a second. */
const TICK_MS = 10;

/** Reads the processor time of all threads of another process since its start, in milliseconds; NaN except on Linux. */
export async function processorTimeOf(pid: number): Promise<number> {
  if (process.platform !== "linux") return Number.NaN;
  const stat = await readFile(`/proc/${pid}/stat`, "latin1");
  // The name of the program, in parentheses, may hold spaces. The times are the 14th and 15th fields.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}
