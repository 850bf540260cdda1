import { composeServices } from "@apollo/composition";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { buildSchema, isScalarType, parse } from "graphql";
import { prefixTypes } from "../../../../src/api/graphql/type-prefix.ts";
import { type ScriptedGateway, startScriptedGateway } from "../../../support/gateways/scripted-gateway.ts";

/** A company's subgraph that already uses all these names. */
const COMPANY = `
  extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@key"])
  type Query { warnings: [Warning!]!  image(number: Int): Image  node(id: ID!): Node }
  interface Node { id: ID! }
  type Warning @key(fields: "number") { number: Int!  text: String! }
  type Image implements Node @key(fields: "id") { id: ID!  pixels: Int! }
  type Model { year: Int! }
  type Generation { born: Int! }
  type Quote { author: String! }
  type PageInfo { number: Int! }
  enum Quality { GOOD BAD }
  enum Background { BLUE }
  enum Operation { ADD }
  enum Fit { TIGHT }
  type Pictures { model: Model  generation: Generation  quote: Quote  quality: Quality  page: PageInfo
    background: Background  operation: Operation  fit: Fit }
`;

const GENERATE = `mutation { generateImages(input: { prompt: "a fox", size: "64x64" }) {
  __typename id model { __typename } images { __typename id } warnings { __typename }
} }`;

let gateway: ScriptedGateway;
beforeAll(async () => {
  gateway = await startScriptedGateway({ typePrefix: "Pictograph" });
});
afterAll(() => gateway.close());

describe("a schema with a type prefix", () => {
  test("has the prefix on every type except scalars, root types and federation's types", () => {
    const types = Object.values(gateway.gateway.schema.getTypeMap()).filter(({ name }) => !name.startsWith("__"));
    const others = types.filter((type) => !isScalarType(type) && !type.name.startsWith("Pictograph"));

    expect(others.map(({ name }) => name).sort()).toEqual(["Mutation", "Query", "Subscription"]);
  });

  test("composes with a subgraph that has types of the same names", async () => {
    const { body } = await gateway.graphql("{ _service { sdl } }");
    const { errors, hints } = composeServices([
      { name: "pictures", url: "http://pictures.example", typeDefs: parse(body.data._service.sdl) },
      { name: "company", url: "http://company.example", typeDefs: parse(COMPANY.replace("image(", "picture(")) },
    ]);

    expect(errors).toBeUndefined();
    expect(hints).toEqual([]);
  });

  test("does not compose with that subgraph if the prefix is missing", async () => {
    const plain = await startScriptedGateway();
    const { body } = await plain.graphql("{ _service { sdl } }");
    await plain.close();
    const { errors } = composeServices([
      { name: "pictures", url: "http://pictures.example", typeDefs: parse(body.data._service.sdl) },
      { name: "company", url: "http://company.example", typeDefs: parse(COMPANY.replace("image(", "picture(")) },
    ]);

    expect(errors).not.toBeUndefined();
  });

  test("answers with the prefixed names, and finds nodes and entities by them", async () => {
    const { data } = (await gateway.graphql(GENERATE)).body;
    const { id, images } = data.generateImages;
    const read = await gateway.graphql(
      `query ($image: ID!, $generation: ID!, $references: [_Any!]!) {
        image: node(id: $image) { __typename id ... on PictographImage { width } }
        generation: node(id: $generation) { __typename ... on PictographGeneration { status } }
        _entities(representations: $references) { __typename ... on PictographImage { id } }
      }`,
      {
        image: images[0].id,
        generation: id,
        references: [
          { __typename: "PictographImage", id: images[0].id },
          { __typename: "Image", id: images[0].id },
          { __typename: "PictographModel", id: "any-size-1" },
        ],
      },
    );

    expect(data.generateImages).toMatchObject({
      __typename: "PictographGeneration",
      model: { __typename: "PictographModel" },
      images: [{ __typename: "PictographImage" }],
    });
    expect(read.body).toEqual({
      data: {
        image: { __typename: "PictographImage", id: images[0].id, width: 64 },
        generation: { __typename: "PictographGeneration", status: "SUCCEEDED" },
        _entities: [{ __typename: "PictographImage", id: images[0].id }, null, { __typename: "PictographModel" }],
      },
    });
  });

  test("calculates the same cost for an operation as a schema without a prefix", async () => {
    const aliases = Array.from({ length: 3 }, (_, index) => {
      return `g${index}: generateImages(input: { prompt: "a fox", n: 4, size: "64x64" }) { id }`;
    });
    const { body } = await gateway.graphql(`mutation { ${aliases.join(" ")} }`);

    expect(body.errors?.[0]?.message).toMatch(/10 images/);
  });

  test.each(["1st", "__", "a-b"])("cannot have the prefix %j, because no type name may begin with it", (typePrefix) => {
    const schema = buildSchema("type Query { image: Image } type Image { id: ID! }");

    expect(() => prefixTypes(schema, typePrefix)).toThrow(/[Nn]ame/);
  });
});
