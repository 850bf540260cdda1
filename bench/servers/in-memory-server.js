import { createServer } from "node:http";
import { ApolloServer } from "@apollo/server";
import { expressMiddleware } from "@as-integrations/express5";
import express from "express";
import { createSchema, createYoga } from "graphql-yoga";

/**
 * Serves the same operations on twenty generations in memory, for comparisons with the gateway's graph. They are not
 * read, signed, checked, recorded or logged. `apollo` is Apollo Server on Express and nothing else, `yoga` GraphQL
 * Yoga.
 */
const generations = Array.from({ length: 20 }, (_, index) => ({
  id: `gen_${index}`,
  status: "SUCCEEDED",
  prompt: "a red fox in a snowy forest at night",
  images: [0, 1].map((place) => ({
    id: `img_${index}_${place}`,
    url: "http://localhost/images/a.png",
    width: 64,
    height: 64,
  })),
}));

const schema = createSchema({
  typeDefs: `
    type Query { generations(first: Int): Connection! }
    type Mutation { generateImages(input: GenerateImagesInput!): Generation! }
    input GenerateImagesInput { prompt: String! size: String = "1024x1024" n: Int = 1 waitSeconds: Int = 90 }
    type Connection { edges: [Edge!]! pageInfo: PageInfo! }
    type PageInfo { hasNextPage: Boolean! endCursor: String }
    type Edge { cursor: String! node: Generation! }
    type Generation { id: ID! status: String! prompt: String! images: [Image!]! }
    type Image { id: ID! url(width: Int): String! width: Int! height: Int! }
  `,
  resolvers: {
    Query: {
      generations: async (_source, { first }) => ({
        edges: generations.slice(0, first).map((node) => ({ cursor: node.id, node })),
        pageInfo: { hasNextPage: false, endCursor: generations.at(-1)?.id },
      }),
    },
    Mutation: { generateImages: async () => ({ ...generations[0], status: "QUEUED", images: [] }) },
  },
});

async function serveApollo() {
  const apollo = new ApolloServer({ schema });
  await apollo.start();
  return express().use("/graphql", express.json(), expressMiddleware(apollo));
}

const listener = process.argv[2] === "yoga" ? createYoga({ schema, logging: false }) : await serveApollo();
const server = createServer(listener).listen(0, "127.0.0.1", () => {
  console.log(`http://127.0.0.1:${server.address().port}`);
});
process.once("SIGTERM", () => process.exit(0));
