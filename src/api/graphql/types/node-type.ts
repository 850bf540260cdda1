import { Field, ID, InterfaceType } from "../type-graphql.ts";
import { typePrefixOf } from "../type-prefix.ts";

@InterfaceType("Node", {
  description: "Anything that can be read by its id.",
  resolveType: (value: { readonly id: string }, _context, { schema }) => typePrefixOf(schema) + typeOf(value.id),
})
export abstract class NodeType {
  @Field(() => ID, {
    description:
      "Unique among all nodes. It begins with a prefix of its type, and ids of one type sort by creation time.",
  })
  id!: string;
}

/** Returns the name of the type that an id belongs to. */
export function typeOf(id: string): "Image" | "Project" | "ApiKey" | "Generation" {
  if (id.startsWith("img_")) return "Image";
  if (id.startsWith("proj_")) return "Project";
  return id.startsWith("key_") ? "ApiKey" : "Generation";
}
