import "reflect-metadata";
import type { GraphQLSchema } from "graphql";
import { buildSchema } from "type-graphql";
import { ImageResolver } from "./resolvers.ts";

/** type-graphql has no place to describe these. */
const ROOT_DESCRIPTIONS: Readonly<Record<string, string>> = {
  Query: "What can be read: your images and generations, and the models there are.",
  Mutation: "What can be done.",
};

/** The graph, built from the resolvers. */
export async function buildGraphQLSchema(): Promise<GraphQLSchema> {
  const schema = await buildSchema({ resolvers: [ImageResolver], validate: false });
  for (const [name, description] of Object.entries(ROOT_DESCRIPTIONS)) {
    const type = schema.getType(name);
    if (type) type.description = description;
  }
  return schema;
}
