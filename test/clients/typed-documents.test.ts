import { execFile } from "node:child_process";
import { copyFile, mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { preset } from "@graphql-codegen/client-preset";
import { codegen } from "@graphql-codegen/core";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { buildClientSchema, getIntrospectionQuery, parse, printSchema } from "graphql";
import { type ScriptedGateway, startScriptedGateway } from "../support/gateways/scripted-gateway.ts";
import { temporaryDirectories } from "../support/temporary-directory.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const TYPED = join(ROOT, "test/clients/typed");
const TYPESCRIPT = join(ROOT, "node_modules/typescript/bin/tsc");

const makeDirectory = temporaryDirectories();
let gateway: ScriptedGateway;

beforeAll(async () => {
  gateway = await startScriptedGateway();
});

afterAll(() => gateway.close());

/** The output of the `client` preset for the operations and the schema of a running gateway. */
async function generateTypes(directory: string): Promise<void> {
  const schemaAst = buildClientSchema((await gateway.graphql(getIntrospectionQuery())).body.data);
  const location = join(TYPED, "operations.graphql");
  const rawSDL = await readFile(location, "utf8");
  const files = await preset.buildGeneratesSection({
    baseOutputDir: `${directory}/`,
    schema: parse(printSchema(schemaAst)),
    schemaAst,
    documents: [{ location, document: parse(rawSDL), rawSDL }],
    config: { useTypeImports: true, scalars: { DateTime: "string", ImageSize: "string", USD: "string" } },
    presetConfig: { fragmentMasking: false },
    pluginMap: {},
    plugins: [],
  });
  for (const file of files) await writeFile(file.filename, await codegen(file));
}

test("the types that graphql-codegen makes from the schema match the gateway's answers", async () => {
  const directory = await makeDirectory();
  await mkdir(join(directory, "gql"));
  await generateTypes(join(directory, "gql"));
  await copyFile(join(TYPED, "program.ts"), join(directory, "program.ts"));
  await symlink(join(ROOT, "node_modules"), join(directory, "node_modules"));
  await writeFile(join(directory, "package.json"), '{"type": "module"}');
  const run = (...parameters: string[]) => promisify(execFile)(process.execPath, parameters, { cwd: directory });

  const strict = ["--noEmit", "--strict", "--module", "nodenext", "--target", "es2024", "--types", "node"];
  await run(TYPESCRIPT, ...strict, "--allowImportingTsExtensions", "--skipLibCheck", "program.ts").catch((error) => {
    throw new Error(error.stdout);
  });
  const { stdout } = await run("program.ts", gateway.url);

  expect(JSON.parse(stdout)).toEqual({
    status: "SUCCEEDED",
    formats: ["PNG", "PNG"],
    hasThumbnails: true,
    isDate: true,
    isInHistory: true,
    cost: null,
    kinds: ["OperationDefinition", "FragmentDefinition"],
  });
});
