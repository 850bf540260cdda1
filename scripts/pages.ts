import { copyFile, cp, glob, mkdir } from "node:fs/promises";
import { compress } from "./compress.ts";
import { buildStudio } from "./studio.ts";

/** What the pages load, by page; the packages are needed for the build only. */
const FROM_PACKAGES = {
  reference: ["swagger-ui-dist/swagger-ui-bundle.js", "swagger-ui-dist/swagger-ui.css"],
  graphiql: [
    "react/umd/react.production.min.js",
    "react-dom/umd/react-dom.production.min.js",
    "graphiql/graphiql.min.js",
    "graphiql/graphiql.min.css",
    "graphql-sse/umd/graphql-sse.min.js",
  ],
};

/** What every page has: the mark, the colours of the studio, and the bar on top. */
const OF_ALL_PAGES = ["studio/mark.svg", "studio/styles/tokens.css", "src/api/web/bar.css"];

const root = new URL("../", import.meta.url);

for (const [page, files] of Object.entries(FROM_PACKAGES)) {
  const target = new URL(`dist/pages/${page}/`, root);
  await mkdir(target, { recursive: true });
  await cp(new URL(`src/api/web/${page}/`, root), target, { recursive: true });
  for (const file of [...files.map((file) => `node_modules/${file}`), ...OF_ALL_PAGES]) {
    await copyFile(new URL(file, root), new URL(file.slice(file.lastIndexOf("/") + 1), target));
  }
  const built = await Array.fromAsync(glob("*.{js,css,svg}", { cwd: target }));
  await Promise.all(built.map((file) => compress(new URL(file, target))));
}

await buildStudio();
