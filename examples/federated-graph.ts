/** Pictograph and a subgraph of products, in one federated graph: `npx node examples/federated-graph.ts` */
import { createServer } from "node:http";
import { ApolloGateway, IntrospectAndCompose } from "@apollo/gateway";
import { ApolloServer } from "@apollo/server";
import { startStandaloneServer } from "@apollo/server/standalone";
import { buildSubgraphSchema } from "@apollo/subgraph";
import { parse } from "graphql";
import { createGateway } from "pictograph";

const pictures = await createGateway({ dataDir: "./data/example" });
const picturesServer = createServer(pictures.app);
await new Promise<void>((resolve) => picturesServer.listen(0, resolve));
const { port: picturesPort } = picturesServer.address() as { port: number };

interface Product {
  readonly id: string;
  readonly name: string;
  pictureId?: string;
}
const products = new Map<string, Product>([
  ["1", { id: "1", name: "Lamp" }],
  ["2", { id: "2", name: "Chair" }],
]);

/** Refers to images of Pictograph, and adds a field to them. */
const productSubgraph = buildSubgraphSchema([
  {
    typeDefs: parse(`
    extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@key"])
    type Query { products: [Product!]! }
    type Mutation { setPicture(product: ID!, image: ID!): Product }
    type Product @key(fields: "id") { id: ID!  name: String!  picture: Image }
    type Image @key(fields: "id") { id: ID!  products: [Product!]! }
  `),
    resolvers: {
      Query: { products: () => [...products.values()] },
      Mutation: {
        setPicture(_source: unknown, { product: id, image }: { product: string; image: string }) {
          const product = products.get(id);
          if (product) product.pictureId = image;
          return product;
        },
      },
      Product: {
        picture: ({ pictureId }: Product) => (pictureId ? { __typename: "Image", id: pictureId } : null),
      },
      Image: {
        __resolveReference: ({ id }: { id: string }) => ({ id }),
        products: ({ id }: { id: string }) => [...products.values()].filter(({ pictureId }) => pictureId === id),
      },
    },
  },
]);
const productServer = new ApolloServer({ schema: productSubgraph, stopOnTerminationSignals: false });
const { url: productsUrl } = await startStandaloneServer(productServer, { listen: { port: 0 } });

const router = new ApolloServer({
  stopOnTerminationSignals: false,
  gateway: new ApolloGateway({
    // A production graph is composed once, from schema/subgraph.graphql, not at each start.
    supergraphSdl: new IntrospectAndCompose({
      subgraphs: [
        { name: "pictures", url: `http://localhost:${picturesPort}/graphql` },
        { name: "products", url: productsUrl },
      ],
    }),
  }),
});
const { url } = await startStandaloneServer(router, { listen: { port: Number(process.env.PORT ?? 3000) } });
console.log(url);

process.once("SIGTERM", async () => {
  await router.stop();
  await productServer.stop();
  await pictures.close();
  picturesServer.close();
});
