import { Field, ID, InterfaceType } from "../type-graphql.ts";
import { typePrefixOf } from "../type-prefix.ts";

@InterfaceType("Node", {
  description: "Anything that can be read again by its id.",
  resolveType: (value: { readonly id: string }, _context, { schema }) => typePrefixOf(schema) + typeOf(value.id),
})
export abstract class NodeType {
  @Field(() => ID, { description: "Unique among all nodes; prefixed by kind, and sorts by time of creation." })
  id!: string;
}

/** The name of the type that an id is of. */
export function typeOf(id: string): "Image" | "Project" | "ApiKey" | "Generation" {
  if (id.startsWith("img_")) return "Image";
  if (id.startsWith("proj_")) return "Project";
  return id.startsWith("key_") ? "ApiKey" : "Generation";
}
