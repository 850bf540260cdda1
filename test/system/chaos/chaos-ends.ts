import { nameOfEnd, type ToldGeneration } from "./chaos-books.ts";
import type { LedgerRow } from "./chaos-ledger.ts";

/** An end recorded by the process that ran the generation. */
export interface RecordedEnd {
  readonly generationId: string;
  /** The start of a gateway that recorded it, in the run's count. */
  readonly life: number;
  readonly status: string;
  /** For a failure only. */
  readonly code?: string;
}

/** What gateways recorded about one generation. */
export interface EndRecords {
  readonly recorded: readonly RecordedEnd[];
  readonly ledgerRows: readonly LedgerRow[];
}

export type EndChange = "none" | "finished after a takeover" | "contradiction";

/**
 * Compares an end of a generation with the next one. An end is final, with one exception: a process that did not extend
 * its lease is presumed dead, and another process ends its generations as interrupted. If the first process is still
 * alive, it replaces that end by the true one, once.
 */
export function compareEnds(
  before: ToldGeneration,
  after: ToldGeneration,
  { recorded, ledgerRows }: EndRecords,
): EndChange {
  if (nameOfEnd(before) === nameOfEnd(after)) return "none";
  const isPresumed = nameOfEnd(before) === INTERRUPTED && before.failure?.billed === "UNKNOWN";
  const isTrueEnd = after.status === "SUCCEEDED" || after.status === "FAILED";
  const isRecordedOnce = recorded.length === 1 && recorded.every((end) => nameOfRecorded(end) === nameOfEnd(after));
  const isSettledOnce = ledgerRows.length === 1 && ledgerRows.every(({ state }) => state === "SETTLED");
  return isPresumed && isTrueEnd && isRecordedOnce && isSettledOnce ? "finished after a takeover" : "contradiction";
}

/** Returns each change between the reported ends of a generation, with its kind. */
export function* changesOf(
  ends: readonly ToldGeneration[],
  records: EndRecords,
): Generator<{ readonly kind: Exclude<EndChange, "none">; readonly inWords: string }> {
  for (const [index, after] of ends.entries()) {
    const before = ends[index - 1];
    const kind = before ? compareEnds(before, after, records) : "none";
    if (before && kind !== "none") yield { kind, inWords: `${nameOfEnd(before)} became ${nameOfEnd(after)}` };
  }
}

export const INTERRUPTED = "FAILED INTERRUPTED";

/**
 * Reads the logged ends of generations for which the gateway had called a provider. Lines about other generations have
 * no duration.
 */
export function readRecordedEnds(life: number, lines: readonly string[]): RecordedEnd[] {
  return lines
    .filter((line) => line.includes('"msg":"generation ended"'))
    .map((line) => JSON.parse(line) as LoggedEnd)
    .filter(({ providerMs }) => providerMs !== undefined)
    .map(({ generationId, status, code }) => ({ generationId, life, status, ...(code !== undefined && { code }) }));
}

type LoggedEnd = Omit<RecordedEnd, "life"> & { readonly providerMs?: number };

function nameOfRecorded({ status, code }: RecordedEnd): string {
  return code === undefined ? status : `${status} ${code}`;
}
