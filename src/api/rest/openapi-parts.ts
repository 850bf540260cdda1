import type { ErrorCode } from "../../errors.ts";

/** A JSON value, as OpenAPI documents are made of. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

/** A JSON body of a named schema. */
export function json(schema: string): Json {
  return { "application/json": { schema: { $ref: `#/components/schemas/${schema}` } } };
}

/** What can go wrong at a door, by status, each with its codes. */
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

/** What an answer says beside its body of the model that was used; `components.headers` has them. */
export const MODEL_HEADERS: Json = {
  Warning: { $ref: "#/components/headers/Warning" },
  Sunset: { $ref: "#/components/headers/Sunset" },
};

export const HEADERS: Json = {
  Warning: {
    description: 'What was done otherwise than asked, one value each, such as `299 pictograph "…"`',
    schema: { type: "string" },
  },
  Sunset: {
    description: "When the model shuts down, as an HTTP date (RFC 8594), where that is no more than 30 days away",
    schema: { type: "string" },
  },
};

export const IDEMPOTENCY_KEY: Json = {
  name: "Idempotency-Key",
  in: "header",
  required: false,
  description: "The same key with the same input gives the same images for 24 hours, paid once.",
  schema: { type: "string", minLength: 1, maxLength: 255 },
};
