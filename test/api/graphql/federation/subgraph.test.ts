import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { composeServices } from "@apollo/composition";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { buildSchema, isObjectType, parse } from "graphql";
import { pino } from "pino";
import { openSqliteRecords } from "../../../../src/adapters/sql/sqlite/sqlite.ts";
import { accept, claimOf, imageOf, orderOf, SIZE, WORKER } from "../../../contracts/record-samples.ts";
import { type ScriptedGateway, startScriptedGateway } from "../../../support/gateways/scripted-gateway.ts";
import { statementsDuring } from "../../../support/stores/store-statements.ts";
import { temporaryDirectories } from "../../../support/temporary-directory.ts";

const FEDERATION = `extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@key", "@shareable"])`;
const PRODUCTS = `
  ${FEDERATION}
  type Query { products: [Product!]! }
  type Product @key(fields: "id") { id: ID!  name: String!  picture: Image  madeBy: Model  session: Generation }
  type Image @key(fields: "id") { id: ID!  product: Product }
  type Generation @key(fields: "id", resolvable: false) { id: ID! }
  type Model @key(fields: "id", resolvable: false) { id: ID! }
`;

const subgraph = () => readFile(new URL("../../../../schema/subgraph.graphql", import.meta.url), "utf8");

describe("schema/subgraph.graphql", () => {
  test("composes without errors or hints with a subgraph that extends Image and refers to entities", async () => {
    const { errors, hints, supergraphSdl } = composeServices([
      { name: "pictures", url: "http://pictures.example", typeDefs: parse(await subgraph()) },
      { name: "products", url: "http://products.example", typeDefs: parse(PRODUCTS) },
    ]);

    expect(errors).toBeUndefined();
    expect(hints).toEqual([]);
    for (const type of ["Image", "Generation", "Model"]) {
      expect(supergraphSdl).toMatch(new RegExp(`\\ntype ${type}[^{]*@join__type\\(graph: PICTURES, key: "id"\\)`));
    }
  });

  test("composes with another subgraph that has connections and nodes", async () => {
    const { errors } = composeServices([
      { name: "pictures", url: "http://pictures.example", typeDefs: parse(await subgraph()) },
      {
        name: "shops",
        url: "http://shops.example",
        typeDefs: parse(`
          ${FEDERATION}
          scalar DateTime
          interface Node { id: ID! }
          type Query { shops(first: Int): ShopConnection!  node(id: ID!): Node }
          type ShopConnection { edges: [ShopEdge!]!  pageInfo: PageInfo! }
          type ShopEdge { cursor: String!  node: Shop! }
          type Shop implements Node @key(fields: "id") { id: ID!  openedAt: DateTime! }
          type PageInfo @shareable {
            hasNextPage: Boolean!  hasPreviousPage: Boolean!  startCursor: String  endCursor: String
          }
        `),
      },
    ]);

    expect(errors).toBeUndefined();
  });

  test("has everything in the schema except node, projects and keys", async () => {
    const graph = buildSchema(await readFile(new URL("../../../../schema/schema.graphql", import.meta.url), "utf8"));
    const federated = buildSchema(await subgraph(), { assumeValidSDL: true });
    const fieldsOf = (schema: typeof graph) =>
      Object.values(schema.getTypeMap())
        .filter(isObjectType)
        .filter(({ name }) => !name.startsWith("__"))
        .flatMap((type) => Object.keys(type.getFields()).map((field) => `${type.name}.${field}`))
        .sort();

    const ofGateway =
      /^(Project|ApiKey|AuditEntry|Viewer|Limits|Budget|Usage|CreateApiKey|RotateApiKey|Webhook|CreateWebhook|RotateWebhook)|^Generation\.project$|^(Query\.(viewer|projects?|usage|auditLog|webhookEndpoints|webhookDeliveries)|Mutation\.((create|update|rotate|revoke)(Project|ApiKey)|deleteEndUserData|(create|update|delete)WebhookEndpoint|rotateWebhookSecret|(sendTest|redeliver)Webhook))$/;

    expect(fieldsOf(federated)).toEqual(
      fieldsOf(graph).filter((field) => field !== "Query.node" && !ofGateway.test(field)),
    );
  });
});

