import { afterAll, beforeAll, expect, test } from "@jest/globals";
import {
  buildClientSchema,
  type GraphQLInterfaceType,
  type GraphQLUnionType,
  getIntrospectionQuery,
  type IntrospectionQuery,
  specifiedScalarTypes,
} from "graphql";
import { type ScriptedGateway, startScriptedGateway } from "../../support/gateways/scripted-gateway.ts";

let gateway: ScriptedGateway;
let introspection: IntrospectionQuery;

beforeAll(async () => {
  gateway = await startScriptedGateway();
  const query = getIntrospectionQuery({ inputValueDeprecation: true, specifiedByUrl: true, schemaDescription: true });
  introspection = (await gateway.graphql(query)).body.data;
});

afterAll(() => gateway.close());

interface Described {
  readonly name: string;
  readonly description?: string | null | undefined;
  readonly args?: readonly Described[] | null;
  readonly fields?: readonly Described[] | null;
  readonly inputFields?: readonly Described[] | null;
  readonly enumValues?: readonly Described[] | null;
}

/** Returns the path of each element below this one, with its description. */
function* describedParts(part: Described, path = part.name): Iterable<[string, string]> {
  yield [path, part.description ?? ""];
  for (const child of [part.fields, part.inputFields, part.enumValues, part.args].flatMap((parts) => parts ?? [])) {
    yield* describedParts(child, `${path}.${child.name}`);
  }
}

test("every type, field, argument, enum value and input field of the schema has a description", () => {
  const own = introspection.__schema.types.filter(({ name }) => !name.startsWith("__"));
  const parts = own.flatMap((type) => [...describedParts(type as Described)]);

  expect(parts.length).toBeGreaterThan(120);
  expect(parts.filter(([, description]) => description.trim().length < 5).map(([path]) => path)).toEqual([]);
});

test("every custom scalar links to its specification", () => {
  const ours = introspection.__schema.types
    .filter((type) => type.kind === "SCALAR")
    .filter(({ name }) => !specifiedScalarTypes.some((scalar) => scalar.name === name));

  expect(ours.map(({ name }) => name).sort()).toEqual(["DateTime", "ImageSize", "USD", "Upload", "_Any"]);
  for (const { name, specifiedByURL } of ours) {
    expect([name, URL.canParse(specifiedByURL ?? "")]).toEqual([name, true]);
  }
});

test("every event type implements the interface that has the generation", () => {
  const schema = buildClientSchema(introspection);
  const event = schema.getType("GenerationEvent") as GraphQLUnionType;
  const update = schema.getType("GenerationUpdate") as GraphQLInterfaceType;

  expect(event.getTypes().map(({ name }) => name)).toEqual([
    "GenerationStatusChanged",
    "PartialImageReady",
    "ImageReady",
  ]);
  expect(schema.getPossibleTypes(update)).toEqual(expect.arrayContaining([...event.getTypes()]));
  expect(String(update.getFields().generation?.type)).toBe("Generation!");
});

test("the schema builds and has everything in the contract", () => {
  const schema = buildClientSchema(introspection);
  const fieldsOf = (name: string) => {
    const type = schema.getType(name);
    return type && "getFields" in type ? Object.keys(type.getFields()) : [];
  };

  expect(fieldsOf("Query")).toEqual(expect.arrayContaining(["image", "generation", "generations", "models", "node"]));
  expect(fieldsOf("Mutation")).toContain("generateImages");
  expect(fieldsOf("Generation")).toEqual(
    expect.arrayContaining(
      "id status prompt model n requestedSize generatedSize quality format background compression seed images failure warnings usage cost createdAt startedAt finishedAt".split(
        " ",
      ),
    ),
  );
  expect(fieldsOf("Image")).toEqual(
    expect.arrayContaining(
      "id generation index url width height format byteSize sha256 placeholder createdAt".split(" "),
    ),
  );
  expect(fieldsOf("GenerateImagesInput")).toEqual(
    expect.arrayContaining("prompt n size model quality format background seed idempotencyKey waitSeconds".split(" ")),
  );
  expect(fieldsOf("GenerationFailure")).toEqual(["code", "message", "retryable", "billed"]);
  expect(fieldsOf("PageInfo").sort()).toEqual(["endCursor", "hasNextPage", "hasPreviousPage", "startCursor"]);
});
