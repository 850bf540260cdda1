import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, test } from "@jest/globals";

const INDEX = new URL("../../../../dist/index.js", import.meta.url).href;

/** A program with its own copy of type-graphql, which declares types before and after it creates a gateway. */
const programWith = (typeGraphQL: string) => `
  import "reflect-metadata";
  import { graphql, printSchema } from "graphql";
  import { buildSchemaSync, Field, ObjectType, Query, Resolver } from ${JSON.stringify(typeGraphQL)};

  function declare(name) {
    class Thing {}
    Field(() => String)(Thing.prototype, "name");
    ObjectType(name)(Thing);
    class Things { thing() { return { name }; } }
    Query(() => Thing)(Things.prototype, "thing", Object.getOwnPropertyDescriptor(Things.prototype, "thing"));
    Resolver()(Things);
    return Things;
  }
  const build = (resolver) => buildSchemaSync({ resolvers: [resolver], validate: false });
  const ask = async (schema, source) => (await graphql({ schema, source })).data;

  const Before = declare("Before");
  const before = printSchema(build(Before));
  const { createGateway } = await import(${JSON.stringify(INDEX)});
  const gateway = await createGateway({ dataDir: process.argv[1] });
  const After = declare("After");
  const result = {
    isUnchanged: printSchema(build(Before)).replace(/type After {[^}]*}\\s*/, "").trim() === before.trim(),
    before: await ask(build(Before), "{ thing { name } }"),
    after: await ask(build(After), "{ thing { name } }"),
    models: await ask(gateway.schema, "{ models { id } }"),
    generations: await ask(gateway.schema, "{ generations(first: 1) { edges { cursor } } }"),
    hasTheirs: ["Before", "After"].some((name) => name in gateway.schema.getTypeMap()),
  };
  await gateway.close();
  console.log(JSON.stringify(result));
`;

describe("a host program that uses type-graphql", () => {
  test.each([
    ["the same version", import.meta.resolve("type-graphql")],
    ["an older version", import.meta.resolve("type-graphql-older")],
  ])("in %s keeps its own schema, and the gateway keeps its own", async (_version, typeGraphQL) => {
    const directory = await mkdtemp(join(tmpdir(), "pictograph-"));
    const parameters = ["--input-type=module", "--eval", programWith(typeGraphQL), directory];
    const { stdout } = await promisify(execFile)(process.execPath, parameters);
    await rm(directory, { recursive: true, force: true });

    expect(JSON.parse(stdout)).toEqual({
      isUnchanged: true,
      before: { thing: { name: "Before" } },
      after: { thing: { name: "After" } },
      models: { models: [{ id: "illustrator-1" }] },
      generations: { generations: { edges: [] } },
      hasTheirs: false,
    });
  });
});
