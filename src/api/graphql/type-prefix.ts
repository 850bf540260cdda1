import { assertName, GraphQLError, GraphQLSchema, isScalarType } from "graphql";

/** Types that federation routers know by these names. */
const FEDERATION_TYPES: ReadonlySet<string> = new Set(["_Entity", "_Service"]);

/**
 * Puts a prefix before the name of every type, so that the graph can join a graph that already has an `Image` or a
 * `Warning`. Scalars keep their names because they mean the same everywhere. The root types keep theirs too.
 *
 * @throws GraphQLError when a name cannot begin with the prefix
 */
export function prefixTypes(schema: GraphQLSchema, prefix: string): GraphQLSchema {
  if (prefix === "") return schema;
  if (assertName(prefix).startsWith("__")) throw new GraphQLError("names that begin with __ belong to GraphQL");
  const roots = [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()];
  for (const type of Object.values(schema.getTypeMap())) {
    const { name } = type;
    if (isScalarType(type) || roots.some((root) => root === type)) continue;
    if (name.startsWith("__") || FEDERATION_TYPES.has(name)) continue;
    type.name = prefix + name;
    type.extensions = { ...type.extensions, pictographName: name };
  }
  return new GraphQLSchema({ ...schema.toConfig(), extensions: { ...schema.extensions, pictographPrefix: prefix } });
}

/** Returns the prefix of a schema's types; empty when there is none. */
export function typePrefixOf({ extensions }: Pick<GraphQLSchema, "extensions">): string {
  const { pictographPrefix } = extensions as { readonly pictographPrefix?: string };
  return pictographPrefix ?? "";
}

/** Returns the name of a type without the prefix of its schema. */
export function plainNameOf({ name, extensions }: { readonly name: string; readonly extensions: object }): string {
  const { pictographName } = extensions as { readonly pictographName?: string };
  return pictographName ?? name;
}
