/**
 * - `absent`: a record names a file that the store lacks.
 * - `damaged`: the file has other bytes than the record says.
 * - `unnamed`: the gateway made the file, and no record names it any more.
 * - `foreign`: the gateway did not make the file.
 * - `derivative`: the records count a derivative that the store lacks. It is made again when it is requested.
 */
export const FINDING_KINDS = ["absent", "damaged", "unnamed", "foreign", "derivative"] as const;

/** A difference between the records and the bytes. */
export interface Finding {
  readonly kind: (typeof FINDING_KINDS)[number];
  readonly key: string;
  /** The image that needs the file. */
  readonly imageId?: string;
  readonly generationId?: string;
  /** Whether it was mended. */
  readonly isMended: boolean;
}

/** What a verification found. */
export interface VerifyResult {
  /** How many files that records name were looked at. */
  readonly fileCount: number;
  readonly counts: Readonly<Record<Finding["kind"], number>>;
  readonly mendedCount: number;
}

/** Counts what is found, and passes it on. */
export class FindingCounts {
  readonly #onFinding: (finding: Finding) => void;
  readonly #counts: Record<Finding["kind"], number> = { absent: 0, damaged: 0, unnamed: 0, foreign: 0, derivative: 0 };
  #mendedCount = 0;

  constructor(onFinding: (finding: Finding) => void) {
    this.#onFinding = onFinding;
  }

  add(finding: Finding): void {
    this.#counts[finding.kind]++;
    if (finding.isMended) this.#mendedCount++;
    this.#onFinding(finding);
  }

  toResult(fileCount: number): VerifyResult {
    return { fileCount, counts: this.#counts, mendedCount: this.#mendedCount };
  }
}
