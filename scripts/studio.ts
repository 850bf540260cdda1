import { createHash } from "node:crypto";
import { glob, mkdir, readFile, writeFile } from "node:fs/promises";
import { preset } from "@graphql-codegen/client-preset";
import { codegen } from "@graphql-codegen/core";
import { buildSchema, parse } from "graphql";
import { compress } from "./compress.ts";

const root = new URL("../", import.meta.url);
const GENERATED = new URL("studio/generated/", root);
const BUILT = new URL("dist/pages/studio/", root);
/** The documents that the studio sends, by their SHA-256: a gateway with trusted documents trusts them too. */
const DOCUMENTS = new URL("documents.json", BUILT);
/** Holds the hash of everything that the last build was made of. */
const STAMP = new URL(".stamp", BUILT);

/** Turns the studio's operations and the committed schema into typed documents: `studio/generated/graphql.ts`. */
export async function generateDocuments(): Promise<void> {
  const text = await readFile(new URL("schema/schema.graphql", root), "utf8");
  const locations = (await Array.fromAsync(glob("studio/**/*.graphql", { cwd: root }))).sort();
  const documents = await Promise.all(
    locations.map(async (location) => {
      const rawSDL = await readFile(new URL(location, root), "utf8");
      return { location, rawSDL, document: parse(rawSDL) };
    }),
  );
  const files = await preset.buildGeneratesSection({
    baseOutputDir: GENERATED.pathname,
    schema: parse(text),
    schemaAst: buildSchema(text),
    documents,
    config: {
      documentMode: "string",
      useTypeImports: true,
      scalars: { ID: "string", DateTime: "string", ImageSize: "string", USD: "string", Upload: "File" },
    },
    presetConfig: { fragmentMasking: false },
    pluginMap: {},
    plugins: [],
  });
  await mkdir(GENERATED, { recursive: true });
  const file = files.find(({ filename }) => filename.endsWith("/graphql.ts"));
  if (!file) throw new Error("the code generator made no documents");
  await writeIfChanged(new URL("graphql.ts", GENERATED), `// @ts-nocheck\n${await codegen(file)}`);
}

/** Builds the studio and compresses each file, unless nothing has changed since the last build. */
export async function buildStudio(): Promise<void> {
  await generateDocuments();
  const stamp = await hashOfSources();
  if ((await readFile(STAMP, "utf8").catch(() => "")) === stamp) return;
  const { build } = await import("vite");
  await build({ configFile: new URL("studio/vite.config.ts", root).pathname });
  const files = await Array.fromAsync(glob("**/*.{js,css,svg}", { cwd: BUILT }));
  await Promise.all(files.map((file) => compress(new URL(file, BUILT))));
  await writeFile(DOCUMENTS, JSON.stringify(await listDocuments(), null, 2));
  await writeFile(STAMP, stamp);
}

/** Lists the documents that the studio sends, as it sends them. */
async function listDocuments(): Promise<Readonly<Record<string, string>>> {
  const generated = (await import(new URL("graphql.ts", GENERATED).href)) as Readonly<Record<string, unknown>>;
  const texts = Object.entries(generated).flatMap(([name, value]) =>
    name.endsWith("Document") ? [String(value)] : [],
  );
  return Object.fromEntries(texts.map((text) => [createHash("sha256").update(text).digest("hex"), text]));
}

async function hashOfSources(): Promise<string> {
  const hash = createHash("sha256");
  const names = (await Array.fromAsync(glob("studio/**/*.*", { cwd: root }))).sort();
  for (const name of ["package-lock.json", "scripts/studio.ts", "scripts/compress.ts", ...names]) {
    hash.update(name).update(await readFile(new URL(name, root)));
  }
  return hash.digest("hex");
}

async function writeIfChanged(file: URL, text: string): Promise<void> {
  if ((await readFile(file, "utf8").catch(() => undefined)) !== text) await writeFile(file, text);
}
