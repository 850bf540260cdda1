import { z } from "zod";
import type { ErrorCode } from "../../errors.ts";
import { MAX_IDEMPOTENCY_KEY_LENGTH } from "../../service/generations/generation-input.ts";

/** A JSON value of an OpenAPI document. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

/**
 * Converts schemas into named components of the document, which refer to each other.
 *
 * @param io whether the gateway receives or sends these values
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
      // These bounds apply to every JavaScript integer, so they say nothing.
      if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
      if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
      mergeNull(jsonSchema);
    },
  });
  return Object.fromEntries(
    Object.entries(described).map(([name, { $schema: _s, $id: _i, ...schema }]) => [name, schema as Json]),
  );
}

/** Expresses "may be null" in the type. Pages that show the document display that better than `anyOf`. */
function mergeNull(schema: z.core.JSONSchema.BaseSchema): void {
  const [other, nothing, ...more] = schema.anyOf ?? [];
  if (nothing?.type !== "null" || more.length > 0 || typeof other?.type !== "string" || other.not) return;
  delete schema.anyOf;
  const type = [other.type, "null"] as unknown as typeof other.type;
  Object.assign(schema, other, { type }, other.enum && { enum: [...other.enum, null] });
}

/** Returns the content of a JSON body with a named schema. */
export function json(schema: string): Json {
  return { "application/json": { schema: { $ref: `#/components/schemas/${schema}` } } };
}

/** Describes the errors of a route: one response for each status, with its error codes. */
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

/** The headers about the model that was used. `components.headers` defines them. */
export const MODEL_HEADERS = {
  Warning: { $ref: "#/components/headers/Warning" },
  Sunset: { $ref: "#/components/headers/Sunset" },
};

/** The headers of an answer about the caller's rate limits; `components.headers` describes them. */
export const RATE_HEADERS = {
  RateLimit: { $ref: "#/components/headers/RateLimit" },
  "RateLimit-Policy": { $ref: "#/components/headers/RateLimit-Policy" },
};

/** The credentials of a keyed gateway. The empty choice is for open gateways, which ask for none. */
export const SECURITY: Json = [{}, { bearer: [] }, { apiKey: [] }];

export const SECURITY_SCHEMES: Json = {
  bearer: {
    type: "http",
    scheme: "bearer",
    description: "An API key (`pgk_…`), the admin key, or a JWT of the configured identity provider",
  },
  apiKey: { type: "apiKey", in: "header", name: "X-API-Key", description: "The same, in another header" },
};

export const HEADERS: Json = {
  RateLimit: {
    description: 'What is left of each rate limit, if there is one: `"key-requests";r=59;t=35`',
    schema: { type: "string" },
  },
  "RateLimit-Policy": {
    description: 'The rate limits, if there are any: `"key-requests";q=60;w=60`',
    schema: { type: "string" },
  },
  Warning: {
    description: 'What the gateway did differently from the request, one value for each warning: `299 pictograph "…"`',
    schema: { type: "string" },
  },
  Sunset: {
    description: "When the model shuts down, as an HTTP date (RFC 8594). Set if that is at most 30 days away",
    schema: { type: "string" },
  },
};

export const IDEMPOTENCY_KEY: Json = {
  name: "Idempotency-Key",
  in: "header",
  required: false,
  description: "For 24 hours, the same key with the same input returns the same images, paid once.",
  schema: { type: "string", minLength: 1, maxLength: MAX_IDEMPOTENCY_KEY_LENGTH, pattern: "^[!-~]+( +[!-~]+)*$" },
};
