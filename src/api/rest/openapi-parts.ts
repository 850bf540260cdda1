import { z } from "zod";
import type { ErrorCode } from "../../errors.ts";
import { MAX_IDEMPOTENCY_KEY_LENGTH } from "../../service/generations/generation-input.ts";

/** A JSON value, as OpenAPI documents are made of. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

/**
 * Schemas under their names, as components of the document that refer to each other.
 *
 * @param io whether they are what is sent to the gateway, or what it answers
 */
export function toComponents(
  schemas: Readonly<Record<string, z.ZodType>>,
  io: "input" | "output",
): { readonly [name: string]: Json } {
  const registry = z.registry<{ id: string }>();
  for (const [id, schema] of Object.entries(schemas)) registry.add(schema, { id });
  const { schemas: described } = z.toJSONSchema(registry, {
    io,
    uri: (id) => `#/components/schemas/${id}`,
    override({ jsonSchema }) {
      // Every integer of JavaScript has these bounds.
      if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
      if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
      mergeNull(jsonSchema);
    },
  });
  return Object.fromEntries(
    Object.entries(described).map(([name, { $schema: _s, $id: _i, ...schema }]) => [name, schema as Json]),
  );
}

/** Says that a value may be null by its type: pages that show the document understand that better than a choice. */
function mergeNull(schema: z.core.JSONSchema.BaseSchema): void {
  const [other, nothing, ...more] = schema.anyOf ?? [];
  if (nothing?.type !== "null" || more.length > 0 || typeof other?.type !== "string" || other.not) return;
  delete schema.anyOf;
  const type = [other.type, "null"] as unknown as typeof other.type;
  Object.assign(schema, other, { type }, other.enum && { enum: [...other.enum, null] });
}

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
  schema: { type: "string", minLength: 1, maxLength: MAX_IDEMPOTENCY_KEY_LENGTH, pattern: "^[!-~]+( +[!-~]+)*$" },
};
