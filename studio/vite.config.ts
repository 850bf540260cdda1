import { defineConfig, type HtmlTagDescriptor, type Plugin, type Rolldown } from "vite";

/** Browsers that know `light-dark()`, `field-sizing` is optional: the style sheets ship as they are written. */
const BROWSERS = ["chrome123", "firefox125", "safari17.5"];
/** Draws the page. The entry imports it dynamically, so as to send the first requests before it has arrived. */
const PAGE = "/app/show.tsx";

/** Builds the studio into `dist/pages/studio`. Its addresses are relative, so it works below any prefix. */
export default defineConfig({
  root: import.meta.dirname,
  base: "./",
  logLevel: "warn",
  plugins: [preloadPage()],
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: {
    outDir: "../dist/pages/studio",
    emptyOutDir: true,
    assetsDir: "studio",
    // Nothing becomes a data: URL, so the policy of the page needs none for scripts and styles.
    assetsInlineLimit: 0,
    target: BROWSERS,
    modulePreload: { polyfill: false },
    rolldownOptions: {
      output: {
        // Few files: each one that the first screen waits for may cost a round trip.
        codeSplitting: {
          groups: [
            { name: "start", tags: ["$initial"], priority: 2 },
            { name: "page", test: PAGE, priority: 1 },
          ],
        },
      },
    },
  },
});

/** Names the files of {@link PAGE} in the HTML, so that browsers load them together with the entry. */
function preloadPage(): Plugin {
  return {
    name: "preload-page",
    transformIndexHtml: {
      order: "post",
      handler(html, { bundle = {} }) {
        const chunks = new Map(
          Object.values(bundle).flatMap((output) => (output.type === "chunk" ? [[output.fileName, output]] : [])),
        );
        const page = [...chunks.values()].find(({ facadeModuleId }) => facadeModuleId?.endsWith(PAGE));
        if (!page) throw new Error(`nothing imports ${PAGE} dynamically`);
        return filesOf(page, chunks)
          .filter((file) => !html.includes(file))
          .map(toTag);
      },
    },
  };
}

/** The scripts and styles that a chunk needs before it can run, its own included. */
function filesOf(chunk: Rolldown.OutputChunk, chunks: ReadonlyMap<string, Rolldown.OutputChunk>): readonly string[] {
  const files = chunk.imports.flatMap((name) => chunks.get(name) ?? []).flatMap((each) => filesOf(each, chunks));
  return [...new Set([...files, chunk.fileName, ...(chunk.viteMetadata?.importedCss ?? [])])];
}

function toTag(file: string): HtmlTagDescriptor {
  const rel = file.endsWith(".css") ? "stylesheet" : "modulepreload";
  return { tag: "link", attrs: { rel, crossorigin: true, href: `./${file}` }, injectTo: "head" };
}
