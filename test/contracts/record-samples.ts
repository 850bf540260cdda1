import type { History } from "../../src/ports/history.ts";
import type { Ledger } from "../../src/ports/projects/ledger.ts";
import type { Projects } from "../../src/ports/projects/projects.ts";
import {
  type AcceptanceTerms,
  type AcceptedGeneration,
  type Claim,
  type EditSource,
  type Generation,
  type GenerationFailure,
  type GenerationOrder,
  type Idempotency,
  type Image,
  PUBLIC_PROJECT,
  type Records,
} from "../../src/ports/records.ts";

export type RecordsWithHistory = Records & { readonly history: History };

/** Records with everything stored beside them. */
export type BookedRecords = RecordsWithHistory & { readonly ledger: Ledger; readonly projects: Projects };

/** An adapter on its own empty storage. */
export interface OpenedRecords {
  readonly records: BookedRecords;
  /** Closes the adapter and opens it again on the same storage, as the next process does. */
  reopen(): Promise<BookedRecords>;
  /** Closes everything and removes the storage. */
  close(): Promise<void>;
}

export const ACCEPTED_AT = new Date("2026-11-22T10:00:00.001Z");
export const STARTED_AT = new Date("2026-11-22T10:00:01.999Z");
export const LEASE_UNTIL = new Date("2026-11-22T10:01:01.999Z");
export const FINISHED_AT = new Date("2026-11-22T10:01:40.500Z");
/** Later than everything that happens in these tests. */
export const END_OF_TIME = new Date("9999-12-31T23:59:59.999Z");
export const DAY_MS = 86_400_000;
/** Limits that nothing exceeds. */
export const NO_LIMITS: AcceptanceTerms = { maxQueued: 1_000_000 };
export const WORKER = "run_here";
export const OTHER_WORKER = "run_there";
export const SIZE = { width: 480, height: 1408 };
export const FAILURE: GenerationFailure = {
  code: "UPSTREAM_FAILED",
  message: "the provider broke",
  retryable: true,
  billed: "UNKNOWN",
};
export const INTERRUPTED: GenerationFailure = {
  code: "INTERRUPTED",
  message: "the gateway stopped",
  retryable: true,
  billed: "UNKNOWN",
};

export function orderOf(id: string, createdAt = ACCEPTED_AT): GenerationOrder {
  return {
    id,
    projectId: "proj_public",
    prompt: "a fox",
    model: "scripted-1",
    n: 2,
    requestedSize: { width: 256, height: 256 },
    modelSize: { width: 816, height: 816 },
    quality: "AUTO",
    format: "PNG",
    background: "AUTO",
    warnings: [],
    inputHash: "0".repeat(64),
    createdAt,
  };
}

export function keyOf(key: string, from = ACCEPTED_AT): Idempotency {
  return { key, expiresAt: new Date(from.getTime() + DAY_MS) };
}

export function claimOf(worker = WORKER, at = STARTED_AT, leaseUntil = LEASE_UNTIL): Claim {
  return { worker, at, leaseUntil };
}

export function imageOf(generationId: string, index: number): Image {
  return {
    id: `img_${generationId}_${9 - index}`,
    generationId,
    projectId: "proj_public",
    index,
    key: `${generationId}/${index}/original`,
    originalKey: `${generationId}/${index}/original`,
    width: 256,
    height: 256,
    format: "PNG",
    byteSize: 1000 + index,
    sha256: String(index).repeat(64),
    placeholder: "data:image/webp;base64,AAAA",
    provenance: {
      digitalSourceType: "compositeWithTrainedAlgorithmicMedia",
      hasContentCredentials: index % 2 === 0,
      originalFormat: "JPEG",
    },
    createdAt: new Date(STARTED_AT.getTime() + index),
  };
}

export function sourceOf(index: number): EditSource {
  return {
    key: `gen_1/sources/${index}`,
    width: 480,
    height: 640,
    format: "PNG",
    byteSize: 40_000_000 + index,
    sha256: String(index).repeat(64),
  };
}

export function warning(code: string, message: string): { readonly code: string; readonly message: string } {
  return { code, message };
}

/** @throws Error if it is refused */
export async function accept(
  records: Records,
  order: GenerationOrder,
  terms: Partial<AcceptanceTerms> = {},
): Promise<Omit<AcceptedGeneration, "rates">> {
  const accepted = await records.accept(order, { ...NO_LIMITS, ...terms });
  if (typeof accepted === "string" || "budget" in accepted || "exceeded" in accepted) {
    throw new Error(JSON.stringify(accepted));
  }
  const { rates: _rates, ...rest } = accepted;
  return rest;
}

/** Accepts a generation and starts it. */
export async function begin(records: Records, order: GenerationOrder, claim = claimOf()): Promise<void> {
  await accept(records, order);
  if (!(await records.start(order.id, claim))) throw new Error(`${order.id} was not started`);
}

export async function find(records: Records, id: string): Promise<Generation | undefined> {
  const [generation, ...others] = await records.findGenerations([id]);
  if (others.length > 0) throw new Error(`${id} was found more than once`);
  return generation;
}

export function idsOf(found: readonly { readonly id: string }[]): string[] {
  return found.map(({ id }) => id);
}

/** What is spent and held, in US dollars, in the daily window of `at`. */
export async function dollarsOf(
  { ledger }: BookedRecords,
  scopeId = PUBLIC_PROJECT,
  at = ACCEPTED_AT,
): Promise<{ readonly settled: string; readonly held: string }> {
  const [spending] = await ledger.spendingOf([scopeId], at);
  const { spentUsd, heldUsd } = spending?.windows.DAY ?? {};
  return { settled: spentUsd ?? "", held: heldUsd ?? "" };
}
