import { readFile, writeFile } from "node:fs/promises";
import { stringify } from "yaml";

// The decorated classes need the compiler: this runs on what `npm run build` made.
const { describeGraph } = await import(new URL("../dist/api/graphql/schema.js", import.meta.url).href);
const { describeRestApi } = await import(new URL("../dist/api/rest/openapi.js", import.meta.url).href);

const { schema, subgraph } = describeGraph();
const contracts = {
  "schema/schema.graphql": schema,
  "schema/subgraph.graphql": subgraph,
  "schema/openapi.yaml": stringify(describeRestApi(), { aliasDuplicateObjects: false, lineWidth: 120 }),
};

/** Writes the contracts as text, or with `--check` compares them with what is committed. */
for (const [path, text] of Object.entries(contracts)) {
  const file = new URL(`../${path}`, import.meta.url);
  if (!process.argv.includes("--check")) {
    await writeFile(file, text);
  } else if ((await readFile(file, "utf8")) !== text) {
    console.error(`${path} is out of date: run npm run schema`);
    process.exitCode = 1;
  }
}
