import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { composeServices } from "@apollo/composition";
import { ApolloGateway } from "@apollo/gateway";
import { ApolloServer } from "@apollo/server";
import { startStandaloneServer } from "@apollo/server/standalone";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { parse } from "graphql";
import { graphql } from "../../../support/clients/graphql-client.ts";
import { type ScriptedGateway, startScriptedGateway } from "../../../support/gateways/scripted-gateway.ts";

// Imported by a computed name that the compiler does not follow: the package's types would add the browser's to all of
// src/.
const { createGatewayRuntime } = await import("@graphql-hive/gateway-runtime" as string);

const PRODUCTS = `
  extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@key"])
  type Query { products: [Product!]! }
  type Product @key(fields: "id") { id: ID!  picture: Image }
  type Image @key(fields: "id") { id: ID! }
`;
const QUERY = "{ products { id picture { width height } } }";

let gateway: ScriptedGateway;
let products: Server;
let supergraph: string;
const NO_PICTURE = Symbol("no picture");
/** The products' images, as their subgraph stores them. */
let pictureIds: readonly unknown[];

beforeAll(async () => {
  gateway = await startScriptedGateway();
  products = createServer((request, response) => {
    request.resume();
    const list = pictureIds.map((id, index) => ({
      __typename: "Product",
      id: `${index}`,
      picture: id === NO_PICTURE ? null : { __typename: "Image", id },
    }));
    response.setHeader("Content-Type", "application/json").end(JSON.stringify({ data: { products: list } }));
  });
  await once(products.listen(0, "127.0.0.1"), "listening");
  const { supergraphSdl, errors } = composeServices([
    {
      name: "pictures",
      url: `${gateway.url}/graphql`,
      typeDefs: parse(await readFile(new URL("../../../../schema/subgraph.graphql", import.meta.url), "utf8")),
    },
    {
      name: "products",
      url: `http://127.0.0.1:${(products.address() as AddressInfo).port}`,
      typeDefs: parse(PRODUCTS),
    },
  ]);
  expect(errors).toBeUndefined();
  supergraph = supergraphSdl as string;
});

afterAll(async () => {
  products.closeAllConnections();
  products.close();
  await gateway.close();
});

interface Answer {
  readonly data?: { readonly products: readonly { readonly id: string; readonly picture: object | null }[] };
  readonly errors?: readonly { readonly message: string }[];
}

/** Sends a query to a router of the whole graph, and stops the router. */
type Ask = () => Promise<Answer>;

const askApollo: Ask = async () => {
  const router = new ApolloServer({
    stopOnTerminationSignals: false,
    gateway: new ApolloGateway({ supergraphSdl: supergraph }),
  });
  const { url } = await startStandaloneServer(router, { listen: { port: 0 } });
  try {
    return (await graphql(url.replace(/\/$/, ""), QUERY)) as Answer;
  } finally {
    await router.stop();
  }
};

const askHive: Ask = async () => {
  await using router: AsyncDisposable & { readonly fetch: typeof fetch } = createGatewayRuntime({
    supergraph,
    logging: false,
  });
  const response = await router.fetch("http://router.example/graphql", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ query: QUERY }),
  });
  return (await response.json()) as Answer;
};

test.each([
  ["Apollo's gateway", askApollo],
  ["Hive's gateway", askHive],
])("behind %s, one bad reference among good ones loses only its own image", async (_router, ask) => {
  const { data } = await graphql(
    gateway.url,
    'mutation { generateImages(input: { prompt: "a fox", n: 2, size: "64x64" }) { images { id } } }',
  );
  const [first, last] = data.generateImages.images.map(({ id }: { id: string }) => id);
  pictureIds = [first, 42, "img_gone", "gen_1", null, NO_PICTURE, last];

  const answer = await ask();

  // Hive's router reports the missing fields of a null entity; clients get the rest.
  if (ask === askApollo) expect(answer.errors).toBeUndefined();
  const picture = { width: 64, height: 64 };
  expect(answer.data?.products.map((product) => product.picture)).toEqual([
    picture,
    null,
    null,
    null,
    null,
    null,
    picture,
  ]);
});

test("a null reference is refused, as the type [_Any!]! requires, and no router sends one", async () => {
  const query = "query ($references: [_Any!]!) { _entities(representations: $references) { __typename } }";
  const { body } = await gateway.graphql(query, { references: [null] });

  expect(body.errors).toMatchObject([{ extensions: { code: "BAD_USER_INPUT" } }]);
  expect(body.errors?.[0]?.message).toMatch(/references.*null/);
});
