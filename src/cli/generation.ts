import { printable } from "./printable.ts";

/** A stored image, as the commands read it. */
export interface CliImage {
  readonly id: string;
  readonly index: number;
  readonly url: string;
  readonly width: number;
  readonly height: number;
  readonly format: string;
  readonly byteSize: number;
  readonly sha256: string;
}

/** A generation, as the commands read it. */
export interface CliGeneration {
  readonly id: string;
  readonly status: string;
  readonly operation: string;
  readonly prompt: string;
  readonly model: { readonly id: string };
  readonly n: number;
  readonly requestedSize: string;
  readonly format: string;
  readonly images: readonly CliImage[];
  readonly failure: { readonly code: string; readonly message: string; readonly billed: string } | null;
  readonly warnings: readonly { readonly code: string; readonly message: string }[];
  readonly cost: string | null;
  readonly costIsEstimated: boolean;
  readonly createdAt: string;
  readonly startedAt: string | null;
  readonly finishedAt: string | null;
}

/** The fields of {@link CliGeneration}. */
export const GENERATION_FIELDS = `
  id status operation prompt model { id } n requestedSize format
  images { id index url width height format byteSize sha256 }
  failure { code message retryable billed } warnings { code message }
  cost costIsEstimated createdAt startedAt finishedAt`;

/** Whether the status is a last one. A status that a newer gateway may add counts as a last one. */
export function hasEnded({ status }: Pick<CliGeneration, "status">): boolean {
  return status !== "QUEUED" && status !== "RUNNING";
}

/** Writes US dollars without zeros at the end: `$0.0421`; `unknown` for null. */
export function toDollars(cost: string | null): string {
  if (cost === null) return "unknown";
  const [whole = "", decimals = ""] = printable(cost, 30).split(".");
  let length = decimals.length;
  while (decimals[length - 1] === "0") length--;
  return length === 0 ? `$${whole}` : `$${whole}.${decimals.slice(0, length)}`;
}

export function toCost({ cost, costIsEstimated }: Pick<CliGeneration, "cost" | "costIsEstimated">): string {
  return costIsEstimated && cost !== null ? `at most ${toDollars(cost)}` : toDollars(cost);
}

/** Writes `one image`, `2 images`. */
export function countOf(count: number, noun: string): string {
  return count === 1 ? `1 ${noun}` : `${count} ${noun}s`;
}

/** Writes how long ago a moment is, in the largest whole unit: `12 min ago`. */
export function toAge(moment: string, now = Date.now()): string {
  const seconds = Math.max(0, Math.round((now - Date.parse(moment)) / 1000));
  if (Number.isNaN(seconds)) return "";
  if (seconds < 60) return `${seconds} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ago`;
  return `${Math.floor(seconds / 86_400)} d ago`;
}

/** Writes a moment: how long ago it is, for people, and as it is for programs. */
export function toWhen(moment: string, isForPeople: boolean): string {
  return isForPeople ? toAge(moment) : printable(moment, 40);
}

/** Writes a time between two moments: `4.2 s`. */
export function toDuration(from: string, to: string): string {
  const seconds = Math.max(0, Date.parse(to) - Date.parse(from)) / 1000;
  return seconds < 60 ? `${seconds.toFixed(1)} s` : `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
}
