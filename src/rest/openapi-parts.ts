import type { ErrorCode } from "../errors.ts";

/** A JSON value, as OpenAPI documents are made of. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

/** A JSON body of a named schema. */
export function json(schema: string): Json {
  return { "application/json": { schema: { $ref: `#/components/schemas/${schema}` } } };
}

/** What can go wrong at a door, by status, each with the codes of section "Errors" of the README. */
export function errorResponses(
  codes: readonly ErrorCode[],
  schema: string,
  statusOf: (code: ErrorCode) => number,
): { readonly [status: string]: Json } {
  const byStatus = Map.groupBy(codes, statusOf);
  const statuses = [...byStatus.keys()].sort((a, b) => a - b);
  return Object.fromEntries(
    statuses.map((status) => [
      String(status),
      { description: (byStatus.get(status) ?? []).join(" or "), content: json(schema) },
    ]),
  );
}

export const IDEMPOTENCY_KEY: Json = {
  name: "Idempotency-Key",
  in: "header",
  required: false,
  description: "The same key with the same input gives the same images for 24 hours, paid once.",
  schema: { type: "string", minLength: 1, maxLength: 255 },
};