describe("a router's query", () => {
  const makeDirectory = temporaryDirectories();
  const imageIds: string[] = [];
  const logLines: string[] = [];
  let gateway: ScriptedGateway;

  /** Requests these entities with this selection. */
  const entities = (representations: readonly unknown[], selection: string) =>
    gateway.graphql(
      `query ($representations: [_Any!]!) { _entities(representations: $representations) { __typename ${selection} } }`,
      { representations },
    );

  beforeAll(async () => {
    const dataDir = await makeDirectory();
    const records = await openSqliteRecords(join(dataDir, "pictograph.db"));
    for (let index = 0; index < 10; index++) {
      const id = `gen_own${index}`;
      await accept(records, { ...orderOf(id), model: "any-size-1", n: 10 });
      await records.start(id, claimOf());
      for (let position = 0; position < 10; position++) {
        const image = imageOf(id, position);
        await records.addImage(image, SIZE, WORKER);
        imageIds.push(image.id);
      }
    }
    await accept(records, { ...orderOf("gen_foreign"), projectId: "someone else" });
    await records.start("gen_foreign", claimOf());
    await records.addImage({ ...imageOf("gen_foreign", 0), projectId: "someone else" }, SIZE, WORKER);
    await records.close();
    const logger = pino({}, { write: (line: string) => void logLines.push(line) });
    gateway = await startScriptedGateway({ dataDir, logger });
  });

  afterAll(() => gateway.close());

  test("for the SDL returns the subgraph that is composed", async () => {
    const { body } = await gateway.graphql("{ _service { sdl } }");

    expect(body.data._service.sdl).toBe(await subgraph());
  });

  test("for the SDL is refused in production, as introspection is, but entities are returned", async () => {
    const production = await startScriptedGateway({ isProduction: true });
    try {
      expect((await production.graphql("{ _service { sdl } }")).body.errors).toHaveLength(1);
      const { body } = await production.graphql(
        '{ _entities(representations: [{ __typename: "Model", id: "any-size-1" }]) { ... on Model { provider } } }',
      );
      expect(body).toEqual({ data: { _entities: [{ provider: "scripted" }] } });
    } finally {
      await production.close();
    }
  });

  test("for a hundred images runs one statement in the store, and two more for their generations and those generations' images", async () => {
    const shuffled = imageIds.toSorted((a, b) => a.slice(-1).localeCompare(b.slice(-1)));
    const representations = shuffled.map((id) => ({ __typename: "Image", id }));
    let answer: Awaited<ReturnType<typeof entities>> | undefined;

    const statements = await statementsDuring(["images", "generations"], async () => {
      answer = await entities(representations, "... on Image { id width url }");
    });
    expect(statements).toHaveLength(1);
    expect(answer?.body.data._entities.map(({ id }: { id: string }) => id)).toEqual(shuffled);
    expect(answer?.body.data._entities[7]).toEqual({
      __typename: "Image",
      id: shuffled[7],
      width: 256,
      url: expect.stringMatching(new RegExp(`^${gateway.url}/images/${shuffled[7]}\\.png\\?`)),
    });

    const nested = await statementsDuring(["images", "generations"], async () => {
      answer = await entities(representations, "... on Image { generation { id images { id } model { id } } }");
    });
    expect(nested).toHaveLength(3);
    expect(answer?.body.data._entities[0].generation.images).toHaveLength(10);
  });

  test("for all types of entities returns them in order, with null for those the caller may not see", async () => {
    const { body } = await entities(
      [
        { __typename: "Model", id: "any-size-1" },
        { __typename: "Image", id: imageIds[3] },
        { __typename: "Image", id: imageOf("gen_foreign", 0).id },
        { __typename: "Generation", id: "gen_foreign" },
        { __typename: "Generation", id: "gen_own4" },
        { __typename: "Image", id: "gen_own4" },
        { __typename: "Image", id: "img_none" },
        { __typename: "Model", id: "no-such-model" },
      ],
      "... on Node { id } ... on Model { name: id isDefault }",
    );

    expect(body).toEqual({
      data: {
        _entities: [
          { __typename: "Model", name: "any-size-1", isDefault: true },
          { __typename: "Image", id: imageIds[3] },
          null,
          null,
          { __typename: "Generation", id: "gen_own4" },
          null,
          null,
          null,
        ],
      },
    });
  });

  test.each<[string, unknown]>([
    ["of an unknown type", { __typename: "Product", id: "1" }],
    ["of a type that is not an entity", { __typename: "PageInfo", id: "1" }],
    ["of an object's own properties", { __typename: "__proto__", id: "1" }],
    ["without a type", { id: "img_1" }],
    ["without an id", { __typename: "Image" }],
    ["with null as id", { __typename: "Image", id: null }],
    ["with a number as id", { __typename: "Image", id: 42 }],
    ["with half a number as id", { __typename: "Image", id: 0.5 }],
    ["with an object as id", { __typename: "Image", id: { $ne: "" } }],
    ["with a list as id", { __typename: "Image", id: ["img_1"] }],
    ["that is a string", "img_1"],
    ["that is a list", [{ __typename: "Image", id: "img_1" }]],
  ])("returns null for a reference %s, and the other entities", async (_case, representation) => {
    const [first, last] = imageIds.slice(0, 2).map((id) => ({ __typename: "Image", id }));
    const { body } = await entities([first, representation, last], "... on Image { id }");

    expect(body).toEqual({ data: { _entities: [first, null, last] } });
  });

  test("with a thousand references to unknown types writes one line to the log", async () => {
    logLines.length = 0;
    await entities(
      Array.from({ length: 1000 }, () => ({ __typename: "Secret", id: "secret" })),
      "",
    );

    const warnings = logLines.filter((line) => JSON.parse(line).level >= 40);
    expect(warnings).toEqual([expect.stringContaining('"unreadable":1000')]);
    expect(warnings[0]).not.toMatch(/secret/i);
  });

  test("for a thousand images with twenty fields each is answered", async () => {
    const representations = Array.from({ length: 1000 }, (_, index) => ({
      __typename: "Image",
      id: imageIds[index % imageIds.length],
    }));
    const sizes = Array.from({ length: 18 }, (_, index) => `w${index}: url(width: ${64 + index})`).join(" ");
    const { body } = await entities(representations, `... on Image { id ${sizes} }`);

    expect(body.errors).toBeUndefined();
    expect(body.data._entities.map(({ id }: { id: string }) => id)).toEqual(representations.map(({ id }) => id));
    expect(Object.keys(body.data._entities[999])).toHaveLength(20);
  });

  test("for more entities than may be read at once is refused", async () => {
    const representations = Array.from({ length: 5001 }, (_, index) => ({ __typename: "Image", id: `img_${index}` }));
    const { body } = await entities(representations, "");
    expect(body.errors).toMatchObject([
      {
        message: "ask for at most 5000 entities at once",
        extensions: { code: "BAD_USER_INPUT", field: "representations" },
      },
    ]);
    expect((await entities(representations.slice(1), "")).body.data._entities).toEqual(Array(5000).fill(null));

    const many = await entities(
      representations.slice(1),
      "... on Image { generation { images { id url width height } } }",
    );
    expect(many.body.errors?.[0]?.message).toBe("Query cost limit of 20000 exceeded, found 21501.");
  });
});
