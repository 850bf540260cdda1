import { Field, ID, InterfaceType } from "../type-graphql.ts";
import { typePrefixOf } from "../type-prefix.ts";

@InterfaceType("Node", {
  description: "Anything that can be read again by its id.",
  resolveType: (value: { readonly id: string }, _context, { schema }) =>
    typePrefixOf(schema) + (value.id.startsWith("img_") ? "Image" : "Generation"),
})
export abstract class NodeType {
  @Field(() => ID, { description: "Unique among all nodes; prefixed by kind, and sorts by time of creation." })
  id!: string;
}
